/** Writes a backup as one file, part by part, however large they are; it has its name only when it is whole. */
import { createHash } from "node:crypto";
import { type FileHandle, open, rename, rm } from "node:fs/promises";
import { dirname } from "node:path";

import type { Part } from "./manifest.ts";
import { BLOCK, paddingOf, tarHeader } from "./tar-header.ts";

export class ArchiveWriter {
  readonly parts: Part[] = [];
  readonly #path: string;
  readonly #file: FileHandle;
  readonly #seconds: number;
  #end = 0;

  private constructor(path: string, file: FileHandle, seconds: number) {
    this.#path = path;
    this.#file = file;
    this.#seconds = seconds;
  }

  /** It holds keys: nobody else may read it, from its first byte on. */
  static async create(path: string): Promise<ArchiveWriter> {
    await rm(`${path}.partial`, { force: true });
    return new ArchiveWriter(path, await open(`${path}.partial`, "wx", 0o600), Math.floor(Date.now() / 1000));
  }

  /** How much there is shows at the end, so the header is written last. */
  async file(name: string, bytes: AsyncIterable<Uint8Array>, mode = 0o600): Promise<void> {
    const entry = { name, kind: "file", mode, target: "" } as const;
    const from = this.#end;
    const digest = createHash("sha256");
    let size = 0;
    this.#end += tarHeader({ ...entry, size }, this.#seconds).length;
    for await (const chunk of bytes) {
      digest.update(chunk);
      size += chunk.length;
      await this.#append(chunk);
    }
    await this.#append(Buffer.alloc(paddingOf(size)));
    await this.#write(tarHeader({ ...entry, size }, this.#seconds), from);
    this.parts.push({ name, size, sha256: digest.digest("hex") });
  }

  async link(name: string, target: string): Promise<void> {
    await this.#append(tarHeader({ name, kind: "link", mode: 0o777, size: 0, target }, this.#seconds));
    this.parts.push({ name, size: 0, sha256: createHash("sha256").update(target).digest("hex") });
  }

  async #append(bytes: Uint8Array): Promise<void> {
    await this.#write(bytes, this.#end);
    this.#end += bytes.length;
  }

  async #write(bytes: Uint8Array, at: number): Promise<void> {
    for (let done = 0; done < bytes.length;)
      done += (await this.#file.write(bytes, done, bytes.length - done, at + done)).bytesWritten;
  }

  /** From here on it is there, also after a power cut. */
  async finish(): Promise<{ readonly bytes: number }> {
    await this.#append(Buffer.alloc(2 * BLOCK));
    await this.#file.sync();
    await this.#file.close();
    await rename(`${this.#path}.partial`, this.#path);
    const directory = await open(dirname(this.#path), "r");
    try {
      await directory.sync();
    } finally {
      await directory.close();
    }
    return { bytes: this.#end };
  }

  async abandon(): Promise<void> {
    await this.#file.close().catch(() => undefined);
    await rm(`${this.#path}.partial`, { force: true });
  }
}
