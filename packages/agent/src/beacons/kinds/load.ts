import { BomaError } from "@boma/protocol";

import { messageOf } from "../../files.ts";
import { defineBeacon } from "../beacon.ts";

const LOOK_MS = 10_000;
const SLACK = 0.9;
const PLACES = { 1: 0, 5: 1, 15: 2 } as const;

export const load = defineBeacon({
  kind: "beacon.load",
  start({ perCpu: most, windowMinutes }, eyes, { every, read, cpus }) {
    let high = false;
    return every(
      LOOK_MS,
      async () => {
        const now = Number((await read("/proc/loadavg"))?.split(" ")[PLACES[windowMinutes]] ?? Number.NaN);
        if (!Number.isFinite(now)) throw new BomaError("internal", "/proc/loadavg cannot be read");
        const perCpu = now / cpus();
        high = perCpu >= most * (high ? SLACK : 1);
        eyes.blind(undefined);
        eyes.is(high, { load: now, perCpu: Math.round(perCpu * 100) / 100, windowMinutes });
      },
      (thrown) => eyes.blind(messageOf(thrown)),
    );
  },
});
