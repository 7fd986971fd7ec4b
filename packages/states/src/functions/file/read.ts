import { RESULT_BYTES_MAX } from "@boma/protocol";
import { z } from "zod";

import { defineFunction } from "../../define-function.ts";
import type { ReadFiles } from "../../host/files.ts";
import { textOf } from "../../states/file/site-source.ts";

/** As base64 it is a third larger, and must still fit into a result. */
const READ_BYTES_MAX = Math.floor(RESULT_BYTES_MAX / 2);

export default defineFunction({
  name: "file.read",
  summary: "What stands in a file of the node, from its beginning.",
  params: z.strictObject({
    path: z.string().startsWith("/").max(4095).describe("The file."),
    bytes: z
      .int()
      .min(1)
      .max(READ_BYTES_MAX)
      .default(64 * 1024)
      .describe("How much of it, at most."),
  }),
  positional: ["path"],
  result: z.strictObject({
    path: z.string(),
    /** Of the whole file. */
    bytes: z.int(),
    /** There is more than was read. */
    cut: z.boolean(),
    text: z.string().nullable(),
    /** Where it is no text. */
    base64: z.string().nullable(),
  }),
  effect: "read",
  onRestart: "resume",
  timeoutMs: 60_000,
  examples: [
    "boma-master run web01 file.read /etc/os-release",
    "boma-master run web01 file.read /var/log/boot bytes=1000",
  ],
  async run({ path, bytes: most }, { host: { files } }) {
    const stat = await files.stat(path);
    const head = await beginningOf(files, path, most);
    const text = textOf(head.bytes) ?? textOf(wholeCharacters(head));
    // What the kernel makes up, as below /proc, has no size of its own.
    const bytes = Math.max(stat?.type === "file" ? stat.bytes : 0, head.bytes.length);
    return {
      path,
      bytes,
      cut: head.cut,
      text: text ?? null,
      base64: text === undefined ? Buffer.from(head.bytes).toString("base64") : null,
    };
  },
});

interface Head {
  readonly bytes: Uint8Array;
  readonly cut: boolean;
}

async function beginningOf(files: ReadFiles, path: string, most: number): Promise<Head> {
  const pieces: Uint8Array[] = [];
  let length = 0;
  for await (const piece of files.readStream(path)) {
    pieces.push(piece);
    length += piece.length;
    if (length > most) break;
  }
  return { bytes: Buffer.concat(pieces).subarray(0, most), cut: length > most };
}

/** A cut may go through a character of UTF-8, which has four bytes at most: what is left of it is left out. */
function wholeCharacters({ bytes, cut }: Head): Uint8Array {
  if (!cut) return bytes;
  const start = bytes.findLastIndex((byte) => (byte & 0xc0) !== 0x80);
  return start >= bytes.length - 3 && start >= 0 ? bytes.subarray(0, start) : bytes;
}
