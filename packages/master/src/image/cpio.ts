/** An archive as the kernel reads it for an initramfs: "newc", all of root's, all of one time, so that the same files give the same bytes. */
const MAGIC = "070701";
const HEADER_BYTES = 110;
const TRAILER = "TRAILER!!!";
const KIND = { file: 0o100_000, dir: 0o040_000, link: 0o120_000 } as const;

export interface CpioEntry {
  readonly path: string;
  readonly kind: keyof typeof KIND;
  readonly mode: number;
  /** The bytes of a file, or where a link leads. */
  readonly data?: Uint8Array;
}

/** The parts of the archive in order; large files are not copied. */
export function cpio(entries: readonly CpioEntry[], seconds: number): readonly Uint8Array[] {
  const parts: Uint8Array[] = [];
  entries.forEach(({ path, kind, mode, data = new Uint8Array() }, at) => {
    const links = kind === "dir" ? 2 : 1;
    const fields = [at + 1, KIND[kind] | mode, 0, 0, links, seconds, data.length, 0, 0, 0, 0];
    parts.push(header(path, fields), data, padding(data.length));
  });
  parts.push(header(TRAILER, [0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0]));
  return parts;
}

/** Eight hexadecimal digits a field; the name with its end, and the checksum that "newc" leaves at nought. */
function header(path: string, fields: readonly number[]): Uint8Array {
  const name = Buffer.from(`${path}\0`);
  const numbers = [...fields, name.length, 0].map((value) => value.toString(16).padStart(8, "0"));
  const head = Buffer.concat([Buffer.from(MAGIC + numbers.join("")), name]);
  return Buffer.concat([head, padding(HEADER_BYTES + name.length)]);
}

const padding = (bytes: number): Uint8Array => new Uint8Array((4 - (bytes % 4)) % 4);
