/**
 * nkeys and user JWTs as NATS wants them, signed by node:crypto: the library's
 * own key pair derives tweetnacl keys at each signature and is a hundred times
 * slower, which a reconnecting fleet would feel.
 */
import { sign } from "node:crypto";

import { encodeUser } from "@nats-io/jwt";
import {
  createAccount,
  createOperator,
  createUser,
  fromPublic,
  fromSeed,
  type KeyPair,
} from "@nats-io/nkeys";

import { signingKey, verifyBytes } from "./keys.ts";
import { CREDENTIAL_MS } from "./limits.ts";

const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

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
  return Uint8Array.from(bytes);
}

/** A key pair of NATS: `seed` begins with S, `publicKey` with U, A or O for user, account and operator. */
export interface Nkey {
  readonly seed: string;
  readonly publicKey: string;
  /** As the NATS libraries take it. */
  readonly pair: KeyPair;
  sign(bytes: Uint8Array): Uint8Array;
}

function nkey(pair: KeyPair): Nkey {
  const seed = Buffer.from(pair.getSeed()).toString("latin1");
  const publicKey = pair.getPublicKey();
  // A seed is two prefix bytes, 32 bytes of key, two of checksum; a public key has one prefix byte.
  const { privateKey } = signingKey(decode(seed).subarray(2, 34));
  const rawPublic = decode(publicKey).subarray(1, 33);
  const native = {
    getPublicKey: () => publicKey,
    getSeed: () => Buffer.from(seed, "latin1"),
    getPrivateKey: () => Buffer.from(seed, "latin1"),
    clear: () => pair.clear(),
    sign: (bytes: Uint8Array) => new Uint8Array(sign(null, bytes, privateKey)),
    verify: (bytes: Uint8Array, signature: Uint8Array) => verifyBytes(bytes, signature, rawPublic),
  };
  return { seed, publicKey, pair: native as unknown as KeyPair, sign: native.sign };
}

export const newNkey = {
  user: (): Nkey => nkey(createUser()),
  account: (): Nkey => nkey(createAccount()),
  operator: (): Nkey => nkey(createOperator()),
};

export const nkeyFromSeed = (seed: string): Nkey => nkey(fromSeed(Buffer.from(seed, "latin1")));

/** A JWT for a user of an account, whose rights come from the scoped key that signs it. */
export function issueScopedUser(
  user: { readonly name: string; readonly publicKey: string },
  account: { readonly publicKey: string; readonly signer: Nkey },
  lifetimeMs = CREDENTIAL_MS,
): Promise<string> {
  return encodeUser(
    user.name,
    fromPublic(user.publicKey),
    fromPublic(account.publicKey),
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
