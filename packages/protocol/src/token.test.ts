import { randomBytes } from "node:crypto";

import fc from "fast-check";
import { describe, expect, test } from "vitest";

import { pack } from "./codec.ts";
import { BomaError } from "./errors.ts";
import { newNonce } from "./ids.ts";
import { newSealingKey, newSigningKey } from "./keys.ts";
import { newNkey } from "./nkey.ts";
import {
  checkProof,
  type JoinKit,
  newBootToken,
  parseToken,
  printBootToken,
  printJoinToken,
  proveToken,
  type ProofSubject,
  tokenKey,
} from "./token.ts";

const kit: JoinKit = {
  servers: ["tls://10.0.0.1:4222", "tls://[fd00::1]:4222"],
  root: newSigningKey().publicKey,
  enrolAccount: newNkey.account().publicKey,
  enrolSeed: newNkey.account().seed,
  ca: new Uint8Array(randomBytes(400)),
};
const token = newBootToken();

const codeOf = (text: string): string => {
  try {
    parseToken(text);
  } catch (thrown) {
    return thrown instanceof BomaError ? thrown.code : String(thrown);
  }
  return "accepted";
};

describe("the forms of a token", () => {
  test("the short form comes back as it was printed, with white space around it", () => {
    expect(parseToken(printBootToken(token))).toEqual({ token });
    expect(parseToken(`  ${printBootToken(token)}\n`)).toEqual({ token });
  });

  test("the short form fits a kernel command line: letters, digits and underscores", () => {
    for (let i = 0; i < 50; i++)
      expect(printBootToken(newBootToken())).toMatch(/^bt_[0-9A-HJKMNP-TV-Z]{10}_[0-9A-HJKMNP-TV-Z]{26}$/);
  });

  test("the long form comes back with the kit, with a token and without", () => {
    expect(parseToken(printJoinToken(kit, token))).toEqual({ kit, token });
    expect(parseToken(printJoinToken(kit))).toEqual({ kit });
    expect(parseToken(`\n${printJoinToken(kit, token)}\n`)).toEqual({ kit, token });
    const { ca: _, ...plain } = kit;
    expect(parseToken(printJoinToken(plain, token))).toEqual({ kit: plain, token });
  });

  test("no two tokens are alike, and the secret has 128 bits", () => {
    const many = Array.from({ length: 200 }, newBootToken);
    expect(new Set(many.map(({ id }) => id)).size).toBe(200);
    expect(new Set(many.map(({ secret }) => secret)).size).toBe(200);
    expect(token.secret).toHaveLength(26);
  });

  test("every cut of either form is refused", () => {
    for (const whole of [printBootToken(token), printJoinToken(kit, token)])
      for (let length = 0; length < whole.length; length++)
        expect(codeOf(whole.slice(0, length)), `cut to ${length}`).toBe("token/form");
  });

  test("one letter changed anywhere in the long form is refused, and so is one more", () => {
    const whole = printJoinToken(kit, token);
    for (let at = 0; at < whole.length; at++) {
      const other = whole[at] === "A" ? "B" : "A";
      expect(codeOf(whole.slice(0, at) + other + whole.slice(at + 1)), `letter ${at}`).toBe("token/form");
      expect(codeOf(`${whole.slice(0, at)}!${whole.slice(at)}`), `before ${at}`).toBe("token/form");
    }
  });

  test("a long form with other content is refused, however well packed", () => {
    const contents: unknown[] = [
      null,
      { kit: { ...kit, more: 1 } },
      { kit: { ...kit, servers: [] } },
      { kit: { ...kit, root: new Uint8Array(31) } },
      { kit: { ...kit, enrolSeed: newNkey.user().seed } },
      { kit, token: "bt_short" },
    ];
    for (const content of contents)
      expect(
        codeOf(printJoinToken((content as { kit: JoinKit } | null)?.kit as JoinKit)),
        JSON.stringify(content),
      ).toBe((content as { token?: string } | null)?.token === undefined ? "token/form" : "accepted");
    expect(codeOf(`boma1.${Buffer.from(pack({ kit })).toString("base64url")}`)).toBe("token/form");
  });

  test.each([
    "",
    "bt_",
    "boma1.",
    "boma2.AAAA",
    printBootToken(token).toLowerCase(),
    "boma1.".padEnd(9000, "A"),
  ])("%.20j is not a token", (text) => {
    expect(codeOf(text)).toBe("token/form");
  });

  test("any text is a token or a refusal", () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.base64String().map((text) => `boma1.${text}`),
        ),
        (text) => {
          expect(codeOf(text)).toBe("token/form");
        },
      ),
    );
  });

  test("a refusal does not repeat the secret", () => {
    expect(() => parseToken(`${printBootToken(token)}x`)).toThrow(
      expect.objectContaining({ message: expect.not.stringContaining(token.secret) }),
    );
  });
});

describe("the proof of a token", () => {
  const subject: ProofSubject = {
    nkey: newNkey.user().publicKey,
    sign: newSigningKey().publicKey,
    seal: newSealingKey().publicKey,
    nonce: newNonce(),
    root: kit.root,
  };
  const other: ProofSubject = {
    nkey: newNkey.user().publicKey,
    sign: newSigningKey().publicKey,
    seal: newSealingKey().publicKey,
    nonce: newNonce(),
    root: newSigningKey().publicKey,
  };
  const key = tokenKey(token.secret);
  const proof = proveToken(key, subject);

  test("convinces who holds the token's key", () => {
    expect(checkProof(tokenKey(token.secret), { ...subject }, proof)).toBe(true);
    expect(proof).toHaveLength(32);
  });

  test.each(Object.keys(subject) as (keyof ProofSubject)[])("is bound to the %s", (field) => {
    expect(checkProof(key, { ...subject, [field]: other[field] }, proof)).toBe(false);
  });

  test("cannot be made with another token's secret", () => {
    expect(checkProof(key, subject, proveToken(tokenKey(newBootToken().secret), subject))).toBe(false);
    expect(checkProof(key, subject, proveToken(Buffer.from(token.secret), subject))).toBe(false);
  });

  test("does not convince when it is cut, empty or changed", () => {
    expect(checkProof(key, subject, proof.subarray(0, 31))).toBe(false);
    expect(checkProof(key, subject, new Uint8Array(0))).toBe(false);
    expect(checkProof(key, subject, proof.with(0, proof[0]! ^ 1))).toBe(false);
  });

  test("two fields cannot swap their bytes", () => {
    expect(checkProof(key, { ...subject, sign: subject.seal, seal: subject.sign }, proof)).toBe(false);
  });

  test("holds neither the secret nor the key that is made of it", () => {
    const sent = Buffer.concat([proof, Buffer.from(token.id)]);
    for (const hidden of [Buffer.from(token.secret), Buffer.from(key)])
      for (let at = 0; at + 8 <= hidden.length; at++)
        expect(sent.includes(hidden.subarray(at, at + 8))).toBe(false);
    expect(Buffer.from(key).includes(token.secret.slice(0, 8))).toBe(false);
  });
});
