/**
 * The images that may be served: read whole, checked against what the release key
 * signed, and kept in memory, so that what is served is what was checked.
 */
import { createHash } from "node:crypto";
import { readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";

import { BomaError, type ImageFile, type ImageManifest, readImage } from "@boma/protocol";

import { IMAGE_FILES } from "./build-image.ts";

export interface Image {
  readonly manifest: ImageManifest;
  readonly kernel: Uint8Array;
  readonly initrd: Uint8Array;
}

export interface ShelfTrust {
  readonly release: Uint8Array;
  readonly root: Uint8Array;
}

export class ImageShelf {
  readonly #dir: string;
  readonly #trust: ShelfTrust;
  readonly #images = new Map<string, { readonly image: Image; readonly mark: string }>();
  readonly #onRefused: (name: string, why: string) => void;
  readonly #refused = new Map<string, string>();

  constructor(dir: string, trust: ShelfTrust, onRefused: (name: string, why: string) => void) {
    this.#dir = dir;
    this.#trust = trust;
    this.#onRefused = onRefused;
  }

  /** Looks whether anything has changed; what is no image any more is not served any more. */
  async refresh(): Promise<void> {
    const entries = await readdir(this.#dir, { withFileTypes: true }).catch(() => []);
    const names = entries.filter((entry) => entry.isDirectory() && !entry.name.startsWith("."));
    for (const name of this.#images.keys())
      if (!names.some((entry) => entry.name === name)) this.#images.delete(name);
    for (const { name } of names) await this.#read(name);
  }

  async #read(name: string): Promise<void> {
    const dir = join(this.#dir, name);
    const mark = await markOf(dir);
    if (this.#images.get(name)?.mark === mark || this.#refused.get(name) === mark) return;
    try {
      this.#images.set(name, { image: await readWhole(dir, name, this.#trust), mark });
      this.#refused.delete(name);
    } catch (thrown) {
      this.#images.delete(name);
      this.#refused.set(name, mark);
      this.#onRefused(name, thrown instanceof Error ? thrown.message : String(thrown));
    }
  }

  list(): Image[] {
    return [...this.#images.values()].map(({ image }) => image);
  }

  /**
   * By its name, or the only one, or the first by name, of an architecture. One that can be put on a disk is larger:
   * a machine that is to stay in its memory gets another where there is one.
   */
  find(arch: string, name?: string, install = false): Image | undefined {
    const larger = ({ manifest }: Image) => Number(manifest.install === true);
    const fitting = this.list()
      .filter(({ manifest }) => manifest.arch === arch && (!install || manifest.install === true))
      .toSorted((a, b) => larger(a) - larger(b) || (a.manifest.name < b.manifest.name ? -1 : 1));
    return name === undefined ? fitting[0] : fitting.find(({ manifest }) => manifest.name === name);
  }

  get(name: string): Image | undefined {
    return this.#images.get(name)?.image;
  }
}

/** What changes when a file does, without reading it. */
async function markOf(dir: string): Promise<string> {
  const marks = await Promise.all(
    Object.values(IMAGE_FILES).map((file) =>
      stat(join(dir, file), { bigint: true }).then(
        ({ ino, size, mtimeNs, ctimeNs }) => `${ino} ${size} ${mtimeNs} ${ctimeNs}`,
        () => "-",
      ),
    ),
  );
  return marks.join(" ");
}

async function readWhole(dir: string, name: string, trust: ShelfTrust): Promise<Image> {
  const [manifest, kernel, initrd] = await Promise.all([
    readFile(join(dir, IMAGE_FILES.manifest)).then((signed) => readImage(signed, { name, ...trust })),
    readFile(join(dir, IMAGE_FILES.kernel)),
    readFile(join(dir, IMAGE_FILES.initrd)),
  ]);
  if (manifest.name !== name)
    throw new BomaError("image/refused", `the image ${name} was signed as ${manifest.name}`);
  check(name, "kernel", { bytes: kernel, signed: manifest.files.kernel });
  check(name, "initrd", { bytes: initrd, signed: manifest.files.initrd });
  return { manifest, kernel, initrd };
}

function check(
  name: string,
  file: string,
  { bytes, signed }: { readonly bytes: Uint8Array; readonly signed: ImageFile },
): void {
  const digest = createHash("sha256").update(bytes).digest("hex");
  if (bytes.length === signed.bytes && digest === signed.digest) return;
  throw new BomaError("image/refused", `the ${file} of the image ${name} is not the one that was signed`);
}
