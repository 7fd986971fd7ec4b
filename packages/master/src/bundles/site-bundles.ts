/** The bundle of the site as it is now, signed and ready to be sent; by digest also those of before. */
import { existsSync } from "node:fs";

import { BomaError, sameBytes, signBundle } from "@boma/protocol";

import type { Home } from "../home.ts";
import type { Keyring } from "../keyring.ts";
import type { SentBundle } from "../mail/chunks.ts";
import { buildBundle, type Kind } from "./build-bundle.ts";
import { BundleShelf } from "./bundle-shelf.ts";
import { printReleaseKey, readReleaseKey, releaseKeyFile } from "./release-key.ts";

const KEPT = 4;

export class SiteBundles {
  readonly #home: Home;
  readonly #site: string;
  readonly #keyring: () => Pick<Keyring, "release">;
  /** What was sent by this process: a job that waits names the bundle that it was compiled with. */
  readonly #ready = new Map<string, SentBundle>();
  /** The compiler gives the same list for as long as no file of the site has changed. */
  readonly #made = new WeakMap<readonly Kind[], { readonly release: string; readonly bundle: SentBundle }>();

  constructor(home: Home, site: string, keyring: () => Pick<Keyring, "release">) {
    this.#home = home;
    this.#site = site;
    this.#keyring = keyring;
  }

  /** Builds what these kinds of states are now; `null` where the site defines none. */
  async current(kinds: readonly Kind[]): Promise<SentBundle | null> {
    if (kinds.length === 0) return null;
    const release = this.#keyring().release;
    if (!release)
      throw new BomaError(
        "bundle/unsigned",
        "no node knows a release key yet, so that no bundle would be loaded",
        {
          hint: "Make one and let the root name it: `boma-master bundle pin`.",
        },
      );
    const made = this.#made.get(kinds);
    if (made?.release === printReleaseKey(release)) return made.bundle;
    const bundle = await this.#make(kinds, release);
    this.#made.set(kinds, { release: printReleaseKey(release), bundle });
    this.#keep(bundle);
    return bundle;
  }

  async #make(kinds: readonly Kind[], release: Uint8Array): Promise<SentBundle> {
    const built = await buildBundle(this.#site, kinds);
    const { digest } = built.manifest;
    const shelf = new BundleShelf(this.#site);
    let manifest = shelf.signatureOf(digest, release);
    if (!manifest) {
      manifest = this.#sign(built.manifest, release);
      shelf.put(built, manifest);
    }
    return { digest, manifest, bytes: built.bytes };
  }

  /** One that `current` gave before. */
  get(digest: string): SentBundle | undefined {
    return this.#ready.get(digest);
  }

  /** With the release key, where it lies on this machine. */
  #sign(manifest: Parameters<typeof signBundle>[0], release: Uint8Array): Uint8Array {
    const path = releaseKeyFile(this.#home);
    const key = existsSync(path) ? readReleaseKey(path) : undefined;
    if (key && sameBytes(key.publicKey, release)) return signBundle(manifest, key);
    const why = key ? "the release key here is not the one that nodes know" : "the release key is not here";
    throw new BomaError(
      "bundle/unsigned",
      `the bundle ${manifest.digest.slice(0, 16)} of ${manifest.states.join(", ")} is not signed, and ${why}`,
      {
        hint: `\`boma-master bundle build --key FILE\` where the key is; then copy what it wrote into ${new BundleShelf(this.#site).dir}.`,
      },
    );
  }

  #keep(bundle: SentBundle): void {
    this.#ready.delete(bundle.digest);
    this.#ready.set(bundle.digest, bundle);
    for (const digest of [...this.#ready.keys()].slice(0, -KEPT)) this.#ready.delete(digest);
  }
}
