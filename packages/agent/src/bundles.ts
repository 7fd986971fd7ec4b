/**
 * The site's own states on this node: fetched when a catalog names them, checked
 * against the pinned release key, and checked again each time before their code
 * is run. What is refused is told, and nothing of it has run.
 */
import { asBomaError, BomaError, type BundleManifest, readBundleManifest } from "@boma/protocol";

import { BundleCache } from "./bundle-cache.ts";
import type { Specs } from "./bundle-loader.ts";
import type { Bus } from "./bus.ts";
import { readPart, readParts } from "./chunks.ts";

export interface BundlePorts {
  /** Where bundles are kept: `<agent's directory>/bundles`. */
  readonly dir: string;
  readonly durable?: boolean;
  readonly bus: Bus;
  readonly key: () => string;
  /** The site's release key, as the pinned root names it. */
  readonly release: () => Uint8Array | undefined;
  readonly builtIn: () => Promise<Specs>;
  /** Told of each bundle that was refused: an event `bundle.refused`. */
  readonly refused: (digest: string, error: BomaError) => void;
}

const DIGEST = /^[0-9a-f]{64}$/;

export class Bundles {
  readonly #ports: BundlePorts;
  readonly #cache: BundleCache;
  /** Code that was loaded stays loaded: the same bundle is never run twice in a process. */
  readonly #loaded = new Map<string, Specs>();
  #turn: Promise<void> = Promise.resolve();

  constructor(ports: BundlePorts) {
    this.#ports = ports;
    this.#cache = new BundleCache(ports.dir, { durable: ports.durable ?? true });
  }

  /** The states of a bundle by their names. Two that ask at once get it one after the other: the second finds it there. */
  async load(digest: string, signal: AbortSignal): Promise<Specs> {
    const mine = this.#turn.then(() => this.#load(digest, signal));
    this.#turn = mine.then(
      () => undefined,
      () => undefined,
    );
    return mine;
  }

  async #load(digest: string, signal: AbortSignal): Promise<Specs> {
    try {
      if (!DIGEST.test(digest))
        throw new BomaError("bundle/refused", "the catalog names no digest of a bundle");
      const manifest = await this.#ready(digest, signal);
      const known = this.#loaded.get(digest);
      if (known) return known;
      // What runs other people's code is loaded when there is some.
      const { loadBundle } = await import("./bundle-loader.ts");
      const specs = loadBundle(this.#cache.pathOf(digest), manifest.states, await this.#ports.builtIn());
      this.#loaded.set(digest, specs);
      await this.#cache.collect(digest);
      return specs;
    } catch (thrown) {
      const error = asBomaError(thrown);
      if (error.code === "bundle/refused") this.#ports.refused(digest, error);
      throw error;
    }
  }

  /** Resolves when the file is on the disk as it was signed. */
  async #ready(digest: string, signal: AbortSignal): Promise<BundleManifest> {
    const [held, state] = [await this.#cache.manifest(digest), await this.#cache.state(digest)];
    if (!held || state === "missing") return this.#fetch(digest, signal);
    if (state === "altered") {
      await this.#cache.remove(digest);
      throw new BomaError(
        "bundle/refused",
        `the bundle ${digest.slice(0, 16)} was altered on this node's disk`,
        { hint: "It was removed, and the next job fetches it anew. Find out who changed it." },
      );
    }
    try {
      return this.#read(digest, held);
    } catch (thrown) {
      // The site may have another release key by now, which signed the same code.
      this.#ports.refused(digest, asBomaError(thrown));
      await this.#cache.remove(digest);
      return this.#fetch(digest, signal);
    }
  }

  async #fetch(digest: string, signal: AbortSignal): Promise<BundleManifest> {
    const ports = { bus: this.#ports.bus, key: this.#ports.key(), signal };
    const signed = await readPart(ports, digest, 0);
    // Before the code is fetched: what nobody signed is not worth the way.
    const manifest = this.#read(digest, signed);
    const bytes = await readParts(ports, { digest, bytes: manifest.bytes, first: 1 }).catch(asRefused);
    await this.#cache.write(digest, signed, bytes);
    return manifest;
  }

  #read(digest: string, signed: Uint8Array): BundleManifest {
    return readBundleManifest(signed, { digest, release: this.#ports.release() });
  }
}

/** Code that is not what was signed is more than a fault of the bus. */
function asRefused(thrown: unknown): never {
  const error = asBomaError(thrown);
  if (error.code !== "wire/chunks") throw error;
  throw new BomaError("bundle/refused", `the bundle is not what was signed: ${error.message}`, {
    cause: error,
  });
}
