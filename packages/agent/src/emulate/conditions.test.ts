import { expect, test } from "vitest";

import { isSlow, readConditions } from "./conditions.ts";

test("knobs that nobody turned change nothing, and the others say what they mean", () => {
  expect(readConditions({})).toEqual({
    latencyMs: 0,
    lossPercent: 0,
    flapMs: 0,
    slow: { percent: 0, ms: 0 },
  });
  expect(readConditions({ latency: "40", loss: "2.5", flap: "60", slow: "5:2000" })).toEqual({
    latencyMs: 40,
    lossPercent: 2.5,
    flapMs: 60_000,
    slow: { percent: 5, ms: 2000 },
  });
});

test.each([
  { latency: "-1" },
  { latency: "40ms" },
  { latency: "" },
  { loss: "91" },
  { flap: "1e9" },
  { slow: "5" },
  { slow: "101:5" },
  { slow: "5:5:5" },
  { slow: ":5" },
])("%o is refused, and the option is named", (knobs) => {
  const [option] = Object.keys(knobs);
  expect(() => readConditions(knobs)).toThrow(new RegExp(`^--${option} `));
});

test("of a hundred nodes exactly as many are slow as were asked for, spread over all of them", () => {
  const slow = Array.from({ length: 100 }, (_, index) => index).filter((index) => isSlow(index, 5));
  expect(slow).toEqual([19, 39, 59, 79, 99]);
  expect(isSlow(0, 100)).toBe(true);
  expect(isSlow(0, 0)).toBe(false);
});
