/** The judge of `npm run soak`: what grows is seen, what jumps once and stays is not taken for it, what is missing is no good news. */
import { expect, test } from "vitest";

import { type FigureName, FIGURES, judge, type Sample } from "./soak/samples.ts";

const names = Object.keys(FIGURES) as FigureName[];
const samplesOf = (value: (at: number) => number): Sample[] =>
  Array.from({ length: 120 }, (_, at) => Object.fromEntries(names.map((name) => [name, value(at)])));
const growing = (samples: readonly Sample[]) => judge(samples).filter(({ ok }) => !ok);

test("what stays as it is, or falls, is within its bound", () => {
  expect(growing(samplesOf(() => 5))).toEqual([]);
  expect(growing(samplesOf((at) => 5 - at / 120))).toEqual([]);
});

test("what fills in the first quarter and stays is no growth, and neither is a single peak", () => {
  expect(growing(samplesOf((at) => Math.min(at, 30) / 6))).toEqual([]);
  expect(growing(samplesOf((at) => (at === 100 ? 1e6 : 5)))).toEqual([]);
});

test("what goes on growing is seen in every figure", () => {
  expect(growing(samplesOf((at) => at * 10)).map(({ figure }) => figure.name)).toHaveLength(names.length);
});

test("a figure that was never seen fails", () => {
  const unseen = samplesOf(() => 5).map((sample) => ({ ...sample, masterRss: Number.NaN }));
  expect(growing(unseen).map(({ figure }) => figure.name)).toEqual([FIGURES.masterRss.name]);
  expect(growing([]).length).toBe(names.length);
});
