/** How a disk is divided: what BIOS and UEFI start from, and one root. */
import type { ReadHost } from "../host/host.ts";

export const MIB = 1024 ** 2;
/** The system itself takes one; the rest is for what it is to become. */
export const DISK_BYTES_MIN = 4 * 1024 * MIB;
const ESP_MIB = 512;

/** The name of every partition until the whole disk is done: one that has it is nobody's data. */
export const UNFINISHED = "boma-unfinished";

export type Architecture = "amd64" | "arm64";
type Use = "bios" | "esp" | "root";

export interface Partition {
  readonly use: Use;
  readonly number: number;
  /** Its name when it is done. */
  readonly name: string;
}

const TYPE = {
  bios: "21686148-6449-6E6F-744E-656564454649",
  esp: "C12A7328-F81F-11D2-BA4B-00A0C93EC93B",
  amd64: "4F68BCE3-E8CD-4DB1-96E7-FBCAF984B709",
  arm64: "B921B045-1DF0-41C3-AF44-4C6F280D3FAE",
} as const;

/** BIOS has a place of its own for the loader, which machines of arm64 have no use for. */
const USES: Readonly<Record<Architecture, readonly Use[]>> = {
  amd64: ["bios", "esp", "root"],
  arm64: ["esp", "root"],
};

export const partitionsOf = (arch: Architecture): readonly Partition[] =>
  USES[arch].map((use, at) => ({ use, number: at + 1, name: `boma-${use}` }));

/** What sfdisk reads: the root is last, and may grow with its disk. */
export function layoutScript(arch: Architecture): string {
  const lines = USES[arch].map((use) => {
    const size = use === "bios" ? "size=1MiB, " : use === "esp" ? `size=${ESP_MIB}MiB, ` : "";
    return `${size}type=${use === "root" ? TYPE[arch] : TYPE[use]}, name="${UNFINISHED}"`;
  });
  return `label: gpt\n${lines.join("\n")}\n`;
}

/** `/dev/sda` → `/dev/sda1`, `/dev/nvme0n1` → `/dev/nvme0n1p1`. */
export const partitionPath = (disk: string, number: number): string =>
  `${disk}${/\d$/.test(disk) ? "p" : ""}${number}`;

/** The names of a disk's partitions, off the disk itself; `undefined` where it has no table. */
export async function partitionNames(
  disk: string,
  { commands }: Pick<ReadHost, "commands">,
): Promise<readonly string[] | undefined> {
  const { exitCode, stdout } = await commands.read({ argv: ["sfdisk", "--json", disk] });
  return exitCode === 0 ? readNames(stdout) : undefined;
}

export function readNames(text: string): readonly string[] | undefined {
  const { partitiontable } = JSON.parse(text) as { partitiontable?: { partitions?: { name?: string }[] } };
  return partitiontable?.partitions?.map(({ name = "" }) => name);
}
