/** Whom this node believes: the root key that it pins, and the newest manifest that this root has signed. */
import { join } from "node:path";

import { BomaError, type Manifest, readManifest, speaksForMaster } from "@boma/protocol";

import { readIfThere, writeAtomic } from "./files.ts";

export interface Trust {
  /** Takes a manifest from anywhere. An older one than the one known is refused: it could bring back a retired key. */
  accept(manifest: Uint8Array): Promise<void>;
  readonly trusts: (sender: Uint8Array) => boolean;
  readonly serial: number;
  /** The key that signs the site's own states, where the root names one. */
  readonly release: Uint8Array | undefined;
}

export async function openTrust(
  dir: string,
  root: Uint8Array,
  options: { readonly durable?: boolean } = {},
): Promise<Trust> {
  const path = join(dir, "manifest");
  const held = await readIfThere(path);
  let manifest: Manifest | undefined = held && readHeld(held, root);
  return {
    async accept(bytes) {
      const next = readManifest(bytes, root);
      const serial = manifest?.serial ?? 0;
      if (next.serial < serial)
        throw new BomaError(
          "trust/manifest",
          `the master showed trust manifest ${next.serial}, but ${serial} is known already`,
          { hint: "A restored backup of the master must not bring back retired keys: rotate there." },
        );
      if (next.serial === serial) return;
      await writeAtomic(path, bytes, options);
      manifest = next;
    },
    trusts: (sender) => manifest !== undefined && speaksForMaster(manifest, sender),
    get serial() {
      return manifest?.serial ?? 0;
    },
    get release() {
      return manifest?.release;
    },
  };
}

/** Under another root than before, which only an unapproved node may get, the old manifest means nothing. */
function readHeld(bytes: Uint8Array, root: Uint8Array): Manifest | undefined {
  try {
    return readManifest(bytes, root);
  } catch {
    return undefined;
  }
}
