/**
 * Goal: nothing that a stranger sends makes a reader throw anything but a
 * BomaError, or run without end. Method: the fixed corpus, then a bounded number
 * of inputs made from it by chance; a failure prints the seed and the input.
 * `npm run fuzz -- --minutes 5` goes on for as long as one likes.
 */
import * as protocol from "@boma/protocol";
import { describe, expect, test } from "vitest";

import { damage, nextInput, randomFrom } from "./fuzz/random.ts";
import { bodies, runInput, targets } from "./fuzz/targets.ts";

const seed = Number(process.env["BOMA_FUZZ_SEED"] ?? Math.floor(Math.random() * 2 ** 31));
const INPUTS = 250;

describe(`seed ${seed} (BOMA_FUZZ_SEED)`, () => {
  test.each(targets)("$name gives a value or a BomaError for whatever it gets", (target) => {
    const random = randomFrom(seed);
    const inputs = [...target.corpus, new Uint8Array(0)];
    for (let i = 0; i < INPUTS; i++) inputs.push(nextInput(target.corpus, random));
    for (const input of inputs)
      try {
        runInput(target, input, random);
      } catch (cause) {
        const shown = Buffer.from(input).toString("hex");
        throw new Error(`seed ${seed} broke ${target.name} with ${shown}`, { cause });
      }
  });
});

test("every kind of message that protocol knows is fuzzed, from a frame that opens", () => {
  const isKind = (value: unknown): value is protocol.MessageKind<never> =>
    typeof value === "object" && value !== null && "envelope" in value && "kind" in value;
  const known = Object.values(protocol).filter(isKind);
  expect(bodies.map(([kind]) => kind.kind).toSorted()).toEqual(known.map(({ kind }) => kind).toSorted());
  const key = protocol.newSigningKey();
  for (const [kind, body] of bodies) {
    const frame = protocol.seal(kind, body as never, { to: "master", key, now: 0 });
    expect(protocol.open(kind, frame, { trusts: () => true, to: "master", now: 0 }).body).toEqual(body);
  }
});

test("a target that throws something else is found out, and a BomaError is let pass", () => {
  const target = (thrown: unknown) => ({
    name: "x",
    corpus: [],
    run: () => {
      throw thrown;
    },
  });
  const run = (thrown: unknown) => () => runInput(target(thrown), new Uint8Array(0), randomFrom(1));
  expect(run(new TypeError("oops"))).toThrow("oops");
  expect(run(new protocol.BomaError("internal", "oops"))).toThrow("oops");
  expect(run(new protocol.BomaError("wire/frame", "fine"))).not.toThrow();
});

test("a seed gives the same inputs again, another seed others", () => {
  const corpus = [new Uint8Array(Buffer.from("some words to change"))];
  const made = (from: number) => {
    const random = randomFrom(from);
    return Array.from({ length: 50 }, () => Buffer.from(nextInput(corpus, random)).toString("hex"));
  };
  expect(made(1)).toEqual(made(1));
  expect(made(1)).not.toEqual(made(2));
  const random = randomFrom(3);
  const kept = Array.from({ length: 50 }, () => damage(corpus[0]!, random)).filter((bytes) =>
    Buffer.from(bytes).equals(corpus[0]!),
  );
  expect(kept.length).toBeLessThan(10);
});
