/**
 * What lies in the store is sealed with the master's store key and bound to its
 * place: the bus, its disk and its backups hold no plaintext secret, and whoever
 * can write there can neither make up a record nor move one to another name.
 */
import { createCipheriv, createDecipheriv } from "node:crypto";

import { BomaError, someBytes } from "@boma/protocol";

export function hide(plain: Uint8Array, key: Uint8Array, place: string): Uint8Array {
  const iv = someBytes(12);
  const cipher = createCipheriv("aes-256-gcm", key, iv).setAAD(Buffer.from(place));
  return Buffer.concat([iv, cipher.update(plain), cipher.final(), cipher.getAuthTag()]);
}

export function reveal(hidden: Uint8Array, key: Uint8Array, place: string): Uint8Array {
  try {
    const decipher = createDecipheriv("aes-256-gcm", key, hidden.subarray(0, 12)).setAAD(Buffer.from(place));
    decipher.setAuthTag(hidden.subarray(-16));
    return Buffer.concat([decipher.update(hidden.subarray(12, -16)), decipher.final()]);
  } catch (cause) {
    throw new BomaError("store/foreign", `the record ${place} was not written by this master`, { cause });
  }
}
