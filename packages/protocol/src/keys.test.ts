import fc from "fast-check";
import nacl from "tweetnacl";
import { describe, expect, test } from "vitest";

import { CROCKFORD } from "./ids.ts";
import {
  fingerprint,
  keyName,
  newSealingKey,
  newSigningKey,
  sameBytes,
  sealingKey,
  sha256,
  signBytes,
  signingKey,
  verifyBytes,
} from "./keys.ts";
import { newNkey } from "./nkey.ts";

const bytes32 = fc.uint8Array({ minLength: 32, maxLength: 32 });

describe("signing", () => {
  test("node:crypto and tweetnacl make the same keys and signatures, and verify each other's", () => {
    fc.assert(
      fc.property(bytes32, fc.uint8Array({ maxLength: 500 }), (seed, message) => {
        const ours = signingKey(seed);
        const theirs = nacl.sign.keyPair.fromSeed(seed);
        expect(ours.publicKey).toEqual(theirs.publicKey);
        const signature = signBytes(message, ours);
        expect(signature).toEqual(nacl.sign.detached(message, theirs.secretKey));
        expect(nacl.sign.detached.verify(message, signature, ours.publicKey)).toBe(true);
        expect(verifyBytes(message, nacl.sign.detached(message, theirs.secretKey), ours.publicKey)).toBe(
          true,
        );
      }),
      { numRuns: 25 },
    );
  });

  test("the seed alone brings the key back", () => {
    const key = newSigningKey();
    const again = signingKey(key.seed);
    expect(again.publicKey).toEqual(key.publicKey);
    expect(verifyBytes(Buffer.from("m"), signBytes(Buffer.from("m"), again), key.publicKey)).toBe(true);
  });

  test("another message, another key, or a changed signature does not verify", () => {
    const key = newSigningKey();
    const message = Buffer.from("message");
    const signature = signBytes(message, key);
    expect(verifyBytes(message, signature, key.publicKey)).toBe(true);
    expect(verifyBytes(Buffer.from("massage"), signature, key.publicKey)).toBe(false);
    expect(verifyBytes(message, signature, newSigningKey().publicKey)).toBe(false);
    for (let at = 0; at < 64; at++) {
      const spoilt = Uint8Array.from(signature);
      spoilt[at]! ^= 1;
      expect(verifyBytes(message, spoilt, key.publicKey), `byte ${at}`).toBe(false);
    }
  });

  test("a key or signature of any length or content is answered, never thrown at", () => {
    const message = Buffer.from("message");
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 70 }), fc.uint8Array({ maxLength: 40 }), (signature, key) => {
        expect(verifyBytes(message, signature, key)).toBe(false);
      }),
    );
    const notOnTheCurve = new Uint8Array(32).fill(2);
    expect(verifyBytes(message, new Uint8Array(64).fill(1), notOnTheCurve)).toBe(false);
  });

  test("a key that is changed in place after it was used is another key", () => {
    const key = newSigningKey();
    const message = Buffer.from("message");
    const name = Uint8Array.from(key.publicKey);
    expect(verifyBytes(message, signBytes(message, key), name)).toBe(true);
    name.set(newSigningKey().publicKey);
    expect(verifyBytes(message, signBytes(message, key), name)).toBe(false);
  });
});

test("what is sealed for one key opens with it, also when it is made again from its secret", () => {
  const [one, other] = [newSealingKey(), newSealingKey()];
  const nonce = nacl.randomBytes(24);
  const box = nacl.box(Buffer.from("secret"), nonce, one.publicKey, other.secretKey);
  const again = sealingKey(one.secretKey);
  expect(again.publicKey).toEqual(one.publicKey);
  expect(nacl.box.open(box, nonce, other.publicKey, again.secretKey)).toEqual(
    new Uint8Array(Buffer.from("secret")),
  );
  expect(nacl.box.open(box, nonce, other.publicKey, newSealingKey().secretKey)).toBeNull();
});

test("equal bytes are the same, whatever holds them, and lengths may differ", () => {
  expect(sameBytes(Uint8Array.of(1, 2), Buffer.of(1, 2))).toBe(true);
  expect(sameBytes(Uint8Array.of(1, 2), Uint8Array.of(1, 3))).toBe(false);
  expect(sameBytes(Uint8Array.of(1, 2), Uint8Array.of(1))).toBe(false);
  expect(sameBytes(new Uint8Array(0), new Uint8Array(0))).toBe(true);
});

test("a hash of parts is the hash of all of them in a row", () => {
  const known = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
  expect(Buffer.from(sha256(Buffer.from("a"), Buffer.from("bc"))).toString("hex")).toBe(known);
});

describe("fingerprint", () => {
  const keys = () => ({
    nkey: newNkey.user().publicKey,
    sign: newSigningKey().publicKey,
    seal: newSealingKey().publicKey,
  });
  const FORM = new RegExp(`^[${CROCKFORD}]{4}(-[${CROCKFORD}]{4}){3}$`);

  test("is four groups of four that can be read aloud, and holds at least 66 bits", () => {
    const print = fingerprint(keys());
    expect(print).toMatch(FORM);
    expect(print.replaceAll("-", "").length * Math.log2(CROCKFORD.length)).toBeGreaterThanOrEqual(66);
    expect(CROCKFORD).not.toMatch(/[ILOU]/);
    expect(new Set(CROCKFORD).size).toBe(32);
  });

  test("uses every one of its characters: in many prints each place takes all 32 values", () => {
    const prints = Array.from({ length: 1500 }, (_, i) =>
      fingerprint({ nkey: `U${i}`, sign: new Uint8Array(32), seal: new Uint8Array(32) }).replaceAll("-", ""),
    );
    for (let place = 0; place < 16; place++)
      expect(new Set(prints.map((print) => print[place])).size, `place ${place}`).toBe(32);
  });

  test("stays the same for the same keys and changes with each of the three", () => {
    const one = keys();
    const other = keys();
    expect(fingerprint({ ...one })).toBe(fingerprint(one));
    for (const name of ["nkey", "sign", "seal"] as const)
      expect(fingerprint({ ...one, [name]: other[name] }), name).not.toBe(fingerprint(one));
  });

  test("tells the signing key from the sealing key", () => {
    const one = keys();
    expect(fingerprint({ nkey: one.nkey, sign: one.seal, seal: one.sign })).not.toBe(fingerprint(one));
  });

  test("of a single key has the same form and follows the key", () => {
    const key = newSigningKey().publicKey;
    expect(keyName(key)).toMatch(FORM);
    expect(keyName(key)).toBe(keyName(Uint8Array.from(key)));
    expect(keyName(key)).not.toBe(keyName(newSigningKey().publicKey));
  });
});
