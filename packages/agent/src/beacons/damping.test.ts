import { describe, expect, test } from "vitest";

import { Allowance, Damping, Repeats } from "./damping.ts";

const MINUTE = 60_000;

/** `3 bad` at second 3 the thing is bad; between them time passes, second by second. */
function run(
  damping: Damping,
  readings: readonly (readonly [second: number, bad: boolean])[],
  untilSecond: number,
): string[] {
  const said: string[] = [];
  const at = new Map(readings);
  for (let second = 0; second <= untilSecond; second++) {
    const bad = at.get(second);
    const now = second * 1000;
    const level = bad === undefined ? damping.look(now) : damping.see(bad, now);
    if (level) said.push(`${second} ${level}`);
  }
  return said;
}

const fresh = (holdMs: number, repeatMs?: number) =>
  new Damping({ holdMs, repeatMs }, { raised: false, now: 0 });

describe("what lasts", () => {
  test.each([
    [
      "is raised once it held, and cleared once it held",
      5000,
      [
        [1, true],
        [20, false],
      ],
      ["6 raised", "25 cleared"],
    ],
    [
      "is not raised when it was over before",
      5000,
      [
        [1, true],
        [5, false],
      ],
      [],
    ],
    [
      "is not cleared by a moment in between",
      5000,
      [
        [1, true],
        [10, false],
        [12, true],
      ],
      ["6 raised"],
    ],
    [
      "begins to hold anew after a moment in between",
      5000,
      [
        [1, true],
        [4, false],
        [5, true],
      ],
      ["10 raised"],
    ],
    [
      "is raised at once without a hold",
      0,
      [
        [1, true],
        [2, false],
      ],
      ["1 raised", "2 cleared"],
    ],
  ] as const)("%s", (_, hold, readings, said) => {
    expect(run(fresh(hold), readings, 60)).toEqual(said);
  });

  test("is told again after each repeat, while it lasts", () => {
    expect(
      run(
        fresh(0, 10_000),
        [
          [1, true],
          [35, false],
        ],
        60,
      ),
    ).toEqual(["1 raised", "11 raised", "21 raised", "31 raised", "35 cleared"]);
  });

  test("that was raised before a restart is not raised again, and is cleared when it is over", () => {
    const before = new Damping({ holdMs: 0 }, { raised: true, now: 0 });
    expect(
      run(
        before,
        [
          [1, true],
          [9, false],
        ],
        20,
      ),
    ).toEqual(["9 cleared"]);
  });

  test("and comes and goes is flapping, told once, and told as it is when it has settled", () => {
    const readings = Array.from({ length: 30 }, (_, at) => [at, at % 2 === 0] as const);
    const said = run(fresh(0), readings, 30 + 11 * 60);
    expect(said.slice(0, 7)).toEqual([
      "0 raised",
      "1 cleared",
      "2 raised",
      "3 cleared",
      "4 raised",
      "5 cleared",
      "6 flapping",
    ]);
    expect(said.slice(7)).toEqual(["629 cleared"]);
  });

  test("says when to look again", () => {
    const damping = fresh(5000, 10_000);
    expect(damping.due).toBeUndefined();
    damping.see(true, 1000);
    expect(damping.due).toBe(6000);
    damping.look(6000);
    expect(damping.due).toBe(16_000);
    damping.see(false, 7000);
    expect(damping.due).toBe(12_000);
  });
});

describe("what happens", () => {
  test("again and again to one thing is flapping once, and another thing is not", () => {
    const repeats = new Repeats();
    const said = Array.from({ length: 20 }, (_, at) => repeats.happened("a", at * 1000));
    expect(said.slice(0, 8)).toEqual([...Array(6).fill("happened"), "flapping", undefined]);
    expect(new Set(said.slice(8))).toEqual(new Set([undefined]));
    expect(repeats.happened("b", 20_000)).toBe("happened");
    expect(repeats.happened("a", 20_000 + 11 * MINUTE)).toBe("happened");
  });

  test("is not flapping when it is rare", () => {
    const repeats = new Repeats();
    for (let at = 0; at < 50; at++) expect(repeats.happened("a", at * 2 * MINUTE)).toBe("happened");
  });
});

test("an agent says so much and no more, and some more every second", () => {
  const allowance = new Allowance(0);
  const taken = (now: number) =>
    Array.from({ length: 500 }, () => allowance.take(now)).filter(Boolean).length;
  expect(taken(0)).toBe(120);
  expect(taken(5000)).toBe(5);
  expect(taken(3_600_000)).toBe(120);
});
