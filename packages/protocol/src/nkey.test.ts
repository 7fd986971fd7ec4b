import { decode as decodeJwt } from "@nats-io/jwt";
import { createUser, fromPublic, fromSeed } from "@nats-io/nkeys";
import fc from "fast-check";
import { describe, expect, test } from "vitest";

import { verifyBytes } from "./keys.ts";
import { answerNonce, credentialEnd, issueScopedUser, newNkey, nkeyFromSeed } from "./nkey.ts";

describe("a key pair of NATS", () => {
  test("signs exactly as the library's own pair does", () => {
    fc.assert(
      fc.property(fc.constantFrom("user", "account", "operator"), fc.uint8Array(), (kind, message) => {
        const ours = newNkey[kind]();
        const theirs = fromSeed(Buffer.from(ours.seed));
        expect(theirs.getPublicKey()).toBe(ours.publicKey);
        expect(ours.sign(message)).toEqual(new Uint8Array(theirs.sign(message)));
        expect(ours.pair.sign(message)).toEqual(new Uint8Array(theirs.sign(message)));
        expect(fromPublic(ours.publicKey).verify(message, ours.sign(message))).toBe(true);
        expect(ours.pair.verify(message, new Uint8Array(theirs.sign(message)))).toBe(true);
        expect(ours.pair.verify(Buffer.from("another"), ours.sign(message))).toBe(
          Buffer.from("another").equals(message),
        );
      }),
      { numRuns: 9 },
    );
  });

  test("has the prefixes of its kind", () => {
    const prefixes = (["user", "account", "operator"] as const).map((kind) => {
      const { seed, publicKey } = newNkey[kind]();
      return seed.slice(0, 2) + publicKey[0];
    });
    expect(prefixes).toEqual(["SUU", "SAA", "SOO"]);
  });

  test("comes back from its seed", () => {
    const made = createUser();
    const seed = Buffer.from(made.getSeed()).toString();
    const read = nkeyFromSeed(seed);
    expect(read).toMatchObject({ seed, publicKey: made.getPublicKey() });
    expect(read.sign(Buffer.from("m"))).toEqual(new Uint8Array(made.sign(Buffer.from("m"))));
  });

  test("a seed with one letter wrong is refused by its checksum", () => {
    const { seed } = newNkey.user();
    for (const at of [2, 20, 40, 57]) {
      const spoilt = seed.slice(0, at) + (seed[at] === "A" ? "B" : "A") + seed.slice(at + 1);
      expect(() => nkeyFromSeed(spoilt), spoilt).toThrow();
    }
  });
});

describe("answering the server's nonce", () => {
  const user = newNkey.user();
  const answer = answerNonce(user, () => "the.jwt.now");

  test("signs the nonce as it is and names no nkey", () => {
    const nonce = "sU-c_Q0S9Xyz123";
    const { jwt, nkey, sig } = answer(nonce);
    expect({ jwt, nkey }).toEqual({ jwt: "the.jwt.now", nkey: "" });
    expect(fromPublic(user.publicKey).verify(Buffer.from(nonce), Buffer.from(sig, "base64url"))).toBe(true);
  });

  test("asks for the credential at each connect", () => {
    let count = 0;
    const counting = answerNonce(user, () => `jwt-${++count}`);
    expect([counting("12345678").jwt, counting("12345678").jwt]).toEqual(["jwt-1", "jwt-2"]);
  });

  test("signs nothing for a server that sends no nonce", () => {
    expect(answer(undefined).sig).toBe("");
  });

  test.each([
    ["the bytes of an envelope's signature", "boma/1/mailbox\0\x81"],
    ["the head of a JWT", "eyJ0eXAi.eyJqdGki"],
    ["a nonce with white space", "abcdefgh ijk"],
    ["a nonce with a line behind it", "abcdefghijk\n"],
    ["a very short nonce", "abcdefg"],
    ["a very long nonce", "a".repeat(129)],
    ["an empty nonce", ""],
    ["letters beyond ASCII", "abcdefghé"],
  ])("%s is not signed", (_, nonce) => {
    expect(() => answer(nonce)).toThrow("strange form");
  });
});

describe("a credential", () => {
  const account = { publicKey: newNkey.account().publicKey, signer: newNkey.account() };
  const user = newNkey.user();

  test("is signed by the scoped key for that user and account, and ends in its time", async () => {
    const before = Date.now();
    const jwt = await issueScopedUser({ name: "web01", publicKey: user.publicKey }, account, 60_000);
    const claims = decodeJwt(jwt) as unknown as {
      name: string;
      sub: string;
      iss: string;
      nats: { issuer_account: string; pub?: object; sub?: object };
    };
    expect(claims).toMatchObject({ name: "web01", sub: user.publicKey, iss: account.signer.publicKey });
    expect(claims.nats.issuer_account).toBe(account.publicKey);
    const [head, payload, signature] = jwt.split(".");
    const raw = fromPublic(account.signer.publicKey);
    expect(raw.verify(Buffer.from(`${head}.${payload}`), Buffer.from(signature!, "base64url"))).toBe(true);
    // The date is in whole seconds, rounded down.
    expect(credentialEnd(jwt)).toBeGreaterThan(before + 58_000);
    expect(credentialEnd(jwt)).toBeLessThanOrEqual(Date.now() + 60_000);
  });

  test("carries no rights of its own: the scoped key's template gives them", async () => {
    const jwt = await issueScopedUser({ name: "n", publicKey: user.publicKey }, account);
    const { nats } = decodeJwt(jwt) as unknown as { nats: Record<string, unknown> };
    for (const right of ["pub", "sub", "subs", "data", "payload"]) expect(nats).not.toHaveProperty(right);
  });

  test("has ended when it cannot be read, and never ends when it says no date", () => {
    const jwtOf = (claims: string) => `x.${Buffer.from(claims).toString("base64url")}.y`;
    expect(["", "x", "x.y", jwtOf("not json"), jwtOf("null")].map(credentialEnd)).toEqual([0, 0, 0, 0, 0]);
    expect(credentialEnd(jwtOf('{"exp":1700000000}'))).toBe(1_700_000_000_000);
    expect(credentialEnd(jwtOf("{}"))).toBe(Number.POSITIVE_INFINITY);
  });
});

test("an nkey's signature does not verify under an envelope key, and the other way round", () => {
  const user = newNkey.user();
  expect(verifyBytes(Buffer.from("m"), user.sign(Buffer.from("m")), new Uint8Array(32).fill(1))).toBe(false);
});
