/** Bundles on this node's disk, each by its digest beside the release key's word for it. The newest few are kept. */
import { createHash, randomBytes } from "node:crypto";
import { constants } from "node:fs";
import { mkdir, open, readdir, rename, rm, stat, utimes } from "node:fs/promises";
import { join } from "node:path";

import { Bundle, BUNDLE_BYTES_MAX } from "@boma/protocol";

import { isMissing, readIfThere, syncDirectory } from "./files.ts";

const KEPT = 3;
const FILE = /^([0-9a-f]{64})\.(mjs|sig)$/;

export class BundleCache {
  readonly #dir: string;
  readonly #durable: boolean;

  constructor(dir: string, { durable = true } = {}) {
    this.#dir = dir;
    this.#durable = durable;
  }

  pathOf(digest: string): string {
    return join(this.#dir, `${digest}.mjs`);
  }

  /** What was signed of it, where it is here. */
  async manifest(digest: string): Promise<Uint8Array | undefined> {
    return this.#read(`${digest}.sig`, Bundle.bytesMax);
  }

  /** Whether the file is there, and is to the byte what its name says. */
  async state(digest: string): Promise<"missing" | "whole" | "altered"> {
    const bytes = await this.#read(`${digest}.mjs`, BUNDLE_BYTES_MAX);
    if (bytes === undefined) return "missing";
    return createHash("sha256").update(bytes).digest("hex") === digest ? "whole" : "altered";
  }

  /** The word before the code: where the code is, the word is. */
  async write(digest: string, manifest: Uint8Array, bytes: Uint8Array): Promise<void> {
    await mkdir(this.#dir, { recursive: true, mode: 0o700 });
    await this.#replace(`${digest}.sig`, manifest);
    await this.#replace(`${digest}.mjs`, bytes);
    if (this.#durable) await syncDirectory(this.#dir);
  }

  async remove(digest: string): Promise<void> {
    for (const ending of ["mjs", "sig"]) await rm(join(this.#dir, `${digest}.${ending}`), { force: true });
  }

  /** This one is in use; of the others the newest stay. */
  async collect(digest: string): Promise<void> {
    // To the microsecond: several may be loaded within one tick of the wall clock.
    const now = (performance.timeOrigin + performance.now()) / 1000;
    await utimes(this.pathOf(digest), now, now);
    const ages = new Map<string, number>();
    for (const name of await readdir(this.#dir)) {
      const [, other] = FILE.exec(name) ?? [];
      // What a crash left half written has no name of its own.
      if (other === undefined) await rm(join(this.#dir, name), { force: true });
      else if (name.endsWith(".mjs")) ages.set(other, (await stat(join(this.#dir, name))).mtimeMs);
      else if (!ages.has(other)) ages.set(other, 0);
    }
    ages.set(digest, Number.POSITIVE_INFINITY);
    const old = [...ages].sort(([, a], [, b]) => b - a).slice(KEPT);
    for (const [other] of old) await this.remove(other);
  }

  async #replace(name: string, content: Uint8Array): Promise<void> {
    const draft = join(this.#dir, `draft-${randomBytes(6).toString("hex")}`);
    const file = await open(draft, "wx", 0o400);
    try {
      await file.writeFile(content);
      if (this.#durable) await file.sync();
    } finally {
      await file.close();
    }
    await rename(draft, join(this.#dir, name));
  }

  /** Nothing but a plain file of a possible size is read. */
  async #read(name: string, bytesMax: number): Promise<Uint8Array | undefined> {
    const path = join(this.#dir, name);
    try {
      const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
      try {
        const about = await file.stat();
        if (!about.isFile() || about.size > bytesMax) return new Uint8Array();
      } finally {
        await file.close();
      }
    } catch (thrown) {
      if (isMissing(thrown)) return undefined;
      // A link where a file should be is no file of ours.
      return new Uint8Array();
    }
    return readIfThere(path);
  }
}
