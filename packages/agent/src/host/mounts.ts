/** Mounts: what the kernel says is mounted, whatever it was called by who mounted it. */
import { mkdtempDisposable, readdir, readFile, realpath, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, posix } from "node:path";

import type { Mount, Mounts, Port, ReadMounts, WantedMount } from "@boma/states/core";

import { type MountLine, parseMountinfo } from "./mountinfo.ts";
import type { Tools } from "./tools.ts";

const TAGS = ["UUID", "LABEL", "PARTUUID", "PARTLABEL", "ID"] as const;

export function realMounts({ commands }: Tools): Port<ReadMounts, Mounts> {
  const lines = async (): Promise<MountLine[]> =>
    parseMountinfo(await readFile("/proc/self/mountinfo", "utf8"));

  const identify = async ({ source, fstype, options }: Wanted): Promise<string | undefined> => {
    if (isBind(options)) return bindIdentity(source, await lines());
    const path = await devicePath(source);
    if (path === undefined) return undefined;
    if (!path.startsWith("/")) return nameIdentity(path, fstype);
    const number = (await deviceNumber(path)) ?? (await loopNumber(path));
    return number === undefined ? undefined : `device:${number}`;
  };

  /** Links below /dev/disk first; a label that udev has not seen yet is still found by blkid. */
  const devicePath = async (source: string): Promise<string | undefined> => {
    const [, tag, value] = new RegExp(`^(${TAGS.join("|")})="?([^"]*)"?$`).exec(source) ?? [];
    if (tag === undefined || value === undefined) return source;
    const { exitCode, stdout } = await commands.read({
      argv: ["blkid", "--cache-file", "/dev/null", "-l", "-o", "device", "-t", `${tag}=${value}`],
    });
    const [found] = stdout.split("\n");
    return exitCode === 0 && found ? found : undefined;
  };

  const read: ReadMounts = {
    identify,
    list: async () => Promise.all((await lines()).map(mountOf)),
  };
  const write: Mounts = {
    ...read,
    async verify(fstab) {
      await using draft = await mkdtempDisposable(join(tmpdir(), "boma-fstab-"));
      const tab = join(draft.path, "fstab");
      await writeFile(tab, fstab);
      const { stdout, stderr } = await commands.read({ argv: ["findmnt", "--verify", "--tab-file", tab] });
      return problemsIn(`${stdout}\n${stderr}`);
    },
    mount: async (wanted) => void (await commands.must({ argv: mountCommand(wanted) })),
    async remount(wanted) {
      const options = ["remount", ...everySaid(wanted.options)];
      // Named by both, or mount adds the options that it finds there already, and `noatime` beats `relatime`.
      const place = ["--source", wanted.source, "--target", wanted.path];
      await commands.must({ argv: ["mount", "-o", options.join(","), ...place] });
    },
    unmount: async (path) => void (await commands.must({ argv: ["umount", path] })),
  };
  return { read, write };
}

type Wanted = Pick<WantedMount, "source" | "fstype" | "options">;

const isBind = (options: readonly string[]): boolean => options.includes("bind") || options.includes("rbind");

export function mountCommand({ source, path, fstype, options }: WantedMount): string[] {
  const words = options.filter((option) => option !== "nofail" && option !== "defaults");
  return [
    "mount",
    ...(isBind(options) || fstype === "none" ? [] : ["-t", fstype]),
    ...(words.length > 0 ? ["-o", words.join(",")] : []),
    "--source",
    source,
    "--target",
    path,
  ];
}

/** In a remount what is not said stays as it was, and so the defaults are said as well. */
export function everySaid(options: readonly string[]): string[] {
  const defaults = [
    ["rw", "ro"],
    ["suid", "nosuid"],
    ["dev", "nodev"],
    ["exec", "noexec"],
    ["async", "sync"],
    ["diratime", "nodiratime"],
    ["relatime", "noatime", "strictatime"],
  ];
  const unsaid = defaults.filter((row) => !row.some((word) => options.includes(word))).map(([word]) => word!);
  return [...unsaid, ...options.filter((option) => option !== "nofail" && option !== "defaults")];
}

async function mountOf(line: MountLine): Promise<Mount> {
  const { path, source, fstype, options } = line;
  return { path, source, fstype, options, identity: await identityOf(line) };
}

/** Some filesystems have a number of their own, which is not that of the device: then the device tells it. */
async function identityOf({ device, root, source, fstype }: MountLine): Promise<string> {
  if (root !== "/" && fstype !== "btrfs") return `part:${device}:${root}`;
  if (!source.startsWith("/")) return nameIdentity(source, fstype);
  return `device:${(await deviceNumber(source)) ?? device}`;
}

/** Shares are told by their names, and what has no source at all by its kind. */
const nameIdentity = (source: string, fstype: string): string =>
  /^[^/]+:|^\/\//.test(source) ? `share:${source.replace(/\/+$/, "")}` : `kind:${fstype}`;

async function deviceNumber(path: string): Promise<string | undefined> {
  try {
    const found = await stat(path);
    if (!found.isBlockDevice()) return undefined;
    const number = BigInt(found.rdev);
    const major = ((number >> 8n) & 0xfffn) | ((number >> 32n) & ~0xfffn);
    const minor = (number & 0xffn) | ((number >> 12n) & ~0xffn);
    return `${major}:${minor}`;
  } catch {
    return undefined;
  }
}

/** A directory that is mounted elsewhere as well: which filesystem it is in, and where in it. */
async function bindIdentity(source: string, lines: readonly MountLine[]): Promise<string | undefined> {
  const real = await realpath(source).catch(() => undefined);
  if (real === undefined) return undefined;
  const holds = ({ path }: MountLine): boolean =>
    path === "/" || real === path || real.startsWith(`${path}/`);
  const deepest = lines.filter(holds).reduce<MountLine | undefined>(
    // Of two at one path the later one is on top.
    (best, line) => (best && best.path.length > line.path.length ? best : line),
    undefined,
  );
  if (!deepest) return undefined;
  const below = posix.relative(deepest.path, real);
  return identityOf({ ...deepest, root: posix.join(deepest.root, below) });
}

/** A file is mounted through a loop device; before it is, it is known by its path. */
async function loopNumber(path: string): Promise<string | undefined> {
  const real = await realpath(path).catch(() => undefined);
  if (real === undefined || !(await stat(real)).isFile()) return undefined;
  for (const name of await readdir("/sys/block").catch(() => [])) {
    const backing = await readFile(`/sys/block/${name}/loop/backing_file`, "utf8").catch(() => "");
    if (backing.trim() === real) return (await readFile(`/sys/block/${name}/dev`, "utf8")).trim();
  }
  return `file:${real}`;
}

/**
 * `findmnt --verify` prints the path, and below it a line for each problem, errors with `[E]`. That a source is not
 * there is not held against the line: the mount itself says so, and better.
 */
export function problemsIn(text: string): string[] {
  return text
    .split("\n")
    .map((line) => line.trim())
    .filter(
      (line) => (line.startsWith("[E]") && !line.includes("source:")) || line.includes("parse error at"),
    )
    .map((line) => line.replace(/^\[E\]\s*/, ""))
    .slice(0, 20);
}
