/** Goal: several events in one hand neither change the order of a node's nor move the place over one that is not dealt with. */
import type { SequencedEvent } from "@boma/protocol";
import { describe, expect, test } from "vitest";

import { Lanes } from "./lanes.ts";

/** A handler whose every event ends when the test says so. */
class Hands {
  readonly begun: number[] = [];
  readonly places: number[] = [];
  readonly #ends = new Map<number, PromiseWithResolvers<void>>();
  readonly lanes: Lanes;

  constructor(width: number) {
    this.lanes = new Lanes(
      width,
      ({ sequence }) => {
        this.begun.push(sequence);
        return this.#end(sequence).promise;
      },
      async (position) => void this.places.push(position),
    );
  }

  #end(sequence: number): PromiseWithResolvers<void> {
    const end = this.#ends.get(sequence) ?? Promise.withResolvers<void>();
    this.#ends.set(sequence, end);
    return end;
  }

  async done(sequence: number): Promise<void> {
    this.#end(sequence).resolve();
    await turns();
  }

  async fail(sequence: number): Promise<void> {
    this.#end(sequence).reject(new Error(`no ${sequence}`));
    await turns();
  }
}

/** Until nothing is left to do that waits for nobody. */
const turns = () => new Promise<void>((resolve) => setImmediate(resolve));
const event = (sequence: number, node?: string): SequencedEvent =>
  ({ sequence, ...(node !== undefined && { node }) }) as SequencedEvent;

describe("lanes", () => {
  test("move the place only when all before it is dealt with", async () => {
    const hands = new Hands(4);
    for (const one of [event(1, "a"), event(2, "b"), event(5, "c")]) await hands.lanes.take(one);
    await hands.done(5);
    await hands.done(2);
    expect(hands.places).toEqual([]);
    await hands.done(1);
    expect(hands.places).toEqual([5]);
    expect(hands.lanes.isEmpty).toBe(true);
  });

  test("begin with an event of a node when the one before it of that node has ended", async () => {
    const hands = new Hands(4);
    for (const one of [event(1, "a"), event(2, "a"), event(3, "b"), event(4)]) void hands.lanes.take(one);
    await turns();
    expect(new Set(hands.begun)).toEqual(new Set([1, 3, 4]));
    await hands.done(1);
    expect(new Set(hands.begun)).toEqual(new Set([1, 2, 3, 4]));
  });

  test("take no more at once than they are wide", async () => {
    const hands = new Hands(2);
    await hands.lanes.take(event(1));
    let isTaken = false;
    const second = hands.lanes.take(event(2)).then(() => (isTaken = true));
    await turns();
    expect({ begun: hands.begun, isTaken }).toEqual({ begun: [1, 2], isTaken: false });
    await hands.done(2);
    await second;
    expect(isTaken).toBe(true);
  });

  test("keep their place before one that cannot be dealt with, and begin with none after it", async () => {
    const hands = new Hands(4);
    for (const one of [event(1, "a"), event(2, "b"), event(3, "b")]) await hands.lanes.take(one);
    await hands.fail(2);
    await hands.done(1);
    await expect(hands.lanes.take(event(4))).rejects.toThrow("no 2");
    await hands.lanes.settled();
    expect(hands.begun).toEqual([1, 2]);
    expect(Math.max(0, ...hands.places)).toBeLessThan(2);
  });

  test("say when the place could not be written down", async () => {
    const lanes = new Lanes(
      2,
      async () => undefined,
      async () => {
        throw new Error("the bus is away");
      },
    );
    await expect(
      (async () => {
        for (let at = 1; at < 5; at++) await lanes.take(event(at));
      })(),
    ).rejects.toThrow("the bus is away");
  });
});
