/** When a window is open, over frozen days and changes of the clock. */
import { expect, test } from "vitest";

import { maintenanceOpening, MaintenanceWindow, opennessOf } from "./window.ts";

const window = (said: object): MaintenanceWindow =>
  MaintenanceWindow.parse({ name: "nightly", duration: "2h", ...said });
const at = (text: string): number => Date.parse(text);
const opening = (said: object, now: string): string[] | undefined => {
  const found = maintenanceOpening(window(said), at(now));
  return found && [found.from, found.to].map((ms) => new Date(ms).toISOString().slice(0, 16));
};

test("an instant within an opening finds that one, also after midnight; else it finds the next", () => {
  const late = { from: "23:00", days: ["fri"] };
  expect(opening(late, "2026-11-28T00:30:00Z")).toEqual(["2026-11-27T23:00", "2026-11-28T01:00"]);
  expect(opening(late, "2026-11-28T01:00:00Z")).toEqual(["2026-12-04T23:00", "2026-12-05T01:00"]);
  expect(opening({ cron: "0 6 1 * *" }, "2026-11-21T00:00:00Z")).toEqual([
    "2026-12-01T06:00",
    "2026-12-01T08:00",
  ]);
});

test("it opens by the clock on the wall, in summer and in winter, and stays open as long as it says", () => {
  const vienna = { from: "02:30", zone: "Europe/Vienna" };
  expect(opening(vienna, "2026-07-01T00:00:00Z")).toEqual(["2026-07-01T00:30", "2026-07-01T02:30"]);
  expect(opening(vienna, "2026-12-01T00:00:00Z")).toEqual(["2026-12-01T01:30", "2026-12-01T03:30"]);
  // 02:30 is jumped over on this day: it opens when the clocks have jumped.
  expect(opening(vienna, "2026-03-28T23:00:00Z")).toEqual(["2026-03-29T01:00", "2026-03-29T03:00"]);
});

test("frozen days keep it shut, the last one included, and cut what reaches into them", () => {
  const frozen = { from: "23:00", freeze: [{ from: "2026-12-24", to: "2026-12-26" }] };
  expect(opening(frozen, "2026-12-23T23:30:00Z")).toEqual(["2026-12-23T23:00", "2026-12-24T00:00"]);
  expect(opening(frozen, "2026-12-24T12:00:00Z")).toEqual(["2026-12-27T00:00", "2026-12-27T01:00"]);
});

test("weeks of frozen days between openings that come every minute are passed over", () => {
  const year = { cron: "* * * * *", freeze: [{ from: "2026-01-01", to: "2026-12-31" }] };
  expect(opening(year, "2026-03-01T00:00:00Z")?.[0]).toBe("2027-01-01T00:00");
});

test("a window of other domains opens nothing here, and of several that are open the longest counts", () => {
  const now = at("2026-11-21T02:10:00Z");
  const windows = [
    window({ name: "short", from: "02:00", duration: "30m" }),
    window({ name: "long", from: "02:05" }),
    window({ name: "disks", from: "00:00", duration: "12h", domains: ["ceph"] }),
  ];
  expect(opennessOf(windows, "consul/dc1", now)).toMatchObject({ open: true, window: "long" });
  expect(opennessOf(windows, "ceph", now)).toMatchObject({ open: true, window: "disks" });
  expect(opennessOf(windows, "consul/dc1", at("2026-11-21T05:00:00Z"))).toEqual({
    open: false,
    window: "short",
    at: at("2026-11-22T02:00:00Z"),
  });
  expect(opennessOf([], "consul/dc1", now)).toEqual({ open: false, window: null, at: null });
});

test.each<[why: string, said: object]>([
  ["when it opens is not said", {}],
  ["it is said twice", { cron: "0 2 * * *", from: "02:00" }],
  ["days go with a time of the day", { cron: "0 2 * * *", days: ["mon"] }],
  ["a span runs backwards", { from: "02:00", freeze: [{ from: "2026-02-02", to: "2026-02-01" }] }],
  ["there is no such day", { from: "02:00", freeze: [{ from: "2026-02-30", to: "2026-03-01" }] }],
  ["it is open for longer than a week", { from: "02:00", duration: "8d" }],
  ["a zone is an abbreviation", { from: "02:00", zone: "CET" }],
  ["a domain has a space in it", { from: "02:00", domains: ["a b"] }],
])("it is refused where %s", (_why, said) => {
  expect(MaintenanceWindow.safeParse({ name: "nightly", duration: "2h", ...said }).success).toBe(false);
});
