/**
 * Bytes that one party alone can open: secrets on their way to a node. The
 * sender's key is made for one box and thrown away, so that who keeps the box
 * and later gets hold of the master's keys still cannot open it. Who sent it is
 * not said here: what names the box, by its digest, is signed.
 *
 *   "boma-seal" | version | ephemeral key 32 | box
 */
import nacl from "tweetnacl";

import { BomaError } from "./errors.ts";
import { newSealingKey, sha256, sharedSecret, type SealingKey } from "./keys.ts";

const MAGIC = Buffer.from("boma-seal\x01", "latin1");
const HEAD_BYTES = MAGIC.length + nacl.box.publicKeyLength;

export function sealTo(recipient: Uint8Array, plain: Uint8Array): Uint8Array {
  const once = newSealingKey();
  const key = recipient.length === nacl.box.publicKeyLength && boxKey(once.secretKey, recipient);
  if (!key) throw new BomaError("wire/sealed", "the key to seal to is not a key");
  const box = nacl.secretbox(plain, nonceFor(once.publicKey, recipient), key);
  return Buffer.concat([MAGIC, once.publicKey, box]);
}

export function openSealed(sealed: Uint8Array, key: SealingKey): Uint8Array {
  if (sealed.length < HEAD_BYTES + nacl.box.overheadLength || !MAGIC.equals(sealed.subarray(0, MAGIC.length)))
    throw new BomaError("wire/sealed", "the bytes are not a sealed box");
  const sender = sealed.subarray(MAGIC.length, HEAD_BYTES);
  const nonce = nonceFor(sender, key.publicKey);
  const shared = boxKey(key.secretKey, sender);
  const plain = shared && nacl.secretbox.open(sealed.subarray(HEAD_BYTES), nonce, shared);
  if (plain) return plain;
  throw new BomaError("wire/sealed", "the sealed box does not open: it was altered, or is meant for another");
}

/** Never the same twice, because the sender's key is not; and bound to both ends. */
const nonceFor = (sender: Uint8Array, recipient: Uint8Array): Uint8Array =>
  sha256(Buffer.from("boma/1/seal\0"), sender, recipient).subarray(0, nacl.box.nonceLength);

/** The parts of the library that its types leave out. */
const { lowlevel } = nacl as unknown as {
  readonly lowlevel: {
    crypto_core_hsalsa20(out: Uint8Array, input: Uint8Array, key: Uint8Array, sigma: Uint8Array): void;
  };
};
const SIGMA = Buffer.from("expand 32-byte k");

/** The key that `nacl.box` derives; the curve is left to Node, which is twenty times as fast. `undefined`: no key. */
function boxKey(secretKey: Uint8Array, publicKey: Uint8Array): Uint8Array | undefined {
  try {
    const key = new Uint8Array(nacl.secretbox.keyLength);
    lowlevel.crypto_core_hsalsa20(key, new Uint8Array(16), sharedSecret(secretKey, publicKey), SIGMA);
    return key;
  } catch {
    return undefined;
  }
}
