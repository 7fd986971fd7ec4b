/** The headers of a tar archive as POSIX has them, so that `tar` can list a backup and take one file out of it. */
export const BLOCK = 512;

export interface TarEntry {
  readonly name: string;
  readonly kind: "file" | "link";
  readonly mode: number;
  readonly size: number;
  /** Where a link leads. */
  readonly target: string;
}

const TYPES = { file: "0", link: "2", extended: "x" } as const;
const NAME_BYTES = 100;
/** What eleven octal digits hold. */
const OCTAL_MAX = 8 ** 11;

export const paddingOf = (size: number): number => (BLOCK - (size % BLOCK)) % BLOCK;

/** The blocks before an entry's bytes; how many they are does not depend on its size. */
export function tarHeader(entry: TarEntry, seconds: number): Buffer {
  const { name, target } = entry;
  const long = [...(fits(name) ? [] : [["path", name]]), ...(fits(target) ? [] : [["linkpath", target]])];
  const own = block(entry, TYPES[entry.kind], seconds);
  if (long.length === 0) return own;
  const records = Buffer.concat(long.map(([key, value]) => record(key!, value!)));
  const extended = { ...entry, name: "pax", target: "", size: records.length };
  return Buffer.concat([
    block(extended, TYPES.extended, seconds),
    records,
    Buffer.alloc(paddingOf(records.length)),
    own,
  ]);
}

// oxlint-disable-next-line no-control-regex -- bytes that every tar reads in the same way are what is looked for.
const PLAIN = /^[\x20-\x7e]*$/;
const fits = (text: string): boolean => PLAIN.test(text) && text.length <= NAME_BYTES;

/** `LENGTH key=value\n`, where the length counts its own digits. */
function record(key: string, value: string): Buffer {
  const rest = Buffer.from(` ${key}=${value}\n`);
  let length = rest.length;
  while (length !== rest.length + String(length).length) length = rest.length + String(length).length;
  return Buffer.concat([Buffer.from(String(length)), rest]);
}

function block({ name, mode, size, target }: TarEntry, type: string, seconds: number): Buffer {
  const head = Buffer.alloc(BLOCK);
  const octal = (value: number, at: number, digits: number) =>
    head.write(value.toString(8).padStart(digits, "0"), at, digits, "latin1");
  head.write(name, 0, NAME_BYTES, "utf8");
  octal(mode, 100, 7);
  octal(0, 108, 7);
  octal(0, 116, 7);
  if (size < OCTAL_MAX) octal(size, 124, 11);
  else {
    head[124] = 0x80;
    head.writeBigUInt64BE(BigInt(size), 128);
  }
  octal(seconds, 136, 11);
  head.write(type, 156, 1, "latin1");
  head.write(target, 157, NAME_BYTES, "utf8");
  head.write("ustar\u000000", 257, 8, "latin1");
  octal(checksumOf(head), 148, 6);
  head[155] = 0x20;
  return head;
}

/** The sum of all bytes, where the sum itself counts as spaces. */
const checksumOf = (head: Buffer): number =>
  head.reduce((sum, byte, at) => sum + (at >= 148 && at < 156 ? 0x20 : byte), 0);

export interface ReadHeader extends Omit<TarEntry, "kind"> {
  readonly kind: TarEntry["kind"] | "extended" | "end";
}

/** `undefined` for what is no header. */
export function readTarHeader(head: Buffer): ReadHeader | undefined {
  const text = (at: number, bytes: number) => head.toString("utf8", at, at + bytes).replace(/\0.*$/s, "");
  const octal = (at: number, bytes: number) => Number.parseInt(text(at, bytes), 8);
  const entry = { name: text(0, NAME_BYTES), mode: octal(100, 8), target: text(157, NAME_BYTES) };
  if (head.length < BLOCK) return undefined;
  if (head.every((byte) => byte === 0)) return { ...entry, kind: "end", size: 0 };
  if (octal(148, 8) !== checksumOf(head)) return undefined;
  const [kind] = Object.entries(TYPES).find(([, type]) => type === text(156, 1)) ?? [];
  const size = head[124] === 0x80 ? Number(head.readBigUInt64BE(128)) : octal(124, 12);
  if (kind === undefined || !Number.isSafeInteger(size)) return undefined;
  return { ...entry, kind: kind as keyof typeof TYPES, size };
}

/** The long names that an extended header brings. */
export function readRecords(bytes: Buffer): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  for (let at = 0; at < bytes.length;) {
    const length = Number.parseInt(bytes.toString("latin1", at, at + 20), 10);
    if (!(length > 0)) break;
    const [, key, value] = /^\d+ ([^=]+)=(.*)\n$/s.exec(bytes.toString("utf8", at, at + length)) ?? [];
    if (key !== undefined) found.set(key, value!);
    at += length;
  }
  return found;
}
