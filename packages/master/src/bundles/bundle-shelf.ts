/** Built and signed bundles, in the site: `.boma/bundles/DIGEST.mjs` and `DIGEST.sig`. They may be made on another machine and copied here. */
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";

import { Bundle, readBundleManifest } from "@boma/protocol";

import type { Built } from "./build-bundle.ts";

const KEPT = 10;

export class BundleShelf {
  readonly dir: string;

  constructor(site: string) {
    this.dir = join(site, ".boma/bundles");
  }

  /** The signature over a bundle, if it lies here and is the release key's. */
  signatureOf(digest: string, release: Uint8Array): Uint8Array | undefined {
    const path = join(this.dir, `${digest}.sig`);
    if (!existsSync(path) || statSync(path).size > Bundle.bytesMax) return undefined;
    const signed = readFileSync(path);
    try {
      readBundleManifest(signed, { digest, release });
      return new Uint8Array(signed);
    } catch {
      // One of a former key: the bundle counts as not signed.
      return undefined;
    }
  }

  put({ manifest, bytes }: Built, signed: Uint8Array): { readonly code: string; readonly signature: string } {
    mkdirSync(this.dir, { recursive: true });
    const code = this.#write(`${manifest.digest}.mjs`, bytes);
    const signature = this.#write(`${manifest.digest}.sig`, signed);
    this.#collect();
    return { code, signature };
  }

  #write(name: string, content: Uint8Array): string {
    const path = join(this.dir, name);
    const draft = `${path}.new`;
    writeFileSync(draft, content, { flush: true });
    chmodSync(draft, 0o644);
    renameSync(draft, path);
    return path;
  }

  #collect(): void {
    const code = readdirSync(this.dir).filter((name) => name.endsWith(".mjs"));
    const aged = code.map((name) => ({ name, at: statSync(join(this.dir, name)).mtimeMs }));
    aged.sort((a, b) => b.at - a.at);
    for (const { name } of aged.slice(KEPT))
      for (const ending of [".mjs", ".sig"])
        rmSync(join(this.dir, name.replace(/\.mjs$/, ending)), { force: true });
  }
}
