/** Reads tar archives as they stream by: ustar, GNU long names, pax. Nothing of an archive is believed. */
import { BomaError } from "@boma/protocol";

export interface ArchiveEntry {
  readonly path: string;
  readonly type: "file" | "directory" | "link";
  /** Permissions without set-user, set-group and sticky bits, which come separately. */
  readonly mode: number;
  readonly special: boolean;
  readonly target?: string | undefined;
  /** Must be read before the next entry is asked for; what is not read is skipped. */
  readonly content: AsyncIterable<Uint8Array>;
}

const BLOCK = 512;
/** Long names and pax headers are small; a large one is an attack. */
const HEADER_BYTES_MAX = 1024 * 1024;

export const archiveError = (message: string): BomaError => new BomaError("state/archive", message);

export async function* readTar(pieces: AsyncIterable<Uint8Array>): AsyncGenerator<ArchiveEntry> {
  const source = byteSource(pieces);
  let pax: ReadonlyMap<string, string> = new Map();
  const always = new Map<string, string>();
  for (;;) {
    const header = await source.take(BLOCK);
    if (header.every((byte) => byte === 0)) return;
    if (header.length < BLOCK) throw archiveError("the archive ends in the middle of an entry");
    assertChecksum(header);
    const kind = String.fromCharCode(header[156]!);
    const length = Number(pax.get("size") ?? numberIn(header, 124, 12));
    if (!Number.isSafeInteger(length) || length < 0) throw archiveError("an entry has no size that can be");
    const padding = (BLOCK - (length % BLOCK)) % BLOCK;
    if ("LKxg".includes(kind)) {
      if (length > HEADER_BYTES_MAX) throw archiveError("the archive has a header that is too large");
      const bytes = await source.take(length + padding);
      if (bytes.length < length + padding) throw archiveError("the archive ends in the middle of a header");
      const body = Buffer.from(bytes.subarray(0, length));
      if (kind === "g") for (const [key, value] of paxIn(body)) always.set(key, value);
      else pax = new Map([...pax, ...(kind === "x" ? paxIn(body) : longName(kind, body))]);
      continue;
    }
    const said = new Map([...always, ...pax]);
    pax = new Map();
    const content = limited(source, length);
    yield { ...entryOf(header, kind, said), content };
    for await (const _ of content);
    await source.skip(padding);
  }
}

function entryOf(
  header: Uint8Array,
  kind: string,
  said: ReadonlyMap<string, string>,
): Omit<ArchiveEntry, "content"> {
  const prefix = textIn(header, 257, 5) === "ustar" && header[262] === 0 ? textIn(header, 345, 155) : "";
  const name = textIn(header, 0, 100);
  const path = said.get("path") ?? (prefix === "" ? name : `${prefix}/${name}`);
  const mode = numberIn(header, 100, 8);
  const common = { path, mode: mode & 0o777, special: (mode & 0o7000) !== 0 };
  if (kind === "5" || (isFile(kind) && path.endsWith("/"))) return { ...common, type: "directory" };
  if (isFile(kind)) return { ...common, type: "file" };
  if (kind === "2")
    return { ...common, type: "link", target: said.get("linkpath") ?? textIn(header, 157, 100) };
  throw archiveError(`${path} is ${KINDS[kind] ?? "of an unknown kind"}, which is not extracted`);
}

const isFile = (kind: string): boolean => kind === "0" || kind === "\0" || kind === "7";
const KINDS: Readonly<Record<string, string>> = {
  "1": "a hard link",
  "3": "a device",
  "4": "a device",
  "6": "a named pipe",
};

function assertChecksum(header: Uint8Array): void {
  const sum = header.reduce((total, byte, at) => total + (at >= 148 && at < 156 ? 0x20 : byte), 0);
  if (sum !== numberIn(header, 148, 8)) throw archiveError("this is no tar archive, or it is damaged");
}

const textIn = (header: Uint8Array, at: number, length: number): string =>
  Buffer.from(header.subarray(at, at + length))
    .toString()
    .split("\0")[0]!;

/** Octal digits; or, where the first bit is set, bytes. */
function numberIn(header: Uint8Array, at: number, length: number): number {
  if ((header[at]! & 0x80) !== 0)
    return header
      .subarray(at + 1, at + length)
      .reduce((total, byte) => total * 256 + byte, header[at]! & 0x7f);
  const digits = textIn(header, at, length).trim();
  return digits === "" ? 0 : /^[0-7]+$/.test(digits) ? Number.parseInt(digits, 8) : Number.NaN;
}

const longName = (kind: string, body: Buffer): [string, string][] => [
  [kind === "L" ? "path" : "linkpath", body.toString().split("\0")[0]!],
];

/** `29 path=some/where\n`: the number is the length of the whole line. */
function paxIn(body: Buffer): [string, string][] {
  const found: [string, string][] = [];
  for (let at = 0; at < body.length;) {
    const blank = body.indexOf(0x20, at);
    const length = blank < 0 ? Number.NaN : Number(body.toString("latin1", at, blank));
    if (!Number.isInteger(length) || length <= blank - at + 1 || at + length > body.length)
      throw archiveError("the archive has a header that cannot be read");
    const [key = "", ...value] = body.toString("utf8", blank + 1, at + length - 1).split("=");
    found.push([key, value.join("=")]);
    at += length;
  }
  return found;
}

interface ByteSource {
  /** So many bytes, or fewer at the end. */
  take(length: number): Promise<Uint8Array>;
  /** Whatever is there, so many at most; `undefined` at the end. */
  some(most: number): Promise<Uint8Array | undefined>;
  skip(length: number): Promise<void>;
}

function byteSource(pieces: AsyncIterable<Uint8Array>): ByteSource {
  const iterator = pieces[Symbol.asyncIterator]();
  let held: Uint8Array = new Uint8Array();
  const some = async (most: number): Promise<Uint8Array | undefined> => {
    while (held.length === 0) {
      const next = await iterator.next();
      if (next.done) return undefined;
      held = next.value;
    }
    const taken = held.subarray(0, most);
    held = held.subarray(most);
    return taken;
  };
  const take = async (length: number): Promise<Uint8Array> => {
    const taken: Uint8Array[] = [];
    for (let left = length; left > 0;) {
      const piece = await some(left);
      if (!piece) break;
      taken.push(piece);
      left -= piece.length;
    }
    return Buffer.concat(taken);
  };
  return { take, some, skip: async (length) => void (await take(length)) };
}

async function* limited(source: ByteSource, length: number): AsyncGenerator<Uint8Array> {
  for (let left = length; left > 0;) {
    const piece = await source.some(left);
    if (!piece) throw archiveError("the archive ends in the middle of a file");
    left -= piece.length;
    yield piece;
  }
}
