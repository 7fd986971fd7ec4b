/**
 * The site's own states as one file, named by its digest, and what its release
 * key says of it. Both lie below the node's own prefix in CHUNKS: the signed
 * manifest as part 0 under the bundle's digest, the code after it. So a node
 * asks by the digest alone, and fetches no code before the signature is true.
 */
import { z } from "zod";

import { defineMessage } from "../envelope.ts";
import { BomaError } from "../errors.ts";
import type { SigningKey } from "../keys.ts";
import { BUNDLE_BYTES_MAX, BUNDLE_STATES_MAX } from "../limits.ts";
import { openReleased, sealReleased } from "../released.ts";
import { ChunkRef } from "./mailbox.ts";

/** What bundles and agents expect of one another. It rises when a bundle of before would no longer run. */
export const BUNDLE_API = 1;

const Manifest = z.strictObject({
  digest: ChunkRef.shape.digest,
  bytes: z.number().int().positive().max(BUNDLE_BYTES_MAX),
  api: z.number().int().positive(),
  /** The states that it brings, in order. */
  states: z.array(z.string().max(128)).max(BUNDLE_STATES_MAX),
});
export type BundleManifest = z.output<typeof Manifest>;

export const Bundle = defineMessage({
  kind: "bundle.manifest",
  schema: 1,
  bytesMax: 256 * 1024,
  body: Manifest,
});

export const signBundle = (manifest: BundleManifest, release: SigningKey): Uint8Array =>
  sealReleased(Bundle, manifest, release);

/** What the release key says of a bundle; anything else that is said of it is refused. */
export function readBundleManifest(
  signed: Uint8Array,
  expected: { readonly digest: string; readonly release: Uint8Array | undefined },
): BundleManifest {
  const { digest, release } = expected;
  const name = `the bundle ${digest.slice(0, 16)}`;
  if (!release)
    throw new BomaError("bundle/refused", `${name} cannot be checked: no release key is pinned`, {
      hint: "Pin one on the master: `boma-master bundle key`.",
    });
  const manifest = openReleased(Bundle, signed, {
    release,
    refused: (why, cause) =>
      new BomaError("bundle/refused", `${name} is not signed by the site's release key: ${why}`, { cause }),
  });
  if (manifest.digest !== digest)
    throw new BomaError("bundle/refused", `${name} came with the signature of another one`);
  if (manifest.api !== BUNDLE_API)
    throw new BomaError(
      "bundle/refused",
      `${name} was built for version ${manifest.api} of the states' interface, this agent has ${BUNDLE_API}`,
      { hint: "Build it with a master of the agent's release, or upgrade the agent." },
    );
  return manifest;
}
