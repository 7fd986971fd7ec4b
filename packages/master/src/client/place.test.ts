import { describe, expect, test } from "vitest";

import { Place } from "./place.ts";

/** A master that hears one word at a time, when the test lets it. */
function hearing() {
  const told: number[] = [];
  const held: (() => void)[] = [];
  const place = new Place(async (position) => {
    told.push(position);
    await new Promise<void>((resolve) => held.push(resolve));
  });
  return { place, told, hear: () => held.shift()?.() };
}

describe("a place", () => {
  test("moves only past events that are done, in whatever order they are", async () => {
    const told: number[] = [];
    const place = new Place(async (position) => void told.push(position));
    const done = place.expect([3, 5, 8], 9);
    await done(5);
    await done(8);
    expect(told).toEqual([]);
    await done(3);
    expect(told).toEqual([9]);
  });

  test("gathers what is done while the master is being told", async () => {
    const { place, told, hear } = hearing();
    const done = place.expect([1, 2, 3, 4], 4);
    const all = [1, 2, 3, 4].map((sequence) => done(sequence));
    expect(told).toEqual([1]);
    hear();
    await all[0];
    await expect.poll(() => told).toEqual([1, 4]);
    hear();
    await Promise.all(all);
    expect(told).toEqual([1, 4]);
  });

  test("goes along with what does not fit, but not past an event that is still open", async () => {
    const told: number[] = [];
    const place = new Place(async (position) => void told.push(position));
    place.expect([], 40);
    await place.settled();
    expect(told).toEqual([40]);
    const done = place.expect([50], 55);
    place.expect([], 90);
    await place.settled();
    expect(told).toEqual([40]);
    await done(50);
    expect(told).toEqual([40, 55]);
  });

  test("says that something is not done where the master does not take it", async () => {
    const place = new Place(() => Promise.reject(new Error("another one reads")));
    await expect(place.expect([1], 1)(1)).rejects.toThrow("another one reads");
  });
});
