/**
 * The trust manifest: which working keys speak for the master, signed by the
 * root key that every agent pins. It carries a serial that only rises, so an
 * old one cannot bring back a key that was retired.
 */
import { z } from "zod";

import { defineMessage, open, seal } from "./envelope.ts";
import { BomaError } from "./errors.ts";
import { PublicKey, sameBytes, type SigningKey } from "./keys.ts";

const MasterKeys = z.strictObject({ name: z.string().max(63), sign: PublicKey, seal: PublicKey });

export const TrustManifest = defineMessage({
  kind: "trust.manifest",
  schema: 1,
  bytesMax: 16 * 1024,
  body: z.strictObject({
    serial: z.number().int().positive(),
    masters: z.array(MasterKeys).min(1).max(16),
    /** The oldest envelope version that this fleet still speaks. */
    versionMin: z.number().int().positive(),
    /** The key that signs the site's own states. Only the root can name another: a master cannot add code of its own. */
    release: PublicKey.optional(),
  }),
});
export type Manifest = z.output<typeof TrustManifest.body>;

/** A manifest holds until a newer one replaces it. */
const NEVER_MS = 8.64e15;

export const signManifest = (manifest: Manifest, root: SigningKey): Uint8Array =>
  seal(TrustManifest, manifest, { to: "-", key: root, expires: NEVER_MS });

/** Reads a manifest that came from anywhere; only the pinned root makes it true. */
export function readManifest(bytes: Uint8Array, root: Uint8Array): Manifest {
  try {
    return open(TrustManifest, bytes, { trusts: (key) => sameBytes(key, root), to: "-", now: null }).body;
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new BomaError("trust/manifest", `the master's trust manifest is not acceptable: ${why}`, { cause });
  }
}

export const speaksForMaster = (manifest: Manifest, sender: Uint8Array): boolean =>
  manifest.masters.some((master) => sameBytes(master.sign, sender));

/**
 * An answer that carries the manifest beside it, for a receiver who may have
 * missed a rotation: the manifest proves the key, the key proves the answer.
 */
export function withManifest(manifest: Uint8Array, frame: Uint8Array): Uint8Array {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(manifest.length);
  return Buffer.concat([length, manifest, frame]);
}

export function splitManifest(data: Uint8Array): { manifest: Uint8Array; frame: Uint8Array } {
  const buffer = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
  const length = buffer.length >= 4 ? buffer.readUInt32BE(0) : Number.POSITIVE_INFINITY;
  if (length > TrustManifest.bytesMax || buffer.length < 4 + length)
    throw new BomaError("wire/frame", "the answer carries no trust manifest");
  return { manifest: buffer.subarray(4, 4 + length), frame: buffer.subarray(4 + length) };
}
