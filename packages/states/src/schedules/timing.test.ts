import fc from "fast-check";
import { describe, expect, test } from "vitest";

import { type Cron, isCronDay, parseCron } from "./cron.ts";
import { isOpen, nextDue, type Timing } from "./timing.ts";
import { calendarOf } from "./window.ts";
import { isZone, wallAt } from "./zone.ts";

const cron = (text: string, zone = "UTC", more: Partial<Timing> = {}): Timing => ({
  cron: text,
  zone,
  ...more,
});

/** The next times after an instant. */
function dues(timing: Timing, after: string, count: number, seed = "n/s"): string[] {
  const found: string[] = [];
  for (let from = Date.parse(after); found.length < count;) {
    const due = nextDue(timing, from, seed);
    if (due === undefined) break;
    found.push(new Date(due).toISOString().replace(":00.000Z", "Z"));
    from = due;
  }
  return found;
}

describe("a cron expression is due", () => {
  test.each<[string, string, readonly string[]]>([
    ["30 2 * * mon-fri", "2026-11-20T02:30Z", ["2026-11-23T02:30Z", "2026-11-24T02:30Z"]],
    [
      "*/20 8-9 * * *",
      "2026-11-20T08:50Z",
      ["2026-11-20T09:00Z", "2026-11-20T09:20Z", "2026-11-20T09:40Z", "2026-11-21T08:00Z"],
    ],
    ["0 0 29 2 *", "2026-01-01T00:00Z", ["2028-02-29T00:00Z", "2032-02-29T00:00Z"]],
    ["0 0 29 2 *", "2096-03-01T00:00Z", ["2104-02-29T00:00Z"]],
    ["0 12 13 * fri", "2026-11-01T00:00Z", ["2026-11-06T12:00Z", "2026-11-13T12:00Z", "2026-11-20T12:00Z"]],
    ["0 12 13 */2 *", "2026-11-20T00:00Z", ["2027-01-13T12:00Z", "2027-03-13T12:00Z"]],
    ["5 4 * * 7", "2026-11-20T00:00Z", ["2026-11-22T04:05Z"]],
    ["0 0 1-7 * */7", "2026-11-20T00:00Z", ["2026-12-06T00:00Z", "2027-01-03T00:00Z"]],
    ["@monthly", "2026-11-20T00:00Z", ["2026-12-01T00:00Z", "2027-01-01T00:00Z"]],
    ["0 0 31 * *", "2026-11-20T00:00Z", ["2026-12-31T00:00Z", "2027-01-31T00:00Z", "2027-03-31T00:00Z"]],
  ])("%s, after %s: %j", (text, after, expected) => {
    expect(dues(cron(text), after, expected.length)).toEqual(expected);
  });
});

describe("where clocks are set", () => {
  test.each<[string, string, string, string, readonly string[]]>([
    // Vienna, 2026: forward on 29 March at 01:00Z (02:00 to 03:00), back on 25 October at 01:00Z (03:00 to 02:00).
    [
      "a time that is jumped over comes once, at the first instant after the jump",
      "30 2 * * *",
      "Europe/Vienna",
      "2026-03-28T00:00Z",
      ["2026-03-28T01:30Z", "2026-03-29T01:00Z", "2026-03-30T00:30Z"],
    ],
    [
      "several times that are jumped over come once together",
      "*/15 2 * * *",
      "Europe/Vienna",
      "2026-03-28T01:45Z",
      ["2026-03-29T01:00Z", "2026-03-30T00:00Z"],
    ],
    [
      "every quarter of an hour goes on over the jump",
      "*/15 * * * *",
      "Europe/Vienna",
      "2026-03-29T00:40Z",
      ["2026-03-29T00:45Z", "2026-03-29T01:00Z", "2026-03-29T01:15Z"],
    ],
    [
      "a time that comes twice runs the first time",
      "30 2 * * *",
      "Europe/Vienna",
      "2026-10-24T12:00Z",
      ["2026-10-25T00:30Z", "2026-10-26T01:30Z"],
    ],
    [
      "every hour means the one that comes twice as well",
      "30 * * * *",
      "Europe/Vienna",
      "2026-10-25T00:00Z",
      ["2026-10-25T00:30Z", "2026-10-25T01:30Z", "2026-10-25T02:30Z"],
    ],
    // St. John's, until 2011: back at one minute past midnight, to 23:01 of the day before.
    [
      "a midnight that comes twice runs once",
      "0 0 * * *",
      "America/St_Johns",
      "2010-11-06T12:00Z",
      ["2010-11-07T02:30Z", "2010-11-08T03:30Z"],
    ],
    [
      "an hour of yesterday that comes again comes in its order",
      "30 * * * *",
      "America/St_Johns",
      "2010-11-07T01:30Z",
      ["2010-11-07T02:00Z", "2010-11-07T03:00Z", "2010-11-07T04:00Z"],
    ],
    // Lord Howe: by half an hour.
    [
      "half an hour that is jumped over",
      "15 2 * * *",
      "Australia/Lord_Howe",
      "2026-10-03T00:00Z",
      ["2026-10-03T15:30Z", "2026-10-04T15:15Z"],
    ],
    // Apia had no 30 December 2011: its clocks went from the end of the 29th to the 31st.
    [
      "a whole day that is jumped over comes at its end",
      "0 12 * * *",
      "Pacific/Apia",
      "2011-12-29T12:00Z",
      ["2011-12-29T22:00Z", "2011-12-30T10:00Z", "2011-12-30T22:00Z"],
    ],
    [
      "a Friday that never was, for those who wait for it",
      "0 12 30 12 *",
      "Pacific/Apia",
      "2011-06-01T00:00Z",
      ["2011-12-30T10:00Z", "2012-12-29T22:00Z"],
    ],
  ])("%s (%s in %s)", (...[, text, zone, after, expected]) => {
    expect(dues(cron(text, zone), after, expected.length)).toEqual(expected);
  });
});

