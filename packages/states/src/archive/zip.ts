/** Reads zip archives by their directory at the end. The archive is held in memory, and so has a bound. */
import { crc32, inflateRawSync } from "node:zlib";

import { type ArchiveEntry, archiveError } from "./tar.ts";

const END = 0x06054b50;
const ENTRY = 0x02014b50;
const LOCAL = 0x04034b50;
const END_BYTES = 22;
const COMMENT_BYTES_MAX = 65_535;
/** One member of a zip is held as a whole. */
const MEMBER_BYTES_MAX = 256 * 1024 * 1024;

export function* readZip(zip: Buffer): Generator<ArchiveEntry> {
  const end = endOf(zip);
  const entries = zip.readUInt16LE(end + 10);
  let at = zip.readUInt32LE(end + 16);
  if (at === 0xffffffff || entries === 0xffff)
    throw archiveError("a zip archive of more than 4 GiB is not read");
  for (let index = 0; index < entries; index++) {
    if (at + 46 > zip.length || zip.readUInt32LE(at) !== ENTRY)
      throw archiveError("the zip archive is damaged");
    const [nameBytes, extraBytes, commentBytes] = [28, 30, 32].map((field) =>
      zip.readUInt16LE(at + field),
    ) as [number, number, number];
    yield entryAt(zip, at, zip.toString("utf8", at + 46, at + 46 + nameBytes));
    at += 46 + nameBytes + extraBytes + commentBytes;
  }
}

function endOf(zip: Buffer): number {
  for (let at = zip.length - END_BYTES; at >= Math.max(0, zip.length - END_BYTES - COMMENT_BYTES_MAX); at--)
    if (zip.readUInt32LE(at) === END) return at;
  throw archiveError("this is no zip archive, or it is damaged");
}

function entryAt(zip: Buffer, at: number, path: string): ArchiveEntry {
  if ((zip.readUInt16LE(at + 8) & 1) !== 0) throw archiveError(`${path} is encrypted`);
  const madeByUnix = zip.readUInt8(at + 5) === 3;
  const unixMode = madeByUnix ? zip.readUInt32LE(at + 38) >>> 16 : 0;
  const kind = unixMode & 0o170000;
  if (kind !== 0 && ![0o100000, 0o040000, 0o120000].includes(kind))
    throw archiveError(`${path} is a device or a pipe, which is not extracted`);
  const isDirectory = path.endsWith("/") || kind === 0o040000;
  const bytes = (): Buffer => memberAt(zip, at, path);
  const content = async function* () {
    if (!isDirectory) yield bytes();
  };
  return {
    path,
    type: kind === 0o120000 ? "link" : isDirectory ? "directory" : "file",
    mode: unixMode & 0o777 || (isDirectory ? 0o755 : 0o644),
    special: (unixMode & 0o7000) !== 0,
    target: kind === 0o120000 ? bytes().toString() : undefined,
    content: content(),
  };
}

function memberAt(zip: Buffer, at: number, path: string): Buffer {
  const [method, crc] = [zip.readUInt16LE(at + 10), zip.readUInt32LE(at + 16)];
  const [packed, length] = [zip.readUInt32LE(at + 20), zip.readUInt32LE(at + 24)];
  const local = zip.readUInt32LE(at + 42);
  if (length > MEMBER_BYTES_MAX) throw archiveError(`${path} is larger than ${MEMBER_BYTES_MAX} bytes`);
  if (local + 30 > zip.length || zip.readUInt32LE(local) !== LOCAL)
    throw archiveError("the zip archive is damaged");
  const start = local + 30 + zip.readUInt16LE(local + 26) + zip.readUInt16LE(local + 28);
  const raw = zip.subarray(start, start + packed);
  const bytes = method === 0 ? raw : method === 8 ? inflated(raw, length, path) : undefined;
  if (!bytes) throw archiveError(`${path} is compressed in a way that is not known here (${method})`);
  if (bytes.length !== length || crc32(bytes) !== crc) throw archiveError(`${path} is damaged`);
  return bytes;
}

function inflated(raw: Buffer, length: number, path: string): Buffer {
  try {
    return inflateRawSync(raw, { maxOutputLength: length + 1 });
  } catch {
    throw archiveError(`${path} is damaged, or larger than it says`);
  }
}
