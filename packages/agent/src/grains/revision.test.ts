import { expect, test } from "vitest";

import { fitGrains, grainsRevision, sizeOf } from "./revision.ts";

test("the order of keys does not matter, the order of a list does", () => {
  const revision = grainsRevision({ a: 1, b: { c: [1, 2], d: null } });
  expect(revision).toMatch(/^[0-9a-f]{16}$/);
  expect(grainsRevision({ b: { d: null, c: [1, 2] }, a: 1 })).toBe(revision);
  expect(grainsRevision({ b: { d: null, c: [2, 1] }, a: 1 })).not.toBe(revision);
  expect(grainsRevision({ a: "1", b: { c: [1, 2], d: null } })).not.toBe(revision);
});

test("values that look alike in print differ", () => {
  expect(grainsRevision({ a: '1","b":"2' })).not.toBe(grainsRevision({ a: "1", b: "2" }));
  expect(grainsRevision({})).not.toBe(grainsRevision({ a: {} }));
});

test("what fits is left as it is", () => {
  expect(fitGrains({ os: "Debian" }, { rack: "A" })).toEqual({
    grains: { os: "Debian", rack: "A" },
    dropped: [],
  });
});

test("custom grains give way before core grains, the largest first", () => {
  const core = { os: "Debian", flags: "f".repeat(300) };
  const custom = { big: "b".repeat(200), small: "s" };
  const keys = (bytesMax: number) => Object.keys(fitGrains(core, custom, bytesMax).grains);
  expect(keys(400)).toEqual(["os", "flags", "small"]);
  expect(keys(320)).toEqual(["os", "flags"]);
  expect(keys(100)).toEqual(["os"]);
  expect(sizeOf(fitGrains(core, custom, 320).grains)).toBeLessThanOrEqual(320);
});
