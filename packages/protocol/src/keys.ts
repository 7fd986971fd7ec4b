/**
 * Three key pairs a party, each for one purpose: an nkey that answers the
 * server's nonce, an ed25519 key that signs envelopes, an x25519 key that opens
 * what is sealed. A key that signs a server's nonce never signs envelopes: a
 * hostile bus would choose the bytes.
 */
import {
  createHash,
  createPrivateKey,
  createPublicKey,
  diffieHellman,
  type KeyObject,
  randomBytes,
  sign,
  timingSafeEqual,
  verify,
} from "node:crypto";

import { Bytes } from "./codec.ts";
import { crockford } from "./ids.ts";

const PKCS8_PREFIX = Buffer.from("302e020100300506032b657004220420", "hex");
const SPKI_PREFIX = Buffer.from("302a300506032b6570032100", "hex");
const X25519_PKCS8_PREFIX = Buffer.from("302e020100300506032b656e04220420", "hex");
const X25519_SPKI_PREFIX = Buffer.from("302a300506032b656e032100", "hex");

export const PublicKey = Bytes.refine((bytes) => bytes.length === 32, "a key has 32 bytes");

/** An ed25519 pair that signs envelopes, manifests or certificates of other keys. */
export interface SigningKey {
  readonly seed: Uint8Array;
  readonly publicKey: Uint8Array;
  readonly privateKey: KeyObject;
}

export const newSigningKey = (): SigningKey => signingKey(randomBytes(32));

export function signingKey(seed: Uint8Array): SigningKey {
  const privateKey = createPrivateKey({
    key: Buffer.concat([PKCS8_PREFIX, seed]),
    format: "der",
    type: "pkcs8",
  });
  const publicKey = createPublicKey(privateKey).export({ format: "der", type: "spki" }).subarray(-32);
  return { seed: new Uint8Array(seed), publicKey: new Uint8Array(publicKey), privateKey };
}

export const signBytes = (bytes: Uint8Array, key: SigningKey): Uint8Array =>
  new Uint8Array(sign(null, bytes, key.privateKey));

// Making a KeyObject costs more than half a verification, and the same few thousand keys come again and again.
const verifiers = new Map<string, KeyObject>();
const VERIFIERS_MAX = 20_000;

function verifier(publicKey: Uint8Array): KeyObject {
  const name = Buffer.from(publicKey).toString("latin1");
  const known = verifiers.get(name);
  if (known) return known;
  const made = createPublicKey({ key: Buffer.concat([SPKI_PREFIX, publicKey]), format: "der", type: "spki" });
  if (verifiers.size >= VERIFIERS_MAX) verifiers.delete(verifiers.keys().next().value!);
  verifiers.set(name, made);
  return made;
}

export function verifyBytes(bytes: Uint8Array, signature: Uint8Array, publicKey: Uint8Array): boolean {
  if (signature.length !== 64 || publicKey.length !== 32) return false;
  try {
    return verify(null, bytes, verifier(publicKey), signature);
  } catch {
    return false; // The 32 bytes are not a point on the curve.
  }
}

/** The same, aside in one of Node's threads: for thousands of them whose answers nobody waits for one by one. */
export const verifyBytesAside = (
  bytes: Uint8Array,
  signature: Uint8Array,
  publicKey: Uint8Array,
): Promise<boolean> =>
  new Promise((resolve) => {
    if (signature.length !== 64 || publicKey.length !== 32) return resolve(false);
    try {
      verify(null, bytes, verifier(publicKey), signature, (error, holds) => resolve(!error && holds));
    } catch {
      resolve(false);
    }
  });

/** An x25519 pair: what is sealed for it can be opened by nobody else. */
export interface SealingKey {
  readonly publicKey: Uint8Array;
  readonly secretKey: Uint8Array;
}

export const newSealingKey = (): SealingKey => sealingKey(randomBytes(32));

export function sealingKey(secretKey: Uint8Array): SealingKey {
  const publicKey = createPublicKey(x25519Private(secretKey)).export({ format: "der", type: "spki" });
  return { publicKey: new Uint8Array(publicKey.subarray(-32)), secretKey: new Uint8Array(secretKey) };
}

const x25519Private = (secretKey: Uint8Array): KeyObject =>
  createPrivateKey({ key: Buffer.concat([X25519_PKCS8_PREFIX, secretKey]), format: "der", type: "pkcs8" });

/** What two pairs have in common. Throws for a public key with which everybody would have the same. */
export const sharedSecret = (secretKey: Uint8Array, publicKey: Uint8Array): Uint8Array =>
  diffieHellman({
    privateKey: x25519Private(secretKey),
    publicKey: createPublicKey({
      key: Buffer.concat([X25519_SPKI_PREFIX, publicKey]),
      format: "der",
      type: "spki",
    }),
  });

export const sameBytes = (a: Uint8Array, b: Uint8Array): boolean =>
  a.length === b.length && timingSafeEqual(a, b);

export const sha256 = (...parts: readonly Uint8Array[]): Uint8Array => {
  const hash = createHash("sha256");
  for (const part of parts) hash.update(part);
  return new Uint8Array(hash.digest());
};

/**
 * What a person compares between a console and `enroll list`: 80 bits over all
 * three public keys, so that none of them can be swapped under the same print.
 */
export function fingerprint(keys: { nkey: string; sign: Uint8Array; seal: Uint8Array }): string {
  const digest = sha256(Buffer.from(`boma/1/fingerprint\0${keys.nkey}\0`), keys.sign, keys.seal);
  return crockford(digest.subarray(0, 10)).replace(/(.{4})(?=.)/g, "$1-");
}

/** The short name of a single public key, such as the root's. */
export const keyName = (publicKey: Uint8Array): string =>
  crockford(sha256(Buffer.from("boma/1/key\0"), publicKey).subarray(0, 10)).replace(/(.{4})(?=.)/g, "$1-");
