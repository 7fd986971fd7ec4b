/** Finds out by its first bytes what an archive is, and reads its entries. */
import { Readable } from "node:stream";
import { createGunzip, createZstdDecompress } from "node:zlib";

import type { ReadFiles } from "../host/files.ts";
import { type ArchiveEntry, archiveError, readTar } from "./tar.ts";
import { readZip } from "./zip.ts";

export type Format = "tar" | "gzip" | "zstd" | "xz" | "zip";

const FIRST_BYTES: readonly (readonly [Format, string])[] = [
  ["gzip", "1f8b"],
  ["zstd", "28b52ffd"],
  ["xz", "fd377a585a00"],
  ["zip", "504b0304"],
  ["zip", "504b0506"],
];

export async function formatOf(files: ReadFiles, archive: string): Promise<Format> {
  for await (const piece of files.readStream(archive)) {
    const start = Buffer.from(piece.subarray(0, 6)).toString("hex");
    return FIRST_BYTES.find(([, bytes]) => start.startsWith(bytes))?.[0] ?? "tar";
  }
  throw archiveError(`${archive} is empty`);
}

/** Everything but xz, which is unpacked by its program before. */
export async function* entriesOf(
  files: ReadFiles,
  archive: string,
  format: Exclude<Format, "xz">,
): AsyncGenerator<ArchiveEntry> {
  if (format === "zip") return yield* readZip(Buffer.from(await files.readBytes(archive)));
  const packed = files.readStream(archive);
  if (format === "tar") return yield* readTar(packed);
  const stream = format === "gzip" ? createGunzip() : createZstdDecompress();
  const source = Readable.from(packed);
  source.on("error", (thrown) => stream.destroy(thrown));
  try {
    yield* readTar(source.pipe(stream));
  } catch (thrown) {
    const { code } = thrown as { code?: string };
    if (code?.startsWith("Z_") || code?.startsWith("ZSTD_"))
      throw archiveError(`${archive} is damaged: ${code}`);
    throw thrown;
  } finally {
    source.destroy();
    stream.destroy();
  }
}
