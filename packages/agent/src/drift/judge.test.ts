import { describe, expect, test } from "vitest";

import { type Facts, noFacts } from "./drift-book.ts";
import type { Finding } from "./findings.ts";
import { countRevert, forgetOthers, judge, type Looked } from "./judge.ts";
import { modesOf } from "./settings.ts";

const drift = (digest = "d1"): Finding => ({ kind: "drift", changes: {}, digest, comment: "would change" });
const looked = (change: Partial<Looked> = {}): Looked => ({
  id: "a",
  entry: "e1",
  mode: "observe",
  mayEnforce: false,
  finding: drift(),
  ...change,
});
const known = (change: Partial<Facts["drifting"][string]> = {}): Facts => ({
  ...noFacts(),
  drifting: { a: { digest: "d1", entry: "e1", mode: "observe", since: 5, who: [], ...change } },
});
const brief = (facts: Facts, one: Looked, healer: "job" | "somebody" = "somebody") => {
  const { found, healed, failed, enforce } = judge(facts, [one], () => healer);
  return {
    found: found.map(({ id }) => id),
    healed: healed.map(({ by }) => by),
    failed: failed.map(({ comment }) => comment),
    enforce,
  };
};
const nothing = { found: [], healed: [], failed: [], enforce: [] };

describe("what is said", () => {
  test.each<[string, Facts, Looked, object]>([
    ["of what is new: found", noFacts(), looked(), { found: ["a"] }],
    ["of what lasts unchanged: nothing", known(), looked(), {}],
    ["of other differences: found again", known(), looked({ finding: drift("d2") }), { found: ["a"] }],
    ["of another mode: found again", known(), looked({ mode: "adopt" }), { found: ["a"] }],
    [
      "of what is good again: healed",
      known(),
      looked({ finding: { kind: "good" } }),
      { healed: ["somebody"] },
    ],
    [
      "of what another catalog wants as it is: healed by that",
      known(),
      looked({ finding: { kind: "good" }, entry: "e2" }),
      { healed: ["new-catalog"] },
    ],
    ["of what was always good: nothing", noFacts(), looked({ finding: { kind: "good" } }), {}],
    [
      "of what cannot be looked at: failed",
      noFacts(),
      looked({ finding: { kind: "failed", comment: "broke" } }),
      { failed: ["broke"] },
    ],
    [
      "of what still cannot be looked at: nothing",
      { ...noFacts(), failing: { a: "broke" } },
      looked({ finding: { kind: "failed", comment: "broke" } }),
      {},
    ],
  ])("%s", (_, facts, one, said) => {
    expect(brief(facts, one)).toEqual({ ...nothing, ...said });
  });
});

describe("what is put right", () => {
  const enforced = looked({ mode: "enforce", mayEnforce: true });
  test("is what drifted and may be, told before or not", () => {
    expect(brief(noFacts(), enforced).enforce).toEqual(["a"]);
    expect(brief(known({ mode: "enforce" }), enforced)).toEqual({ ...nothing, enforce: ["a"] });
  });
  test("is nothing that the loop breaker stopped", () => {
    const stopped = { ...noFacts(), stopped: { a: { reverts: 3, at: 1, entry: "e1" } } };
    expect(brief(stopped, enforced)).toEqual({ ...nothing, found: ["a"] });
  });
  test("is nothing that could not be looked at", () => {
    expect(brief(noFacts(), { ...enforced, finding: { kind: "failed", comment: "broke" } }).enforce).toEqual(
      [],
    );
  });
});

describe("the loop breaker", () => {
  const limits = { reverts: 3, withinMs: 3_600_000 };
  const revert = (facts: Facts, now: number, who: string[] = []) =>
    countRevert(facts, { id: "a", entry: "e1", who }, { ...limits, now });

  test("stops at the third revert within the time, and names everybody", () => {
    const facts = noFacts();
    expect(revert(facts, 0, ["alice"])).toBeUndefined();
    expect(revert(facts, 1000, ["bob"])).toBeUndefined();
    expect(revert(facts, 2000, ["alice"])).toEqual({ reverts: 3, who: ["alice", "bob"] });
    expect(facts.stopped["a"]).toEqual({ reverts: 3, at: 2000, entry: "e1" });
  });
  test("does not count what is longer ago", () => {
    const facts = noFacts();
    for (const now of [0, 3_600_001, 7_200_002, 10_800_003]) expect(revert(facts, now)).toBeUndefined();
  });
  test("begins anew when the clock jumps from 1970 to now", () => {
    const facts = noFacts();
    revert(facts, 1000);
    revert(facts, 2000);
    expect(revert(facts, Date.UTC(2026, 10, 21))).toBeUndefined();
  });
  test("holds while the catalog says the same, and lets go when it says otherwise", () => {
    const facts = { ...noFacts(), stopped: { a: { reverts: 3, at: 1, entry: "e1" } } };
    forgetOthers(facts, new Map([["a", "e1"]]));
    expect(facts.stopped).toHaveProperty("a");
    forgetOthers(facts, new Map([["a", "e2"]]));
    expect(facts.stopped).toEqual({});
  });
});

test("what a new catalog does not name any more is healed by it, and forgotten", () => {
  const facts = { ...known(), failing: { a: "broke", b: "broke" }, enforcing: ["a", "b"] };
  expect(forgetOthers(facts, new Map([["b", "e1"]]))).toEqual([{ id: "a", by: "new-catalog", since: 5 }]);
  expect(facts).toMatchObject({ drifting: {}, failing: { b: "broke" }, enforcing: ["b"] });
});

describe("the mode of a declaration", () => {
  const now = Date.UTC(2026, 10, 21);
  const mode = (
    drift: Parameters<typeof modesOf>[0]["drift"],
    by: Partial<Parameters<typeof modesOf>[2]> = {},
    spec = {},
  ) => modesOf(drift === undefined ? {} : { drift }, spec, { settings: { mode: "observe" }, now, ...by });
  const enforcing = { settings: { mode: "enforce" } } as const;

  test("is its own word, else the node's", () => {
    expect(mode(undefined)).toEqual({ mode: "observe", mayEnforce: false });
    expect(mode(undefined, enforcing)).toEqual({ mode: "enforce", mayEnforce: true });
    expect(mode("adopt", enforcing)).toEqual({ mode: "adopt", mayEnforce: false });
  });
  test("is hands-off until the day begins, and the node's from then on", () => {
    expect(mode({ handsOff: "2026-11-22" }, enforcing).mode).toBe("hands-off");
    expect(mode({ handsOff: "2026-11-21" }, enforcing).mode).toBe("enforce");
    expect(mode({ handsOff: "2026-11-21T02:00:00+02:00" }, enforcing).mode).toBe("enforce");
  });
  test("stays hands-off as long as the master's time is not known", () => {
    expect(mode({ handsOff: "2000-01-01" }, { ...enforcing, now: undefined }).mode).toBe("hands-off");
  });
  test("reboots a machine only where the declaration itself says so", () => {
    const reboots = { enforcedWhenDeclared: true } as const;
    expect(mode(undefined, enforcing, reboots)).toEqual({ mode: "enforce", mayEnforce: false });
    expect(mode("enforce", {}, reboots)).toEqual({ mode: "enforce", mayEnforce: true });
  });
});
