/**
 * The key that signs the site's own states, which run as root on every node. It
 * may lie on the master, or where the master cannot get at it: then bundles are
 * built there, and a master that was broken into has no code to send.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";

import { BomaError, newSigningKey, signingKey, type SigningKey } from "@boma/protocol";
import { z } from "zod";

import { assertPrivate, Base64, type Home, readJson, writeSecret } from "../home.ts";

const ReleaseFile = z.strictObject({
  release: Base64.schema.refine((seed) => seed.length === 32, "a key has 32 bytes"),
});

export const releaseKeyFile = (home: Pick<Home, "keys">): string => join(home.keys, "release.json");

export function createReleaseKey(path: string): SigningKey {
  if (existsSync(path))
    throw new BomaError("usage/file", `${path} is there already`, { hint: "Nothing was changed." });
  const key = newSigningKey();
  writeSecret(path, JSON.stringify({ release: Base64.print(key.seed) }));
  return key;
}

export function readReleaseKey(path: string): SigningKey {
  if (!existsSync(path))
    throw new BomaError("usage/file", `there is no release key at ${path}`, {
      hint: "Name it with --key FILE, or make one: `boma-master bundle key`.",
    });
  assertPrivate(path);
  return signingKey(readJson(path, ReleaseFile).release);
}

/** As `bundle key` prints it and `bundle pin` takes it. */
export const printReleaseKey = (publicKey: Uint8Array): string => Base64.print(publicKey);

export function parseReleaseKey(text: string): Uint8Array {
  const read = Base64.schema.safeParse(text);
  if (read.success && read.data.length === 32) return read.data;
  throw new BomaError("usage/argument", "this is not a public release key", {
    hint: "Copy it whole, as `boma-master bundle key` prints it where the key is.",
  });
}
