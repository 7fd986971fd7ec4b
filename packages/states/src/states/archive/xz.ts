/** xz is the one compression that Node does not know: its own program unpacks it, once it has said how much that is. */
import { BomaError } from "@boma/protocol";

import { archiveError } from "../../archive/tar.ts";
import type { Host } from "../../host/host.ts";

interface Unpacking {
  readonly archive: string;
  readonly into: string;
  readonly bytesMax: number;
}

export async function unpackXz(
  { files, commands }: Host,
  { archive, into, bytesMax }: Unpacking,
): Promise<string> {
  const said = await commands.read({ argv: ["xz", "--robot", "--list", archive] });
  if (said.exitCode === 127)
    throw new BomaError(
      "state/archive",
      `${archive} is compressed with xz, and this node has no program for it`,
      {
        hint: "Declare the package xz-utils before.",
      },
    );
  const totals = said.stdout.split("\n").find((line) => line.startsWith("totals\t"));
  const bytes = Number(totals?.split("\t")[4] ?? Number.NaN);
  if (!Number.isSafeInteger(bytes)) throw archiveError(`${archive} is damaged: ${said.stderr.trim()}`);
  if (bytes > bytesMax) throw archiveError(`${archive}: unpacked, it is larger than \`bytesMax\``);
  await files.write(`${into}/archive.xz`, files.readStream(archive), { mode: "0600" });
  await commands.must({ argv: ["xz", "--decompress", `${into}/archive.xz`], quiet: true });
  return `${into}/archive`;
}