test.each([
  ["0 0 31 2 *", "no year has such a day: 31 in feb"],
  ["0 0 30,31 feb *", "no year has such a day: 30, 31 in feb"],
  ["0 0 31 4,6,9,11 *", "no year has such a day: 31 in apr, jun, sep, nov"],
  ["60 * * * *", 'the minute "60" is not between 0 and 59'],
  ["* 5-3 * * *", 'the hour "5-3" runs backwards'],
  ["*/0 * * * *", 'the minute "*/0" has a step of nothing'],
  ["* * * foo *", 'the month "foo" is not between 1 and 12'],
  ["* * * * mon-", 'the day of the week "mon-" is not a number'],
  ["* * * *", "has 4 fields instead of five"],
  ["@reboot", "write atBoot instead of cron"],
  ["@often", "there is no @often"],
])("%s is no cron expression: %s", (text, why) => {
  expect(() => parseCron(text)).toThrow(why);
});

test.each([
  ["Europe/Vienna", true],
  ["UTC", true],
  ["America/Argentina/Ushuaia", true],
  ["Vienna", false],
  ["Europe/Viena", false],
  ["CET", false],
  ["+01:00", false],
  ["", false],
])("%j is a zone: %s", (name, is) => {
  expect(isZone(name)).toBe(is);
});

describe("every", () => {
  const every = (minutes: number, more: Partial<Timing> = {}): Timing => ({
    everyMs: minutes * 60_000,
    zone: "UTC",
    ...more,
  });

  test("keeps the time of a node, and spreads a fleet over all of it", () => {
    const first = Array.from({ length: 400 }, (_, n) => nextDue(every(60), 0, `node${n}/s`)!);
    expect(nextDue(every(60), 0, "node7/s")).toBe(first[7]);
    const quarters = [0, 1, 2, 3].map(
      (q) => first.filter((due) => Math.floor((due % 3_600_000) / 900_000) === q).length,
    );
    for (const count of quarters) expect(count).toBeGreaterThan(60);
  });

  test("is at whole hours where no splay is wanted", () => {
    expect(dues(every(60, { splayMs: 0 }), "2026-11-20T10:20Z", 2)).toEqual([
      "2026-11-20T11:00Z",
      "2026-11-20T12:00Z",
    ]);
  });

  test("waits for its window, over midnight and on the days that were named", () => {
    const timing = every(60, {
      splayMs: 0,
      zone: "Europe/Vienna",
      window: { days: ["fri"], from: "22:00", to: "02:00" },
    });
    expect(dues(timing, "2026-11-20T10:20Z", 5)).toEqual([
      "2026-11-20T21:00Z",
      "2026-11-20T22:00Z",
      "2026-11-20T23:00Z",
      "2026-11-21T00:00Z",
      "2026-11-27T21:00Z",
    ]);
  });
});

test("a splay ends with the window: no node begins after it", () => {
  const timing = cron("50 5 * * *", "UTC", { splayMs: 3_600_000, window: { from: "22:00", to: "06:00" } });
  for (let n = 0; n < 200; n++) {
    const due = nextDue(timing, Date.parse("2026-11-20T00:00Z"), `node${n}/s`)!;
    expect(due).toBeGreaterThanOrEqual(Date.parse("2026-11-20T05:50Z"));
    expect(due).toBeLessThan(Date.parse("2026-11-20T06:00Z"));
  }
});

