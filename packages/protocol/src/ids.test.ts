import fc from "fast-check";
import { describe, expect, test } from "vitest";

import type { BomaError } from "./errors.ts";
import {
  CROCKFORD,
  crockford,
  isJobId,
  JobId,
  jobIdTime,
  newJobId,
  newNonce,
  newSession,
  NodeId,
  NodeKey,
  Nonce,
  parseNodeId,
  proposeNodeId,
} from "./ids.ts";
import { newNkey } from "./nkey.ts";

describe("a node's id", () => {
  test.each(["a", "0", "web-01", "web_01.example.org", "a".repeat(63), "x..", "1-"])("%s is one", (id) => {
    expect(parseNodeId(id)).toBe(id);
    expect(NodeId.safeParse(id).success).toBe(true);
  });

  test.each([
    ["nothing", ""],
    ["one letter too many", "a".repeat(64)],
    ["an upper-case letter", "Web"],
    ["a dot in front", ".web"],
    ["a dash in front", "-rf"],
    ["the way up", ".."],
    ["a slash", "a/b"],
    ["a space", "a b"],
    ["a line behind it", "web\n"],
    ["a zero byte", "web\0"],
    ["a wildcard of the bus", "a*"],
    ["a letter beyond ASCII", "é"],
  ])("with %s it is none", (_, id) => {
    expect(NodeId.safeParse(id).success).toBe(false);
    expect(() => parseNodeId(id)).toThrow(expect.objectContaining({ code: "node/id" }));
  });

  test("the refusal repeats no more than a line of what it was given", () => {
    const refusal = (): string => {
      try {
        return parseNodeId("\u001B[31m\n".repeat(1000));
      } catch (thrown) {
        return (thrown as BomaError).message;
      }
    };
    expect(refusal().length).toBeLessThan(600);
    expect(refusal()).not.toContain("\u001B");
    expect(refusal()).not.toContain("\n");
  });

  test.each([
    ["Web_01.Example.ORG", "web_01.example.org"],
    ["web 01", "web-01"],
    ["--web", "web"],
    ["...", "node"],
    ["", "node"],
    ["ÄÖÜ", "node"],
    ["büro-pc", "b-ro-pc"],
    ["x".repeat(80), "x".repeat(63)],
  ])("the host name %j proposes %s", (hostname, id) => {
    expect(proposeNodeId(hostname)).toBe(id);
  });

  test("whatever a host is called, the proposal is an id, and an id proposes itself", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 100 }), (hostname) => {
        const id = proposeNodeId(hostname);
        expect(parseNodeId(id)).toBe(id);
        expect(proposeNodeId(id)).toBe(id);
      }),
    );
  });
});

describe("a job's id", () => {
  test("has 26 letters of Crockford's alphabet and is taken as one", () => {
    const id = newJobId();
    expect(id).toMatch(new RegExp(`^[${CROCKFORD}]{26}$`));
    expect(isJobId(id)).toBe(true);
    expect(JobId.safeParse(id).success).toBe(true);
  });

  test("sorts by the time at which it was made", () => {
    fc.assert(
      fc.property(fc.nat(2 ** 48), fc.nat(2 ** 48), (a, b) => {
        fc.pre(a !== b);
        expect(newJobId(a) < newJobId(b)).toBe(a < b);
      }),
      {
        examples: [
          [31, 32],
          [2 ** 32 - 1, 2 ** 32],
          [Date.UTC(1970), Date.UTC(2500)],
        ],
      },
    );
  });

  test("says the time at which it was made", () => {
    fc.assert(
      fc.property(fc.nat(2 ** 48), (at) => {
        expect(jobIdTime(newJobId(at))).toBe(at);
      }),
    );
  });

  test("differs from another of the same millisecond", () => {
    expect(new Set(Array.from({ length: 500 }, () => newJobId(1))).size).toBe(500);
  });

  test.each([
    "",
    "0".repeat(25),
    "0".repeat(27),
    "I".repeat(26),
    "a".repeat(26),
    `${"0".repeat(26)}\n`,
    "../".repeat(9),
  ])("%j is none", (text) => {
    expect(isJobId(text)).toBe(false);
  });
});

describe("Crockford's base32", () => {
  test("says each five bits by one letter, the first bit first", () => {
    expect(crockford(Uint8Array.of())).toBe("");
    expect(crockford(Uint8Array.of(0xff))).toBe("ZW");
    expect(crockford(Uint8Array.of(0x00, 0x44, 0x32, 0x14, 0xc7))).toBe("01234567"); // 00000 00001 … 00111
    expect(crockford(Buffer.from("foobar"))).toBe("CSQPYRK1E8");
  });

  test("is one letter for each five bits, and two different inputs of a length never share a text", () => {
    const bytes = fc.uint8Array({ maxLength: 40 });
    fc.assert(
      fc.property(bytes, bytes, (a, b) => {
        expect(crockford(a)).toHaveLength(Math.ceil((a.length * 8) / 5));
        if (a.length === b.length) expect(crockford(a) === crockford(b)).toBe(Buffer.from(a).equals(b));
      }),
    );
  });
});

test("a nonce has sixteen bytes, each time others", () => {
  expect(newNonce()).toHaveLength(16);
  expect(newNonce()).not.toEqual(newNonce());
  expect([15, 16, 17].map((length) => Nonce.safeParse(new Uint8Array(length)).success)).toEqual([
    false,
    true,
    false,
  ]);
  expect(newSession()).not.toBe(newSession());
});

test("a node's key is a public user nkey and nothing else of NATS", () => {
  const is = (text: string) => NodeKey.safeParse(text).success;
  expect(is(newNkey.user().publicKey)).toBe(true);
  expect(
    [newNkey.account().publicKey, newNkey.user().seed, "U", "", `${newNkey.user().publicKey}.x`].some(is),
  ).toBe(false);
});
