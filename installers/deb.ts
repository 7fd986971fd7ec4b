/**
 * A Debian package, written without Debian's tools: what `dpkg-deb` gives depends on
 * the machine's xz, and a build must give the same bytes everywhere.
 */
import { createHash } from "node:crypto";
import { promisify } from "node:util";
import { constants, gzip, zstdCompress } from "node:zlib";

import { tar } from "./tar.ts";
import { file, type TreeFile, withDirectories } from "./tree-file.ts";

const gzipped = promisify(gzip);
const zstd = promisify(zstdCompress);
/** As small as it gets without asking the target for more memory than it has. */
export const ZSTD_BEST = 19;

export interface Deb {
  /** The fields of its control file, without those that follow from its content. */
  readonly control: Readonly<Record<string, string>>;
  readonly scripts: Readonly<Record<string, string>>;
  /** Paths are as on the machine, without the first slash. */
  readonly files: readonly TreeFile[];
  readonly conffiles: readonly string[];
}

export interface Making {
  readonly epochSeconds: number;
  readonly level: number;
}

export async function debBytes(deb: Deb, { epochSeconds, level }: Making): Promise<Buffer> {
  const files = withDirectories(deb.files);
  const data = tar(files, epochSeconds, "./");
  const control = tar(controlFiles(deb, files), epochSeconds, "./");
  return ar(
    [
      ["debian-binary", Buffer.from("2.0\n")],
      ["control.tar.gz", await gzipped(control, { level: 9 })],
      ["data.tar.zst", await zstd(data, { params: { [constants.ZSTD_c_compressionLevel]: level } })],
    ],
    epochSeconds,
  );
}

function controlFiles({ control, scripts, conffiles }: Deb, files: readonly TreeFile[]): readonly TreeFile[] {
  const bytes = files.reduce((sum, entry) => sum + (entry.kind === "file" ? entry.bytes.length : 0), 0);
  const { Description = "", ...fields } = control;
  const all = { ...fields, "Installed-Size": String(Math.ceil(bytes / 1024)), Description };
  const sums = files.flatMap((entry) =>
    entry.kind === "file" && !conffiles.includes(`/${entry.path}`)
      ? `${createHash("md5").update(entry.bytes).digest("hex")}  ${entry.path}\n`
      : [],
  );
  return [
    file("conffiles", conffiles.map((path) => `${path}\n`).join("")),
    file(
      "control",
      Object.entries(all)
        .map(([name, value]) => `${name}: ${value}\n`)
        .join(""),
    ),
    file("md5sums", sums.join("")),
    ...Object.entries(scripts).map(([name, text]) => file(name, text, 0o755)),
  ].toSorted((a, b) => (a.path < b.path ? -1 : 1));
}

function ar(members: readonly (readonly [string, Buffer])[], time: number): Buffer {
  const parts: Uint8Array[] = [Buffer.from("!<arch>\n")];
  for (const [name, bytes] of members) {
    const fields = [
      name.padEnd(16),
      String(time).padEnd(12),
      "0     0     100644  ",
      String(bytes.length).padEnd(10),
    ];
    parts.push(Buffer.from(`${fields.join("")}\`\n`), bytes);
    if (bytes.length % 2 === 1) parts.push(Buffer.from("\n"));
  }
  return Buffer.concat(parts);
}
