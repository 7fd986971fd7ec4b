/** What lsblk, blkid, wipefs and the programs of filesystems print about a device. */
import type { BlockDevice, Content } from "@boma/states/core";
import { z } from "zod";

const DEPTH_MAX = 16;

interface Node {
  readonly path: string;
  readonly type: string;
  readonly size: number;
  readonly ro: boolean;
  readonly rm?: boolean | undefined;
  readonly serial?: string | null | undefined;
  readonly wwn?: string | null | undefined;
  readonly pkname?: string | null | undefined;
  readonly mountpoints?: readonly (string | null)[] | undefined;
  readonly children?: readonly Node[] | undefined;
}
const Node: z.ZodType<Node> = z.lazy(() =>
  z.object({
    path: z.string(),
    type: z.string(),
    size: z.number(),
    ro: z.boolean(),
    rm: z.boolean().optional(),
    serial: z.string().nullable().optional(),
    wwn: z.string().nullable().optional(),
    pkname: z.string().nullable().optional(),
    mountpoints: z.array(z.string().nullable()).optional(),
    children: z.array(Node).optional(),
  }),
);
const Lsblk = z.object({ blockdevices: z.array(Node) });

export const LSBLK_FIELDS = "PATH,TYPE,SIZE,RO,RM,SERIAL,WWN,PKNAME,MOUNTPOINTS";

/** The one device that was asked for, with all that lies on it however deep. */
export function parseLsblk(text: string): BlockDevice | undefined {
  const [node] = Lsblk.parse(JSON.parse(text)).blockdevices;
  if (!node) return undefined;
  const below = descendants(node, 0);
  return {
    path: node.path,
    type: node.type,
    bytes: node.size,
    readOnly: node.ro,
    removable: node.rm ?? false,
    serial: node.serial?.trim() || undefined,
    wwn: node.wwn?.trim() || undefined,
    parent: node.pkname ? `/dev/${node.pkname}` : undefined,
    children: [...new Set(below.map(({ path }) => path))],
    mountpoints: [node, ...below].flatMap(({ mountpoints = [] }) => mountpoints.filter((at) => at !== null)),
  };
}

/** The whole disks among all that there is. */
export const parseDisks = (text: string): string[] =>
  Lsblk.parse(JSON.parse(text)).blockdevices.flatMap(({ path, type }) => (type === "disk" ? [path] : []));

const descendants = ({ children = [] }: Node, depth: number): Node[] =>
  depth > DEPTH_MAX ? [] : children.flatMap((child) => [child, ...descendants(child, depth + 1)]);

/** Nothing recognised; and more than one thing. */
const BLKID_NOTHING = 2;
const BLKID_AMBIVALENT = 8;

/** `blkid -p -o export`: one `NAME=value` a line, special characters after a backslash. `undefined`: it failed. */
export function parseBlkid(text: string, exitCode: number | null): Content | undefined {
  if (exitCode === BLKID_AMBIVALENT) return { ambivalent: true };
  if (exitCode !== 0 && exitCode !== BLKID_NOTHING) return undefined;
  const found = new Map(
    text.split("\n").flatMap((line): [string, string][] => {
      const at = line.indexOf("=");
      return at < 0 ? [] : [[line.slice(0, at), line.slice(at + 1).replace(/\\(.)/g, "$1")]];
    }),
  );
  return {
    type: found.get("TYPE"),
    usage: found.get("USAGE"),
    label: found.get("LABEL"),
    uuid: found.get("UUID"),
    partitionTable: found.get("PTTYPE"),
  };
}

const Wipefs = z.object({ signatures: z.array(z.object({ type: z.string() })) });

/** An old wipefs prints nothing at all where there is nothing. */
export const parseWipefs = (text: string): string[] =>
  text.trim() === "" ? [] : Wipefs.parse(JSON.parse(text)).signatures.map(({ type }) => type);

/** `dumpe2fs -h`. */
export function extBytes(text: string): number | undefined {
  const count = /^Block count:\s+(\d+)$/m.exec(text)?.[1];
  const size = /^Block size:\s+(\d+)$/m.exec(text)?.[1];
  return count === undefined || size === undefined ? undefined : Number(count) * Number(size);
}

/** `xfs_info`: the line of data has the size of a block and how many there are. */
export function xfsBytes(text: string): number | undefined {
  const [, size, count] = /^data\s+=\s*bsize=(\d+)\s+blocks=(\d+)/m.exec(text) ?? [];
  return count === undefined ? undefined : Number(count) * Number(size);
}
