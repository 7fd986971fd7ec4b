/** A tar archive whose bytes depend on its content alone; long names as GNU tar and dpkg read them. */
import type { TreeFile } from "./tree-file.ts";

const BLOCK = 512;
const NAME_BYTES_MAX = 99;

export function tar(files: readonly TreeFile[], epochSeconds: number, prefix = ""): Buffer {
  const parts: Uint8Array[] = [];
  for (const entry of files) parts.push(...entryParts(entry, epochSeconds, prefix));
  parts.push(Buffer.alloc(2 * BLOCK));
  return Buffer.concat(parts);
}

function entryParts(entry: TreeFile, time: number, prefix: string): Uint8Array[] {
  const name = `${prefix}${entry.path}${entry.kind === "directory" ? "/" : ""}`;
  const target = entry.kind === "link" ? entry.target : "";
  const bytes = entry.kind === "file" ? entry.bytes : new Uint8Array();
  const mode = entry.kind === "link" ? 0o777 : entry.mode;
  const type = { file: "0", link: "2", directory: "5" }[entry.kind];
  return [
    ...longName("K", target),
    ...longName("L", name),
    header({ name, target, type, mode, size: bytes.length, time }),
    ...padded(bytes),
  ];
}

/** GNU's way to say a name that the header has no room for. */
function longName(type: "K" | "L", text: string): Uint8Array[] {
  const bytes = Buffer.from(`${text}\0`);
  if (bytes.length <= NAME_BYTES_MAX + 1) return [];
  const head = { name: "././@LongLink", target: "", type, mode: 0o644, size: bytes.length, time: 0 };
  return [header(head), ...padded(bytes)];
}

const padded = (bytes: Uint8Array): Uint8Array[] => [
  bytes,
  Buffer.alloc((BLOCK - (bytes.length % BLOCK)) % BLOCK),
];

interface Head {
  readonly name: string;
  readonly target: string;
  readonly type: string;
  readonly mode: number;
  readonly size: number;
  readonly time: number;
}

function header({ name, target, type, mode, size, time }: Head): Buffer {
  const block = Buffer.alloc(BLOCK);
  const octal = (value: number, at: number, length: number): void =>
    void block.write(`${value.toString(8).padStart(length - 1, "0")}\0`, at, "latin1");
  Buffer.from(name).copy(block, 0, 0, NAME_BYTES_MAX + 1);
  octal(mode, 100, 8);
  octal(0, 108, 8);
  octal(0, 116, 8);
  octal(size, 124, 12);
  octal(time, 136, 12);
  block.write("        ", 148, "latin1");
  block.write(type, 156, "latin1");
  Buffer.from(target).copy(block, 157, 0, NAME_BYTES_MAX + 1);
  block.write("ustar  \0", 257, "latin1");
  block.write("root\0", 265, "latin1");
  block.write("root\0", 297, "latin1");
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148, "latin1");
  return block;
}
