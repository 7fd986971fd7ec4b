import { expect, test } from "vitest";

import { Schedule } from "./schedule.ts";

test.each<[object, string]>([
  [{ cron: "@daily", zone: "Europe/Viena" }, "the name of a time zone such as `Europe/Vienna`"],
  [{ cron: "0 0 31 2 *" }, "no year has such a day: 31 in feb"],
  [{ every: "1s" }, "a duration from `10s` to `31d`"],
  [{ every: "1h", splay: "2h" }, "it is longer than `every`"],
  [{ every: "2h", window: { from: "01:00", to: "02:00" } }, "the window is shorter than `every`"],
  [{ atBoot: "5m", window: { from: "01:00", to: "02:00" } }, "a boot comes when it comes"],
  [{}, "say when, by one of"],
  [{ cron: "@daily", function: "schedule.run", args: { name: "x" } }, "a schedule does not run schedules"],
  [{ cron: "@daily", function: "state.single" }, "needs a catalog of its own from the master"],
])("%j is refused: %s", (says, why) => {
  const read = Schedule.safeParse({ name: "x", function: "test.ping", ...says });
  expect(read.error?.issues.map(({ message }) => message)).toEqual([expect.stringContaining(why)]);
});
