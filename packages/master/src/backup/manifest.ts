/** What a backup says of itself, in its last file: of whom, of when, and the digest of each of its parts. */
import { z } from "zod";

import { Base64 } from "../home.ts";

export const MANIFEST = "manifest.json";

const Part = z.strictObject({
  name: z.string(),
  size: z.int().nonnegative(),
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
});
export type Part = z.output<typeof Part>;

/** As the server gave them, and takes them again. */
const ServersOwn = z.record(z.string(), z.unknown());
const StreamKept = z.strictObject({ config: ServersOwn, state: ServersOwn });
export type StreamKept = z.output<typeof StreamKept>;

export const BackupManifest = z.strictObject({
  format: z.literal(1),
  takenAt: z.int(),
  boma: z.string(),
  natsServer: z.string(),
  /** The working key that the master had. */
  master: z.string(),
  root: Base64.schema,
  /** Of the trust manifest. */
  serial: z.int(),
  hasRootKey: z.boolean(),
  streams: z.record(z.string(), StreamKept),
  parts: z.array(Part),
});
export type BackupManifest = z.output<typeof BackupManifest>;
