/** Reads a backup: all of it is compared with its digests before anything of it is used. */
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";

import { BomaError } from "@boma/protocol";

import { BackupManifest, MANIFEST } from "./manifest.ts";
import { BLOCK, paddingOf, readRecords, readTarHeader, type TarEntry } from "./tar-header.ts";

const NAMES_BYTES_MAX = 64 * 1024;
const MANIFEST_BYTES_MAX = 256 * 1024 ** 2;
const CHUNK_BYTES = 1024 * 1024;

interface Found extends TarEntry {
  /** Where its bytes begin. */
  readonly at: number;
}

export class ArchiveReader {
  readonly manifest: BackupManifest;
  readonly #path: string;
  readonly #entries: ReadonlyMap<string, Found>;

  private constructor(path: string, manifest: BackupManifest, entries: ReadonlyMap<string, Found>) {
    this.#path = path;
    this.manifest = manifest;
    this.#entries = entries;
  }

  static async open(path: string): Promise<ArchiveReader> {
    const file = await open(path, "r").catch((cause: unknown) => {
      throw new BomaError("usage/file", `cannot read ${path}: ${(cause as Error).message}`, { cause });
    });
    try {
      const entries = new Map<string, Found>();
      for await (const entry of entriesOf(file, path)) entries.set(entry.name, entry);
      const manifest = await manifestOf(file, path, entries);
      const reader = new ArchiveReader(path, manifest, entries);
      await reader.#verify();
      return reader;
    } finally {
      await file.close();
    }
  }

  async #verify(): Promise<void> {
    const { parts } = this.manifest;
    for (const { name, size, sha256 } of parts) {
      const entry = this.#entries.get(name);
      if (entry?.size !== size) throw damaged(this.#path, `${name} is missing or cut short`);
      assertPlainName(this.#path, name);
      const digest = createHash("sha256");
      if (entry.kind === "link") digest.update(entry.target);
      else for await (const chunk of this.bytes(name)) digest.update(chunk);
      if (digest.digest("hex") !== sha256) throw damaged(this.#path, `${name} is not what its digest says`);
    }
    if (parts.length !== this.#entries.size - 1)
      throw damaged(this.#path, "it holds files that its manifest does not name");
  }

  /** What lies below a directory, with the names from there on. */
  below(directory: string): readonly { readonly path: string; readonly entry: TarEntry }[] {
    return [...this.#entries.values()]
      .filter(({ name }) => name.startsWith(`${directory}/`))
      .map((entry) => ({ path: entry.name.slice(directory.length + 1), entry }));
  }

  has(name: string): boolean {
    return this.#entries.has(name);
  }

  async *bytes(name: string): AsyncGenerator<Buffer> {
    const { at, size } = this.#entries.get(name)!;
    if (size === 0) return;
    const reading = { start: at, end: at + size - 1, highWaterMark: CHUNK_BYTES };
    yield* createReadStream(this.#path, reading) as AsyncIterable<Buffer>;
  }
}

async function* entriesOf(file: FileHandle, path: string): AsyncGenerator<Found> {
  let long: ReadonlyMap<string, string> = new Map();
  for (let at = 0; ;) {
    const header = readTarHeader(await read(file, at, BLOCK));
    if (!header) throw damaged(path, at === 0 ? "it is no backup of boma" : "it is cut short or changed");
    if (header.kind === "end") return;
    const { size, kind } = header;
    if (kind === "extended")
      long = readRecords(await read(file, at + BLOCK, Math.min(size, NAMES_BYTES_MAX)));
    else {
      const name = long.get("path") ?? header.name;
      yield { ...header, kind, name, target: long.get("linkpath") ?? header.target, at: at + BLOCK };
      long = new Map();
    }
    at += BLOCK + size + paddingOf(size);
  }
}

async function read(file: FileHandle, at: number, length: number): Promise<Buffer> {
  const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, at);
  return buffer.subarray(0, bytesRead);
}

async function manifestOf(
  file: FileHandle,
  path: string,
  entries: ReadonlyMap<string, Found>,
): Promise<BackupManifest> {
  const entry = entries.get(MANIFEST);
  if (!entry || entry.size > MANIFEST_BYTES_MAX) throw damaged(path, "it has no manifest");
  try {
    return BackupManifest.parse(JSON.parse((await read(file, entry.at, entry.size)).toString("utf8")));
  } catch (cause) {
    throw damaged(path, "its manifest cannot be read, or is of a later boma", cause);
  }
}

/** It is written below the directory that it is meant for, and nowhere else. */
function assertPlainName(path: string, name: string): void {
  const isPlain = name.split("/").every((word) => word !== "" && word !== "." && word !== "..");
  if (!isPlain || name.includes("\0")) throw damaged(path, `${JSON.stringify(name)} is no name of a part`);
}

const damaged = (path: string, why: string, cause?: unknown): BomaError =>
  new BomaError("backup/damaged", `${path}: ${why}`, { cause });
