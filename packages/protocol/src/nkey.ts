/**
 * nkeys and user JWTs as NATS wants them, made and signed by node:crypto: the
 * library's own key pair derives tweetnacl keys at each step and is a hundred
 * times slower, which a booting or reconnecting fleet would feel.
 */
import { hkdfSync, randomBytes, sign } from "node:crypto";

import type { KeyPair } from "@nats-io/nkeys";

import { signingKey, verifyBytes } from "./keys.ts";
import { CREDENTIAL_MS } from "./limits.ts";

const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
const SEED_PREFIX = 18 << 3;
const PREFIX_BYTES = 2;
const KEY_BYTES = 32;
/** The first byte of a public key, which makes its first letter: U, A, O. */
const PREFIX = { user: 20 << 3, account: 0, operator: 14 << 3 } as const;

function crc16(bytes: Uint8Array): number {
  let crc = 0;
  for (const byte of bytes) {
    crc ^= byte << 8;
    for (let bit = 0; bit < 8; bit++) crc = (crc << 1) ^ (crc & 0x8000 ? 0x11021 : 0);
  }
  return crc;
}

/** Base32 of the bytes and their checksum. */
function encode(...parts: readonly (Uint8Array | readonly number[])[]): string {
  const payload = Buffer.concat(parts.map((part) => Uint8Array.from(part)));
  const crc = crc16(payload);
  let text = "";
  let held = 0;
  let bits = 0;
  for (const byte of [...payload, crc & 255, crc >> 8]) {
    held = (held << 8) | byte;
    for (bits += 8; bits >= 5; bits -= 5) text += ALPHABET[(held >>> (bits - 5)) & 31];
    held &= (1 << bits) - 1;
  }
  return bits > 0 ? text + ALPHABET[(held << (5 - bits)) & 31] : text;
}

function decode(text: string): Uint8Array {
  const bytes: number[] = [];
  let held = 0;
  let bits = 0;
  for (const char of text) {
    held = (held << 5) | ALPHABET.indexOf(char);
    bits += 5;
    if (bits >= 8) bytes.push((held >>> (bits -= 8)) & 255);
    held &= (1 << bits) - 1;
  }
  const payload = Uint8Array.from(bytes.slice(0, -2));
  if (encode(payload) !== text) throw new Error("the text is not an nkey");
  return payload;
}

/** A key pair of NATS: `seed` begins with S, `publicKey` with U, A or O for user, account and operator. */
export interface Nkey {
  readonly seed: string;
  readonly publicKey: string;
  /** As the NATS libraries take it. */
  readonly pair: KeyPair;
  sign(bytes: Uint8Array): Uint8Array;
}

function nkey(prefix: number, raw: Uint8Array): Nkey {
  const { privateKey, publicKey: rawPublic } = signingKey(raw);
  // The two prefixes share 16 bits, so that both show in the letters.
  const seed = encode([SEED_PREFIX | (prefix >> 5), (prefix & 31) << 3], raw);
  const publicKey = encode([prefix], rawPublic);
  const native = {
    getPublicKey: () => publicKey,
    getSeed: () => Buffer.from(seed, "latin1"),
    getPrivateKey: () => Buffer.from(seed, "latin1"),
    clear: () => undefined,
    sign: (bytes: Uint8Array) => new Uint8Array(sign(null, bytes, privateKey)),
    verify: (bytes: Uint8Array, signature: Uint8Array) => verifyBytes(bytes, signature, rawPublic),
  };
  return { seed, publicKey, pair: native as unknown as KeyPair, sign: native.sign };
}

export const newNkey = {
  user: (): Nkey => nkey(PREFIX.user, randomBytes(32)),
  account: (): Nkey => nkey(PREFIX.account, randomBytes(32)),
  operator: (): Nkey => nkey(PREFIX.operator, randomBytes(32)),
};

export function nkeyFromSeed(seed: string): Nkey {
  const payload = decode(seed);
  const [first = 0, second = 0] = payload;
  if (payload.length !== PREFIX_BYTES + KEY_BYTES || (first & 248) !== SEED_PREFIX)
    throw new Error("the text is no seed of an nkey");
  return nkey(((first & 7) << 5) | (second >> 3), payload.subarray(PREFIX_BYTES));
}

const rawSeed = (seed: string): Uint8Array => decode(seed).subarray(PREFIX_BYTES);

/** Another key of an account, the same whenever it is made of the same key: it needs to be kept nowhere. */
export const derivedAccountKey = (from: Nkey, label: string): Nkey =>
  nkey(
    PREFIX.account,
    new Uint8Array(hkdfSync("sha256", rawSeed(from.seed), "", `boma/1/${label}`, KEY_BYTES)),
  );

/** A JWT for a user of an account, whose rights come from the scoped key that signs it. */
export async function issueScopedUser(
  user: { readonly name: string; readonly publicKey: string },
  account: { readonly publicKey: string; readonly signer: Nkey },
  lifetimeMs = CREDENTIAL_MS,
): Promise<string> {
  // A node needs it once in its life: the others start without it.
  const { encodeUser } = await import("@nats-io/jwt");
  return encodeUser(
    user.name,
    user.publicKey,
    account.publicKey,
    {},
    {
      signer: account.signer.pair,
      scopedUser: true,
      exp: Math.floor((Date.now() + lifetimeMs) / 1000),
    },
  );
}

/** When a JWT ends, in milliseconds; a broken one has ended. */
export function credentialEnd(jwt: string): number {
  try {
    const claims = JSON.parse(Buffer.from(jwt.split(".")[1] ?? "", "base64url").toString()) as {
      exp?: unknown;
    };
    return typeof claims.exp === "number" ? claims.exp * 1000 : Number.POSITIVE_INFINITY;
  } catch {
    return 0;
  }
}

/** Bytes that a server may ask us to sign: its own kind of nonce and nothing that could pass for something else. */
const SERVER_NONCE = /^[A-Za-z0-9_-]{8,128}$/;

/**
 * Answers the server's nonce. `credential` is asked at each connect, so that a
 * renewed JWT is used. No `nkey` field: with one, servers before 2.15 cut the
 * connection whenever their configuration is reloaded.
 */
export function answerNonce(
  user: Nkey,
  credential: () => string,
): (nonce?: string) => { jwt: string; nkey: string; sig: string } {
  return (nonce) => {
    if (nonce !== undefined && !SERVER_NONCE.test(nonce))
      throw new Error("the server's nonce has a strange form");
    const sig = nonce === undefined ? "" : Buffer.from(user.sign(Buffer.from(nonce))).toString("base64url");
    return { jwt: credential(), nkey: "", sig };
  };
}