const FIELD = {
  minute: fc.oneof(fc.constant("*"), fc.constant("*/7"), fc.nat(59).map(String), fc.constant("10-20/5,55")),
  hour: fc.oneof(fc.constant("*"), fc.constant("1-3"), fc.nat(23).map(String), fc.constant("*/6")),
  day: fc.oneof(fc.constant("*"), fc.integer({ min: 1, max: 28 }).map(String), fc.constant("*/9")),
  month: fc.oneof(fc.constant("*"), fc.integer({ min: 1, max: 12 }).map(String), fc.constant("mar,oct,nov")),
  weekday: fc.oneof(fc.constant("*"), fc.nat(7).map(String), fc.constant("mon-fri")),
};
const ZONES = [
  "UTC",
  "Europe/Vienna",
  "America/St_Johns",
  "Pacific/Apia",
  "Australia/Lord_Howe",
  "Asia/Kathmandu",
];
const expressions = fc
  .tuple(FIELD.minute, FIELD.hour, FIELD.day, FIELD.month, FIELD.weekday)
  .map((fields) => fields.join(" "));
const MINUTE_MS = 60_000;
const minutesFrom = (start: string, minutes: number) =>
  fc.nat(minutes).map((minute) => Date.parse(start) + minute * MINUTE_MS);
/** Any time, and above all those at which some clock is set. */
const instants = fc.oneof(
  minutesFrom("2005-01-01T00:00Z", 25 * 366 * 24 * 60),
  ...["2011-12-29", "2026-03-28", "2026-10-24", "2026-10-03", "2010-11-06", "2011-03-12"].map((day) =>
    minutesFrom(`${day}T00:00Z`, 3 * 24 * 60),
  ),
);

function fits(parsed: Cron, zone: string, instant: number): boolean {
  const wall = wallAt(zone, instant);
  const date = new Date(wall);
  return (
    parsed.minutes.has(date.getUTCMinutes()) &&
    parsed.hours.has(date.getUTCHours()) &&
    isCronDay(parsed, calendarOf(wall))
  );
}

/** So many minutes after the instant, and so many before what is found. */
const MINUTES_WATCHED = 200;
const isJumped = (zone: string, instant: number): boolean =>
  wallAt(zone, instant) - wallAt(zone, instant - 1000) > 1000;
const isSecond = (zone: string, instant: number): boolean =>
  [30, 60, 120].some((back) => wallAt(zone, instant - back * MINUTE_MS) === wallAt(zone, instant));

test("the next time is after the instant, is one that the expression means, and leaves none of those out", () => {
  fc.assert(
    fc.property(expressions, fc.constantFrom(...ZONES), instants, (text, zone, after) => {
      const due = nextDue(cron(text, zone), after, "n/s");
      expect(due).toBeDefined();
      expect(due!).toBeGreaterThan(after);
      const parsed = parseCron(text);
      expect(fits(parsed, zone, due!) || isJumped(zone, due!), "or what it means was jumped over").toBe(true);
      const watched = MINUTES_WATCHED * MINUTE_MS;
      for (let at = after + MINUTE_MS; at < due!; at += MINUTE_MS) {
        if (at > after + watched && at < due! - watched) at = due! - watched;
        const isLeftOut = fits(parsed, zone, at) && (parsed.everyHour || !isSecond(zone, at));
        expect(isLeftOut, new Date(at).toISOString()).toBe(false);
      }
    }),
    { numRuns: 150 },
  );
});

test("with a splay and a window times stay in their order, and within the window", () => {
  fc.assert(
    fc.property(
      expressions,
      fc.constantFrom(...ZONES),
      instants,
      fc.nat(7_200_000),
      (text, zone, after, splayMs) => {
        const timing = cron(text, zone, { splayMs, window: { from: "20:00", to: "08:00" } });
        let last = after;
        for (let n = 0; n < 5; n++) {
          const due = nextDue(timing, last, "n/s");
          if (due === undefined) return;
          expect(due).toBeGreaterThan(last);
          expect(isOpen(timing, due)).toBe(true);
          // Whoever asks a moment before gets the same one.
          expect(nextDue(timing, due - 1, "n/s")).toBe(due);
          last = due;
        }
      },
    ),
    { numRuns: 60 },
  );
});
