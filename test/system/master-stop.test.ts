// Goal: a master that is told to stop ends, whatever the bus does.
import { expect, test } from "vitest";

import { Fleet } from "../support/fleet.ts";

test(
  "a master whose bus stands still ends all the same, and takes that bus with it",
  { timeout: 150_000 },
  async () => {
    await using fleet = await Fleet.start();
    const bus = fleet.busPid;
    process.kill(bus, "SIGSTOP");
    expect(await fleet.master.stop()).toMatchObject({ code: 0 });
    expect(() => process.kill(bus, 0)).toThrow("ESRCH");
  },
);
