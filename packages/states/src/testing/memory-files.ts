/** Files of memory, with the same words and the same complaints as the real ones. */
import { createHash } from "node:crypto";
import { posix } from "node:path";

import { BomaError } from "@boma/protocol";

import { fileComplaint, ownerComplaint, protectedComplaint } from "../host/file-complaint.ts";
import type { FileContent, Files, FileStat, Ownership, ReadFiles } from "../host/files.ts";
import type { Port } from "../host/host.ts";
import type { Given, GivenFile } from "./given.ts";

type Entry = {
  readonly inode: number;
  mtimeMs: number;
  mode: string;
  owner: string;
  group: string;
} & ({ type: "file"; bytes: Uint8Array } | { type: "directory" } | { type: "link"; target: string });

export type MemoryTree = Map<string, Entry>;

let inodes = 1;

function entryOf(given: GivenFile): Entry {
  const said = typeof given === "string" ? { contents: given } : given;
  const common = {
    inode: ++inodes,
    mtimeMs: inodes,
    owner: said.owner ?? "root",
    group: said.group ?? "root",
  };
  if (said.directory) return { ...common, type: "directory", mode: said.mode ?? "0755" };
  if (said.link !== undefined) return { ...common, type: "link", target: said.link, mode: "0777" };
  return {
    ...common,
    type: "file",
    bytes: new Uint8Array(Buffer.from(said.contents ?? "")),
    mode: said.mode ?? "0644",
  };
}

export function memoryTree(given: Given["files"] = {}): MemoryTree {
  const tree: MemoryTree = new Map([["/", entryOf({ directory: true })]]);
  for (const [path, file] of Object.entries(given)) {
    for (let above = posix.dirname(path); !tree.has(above); above = posix.dirname(above))
      tree.set(above, entryOf({ directory: true }));
    tree.set(path, entryOf(file));
  }
  return tree;
}

/** Follows links in all parts but the last. */
function place(tree: MemoryTree, path: string, does: string): string {
  let at = "/";
  const parts = path.split("/").filter((part) => part !== "");
  for (const [index, part] of parts.entries()) {
    const next = posix.join(at, part);
    if (index === parts.length - 1) return next;
    at = follow(tree, next, does);
    const entry = tree.get(at);
    if (!entry) throw fileComplaint("ENOENT", does, path);
    if (entry.type !== "directory") throw fileComplaint("ENOTDIR", does, path);
  }
  return at;
}

function follow(tree: MemoryTree, path: string, does: string, hops = 0): string {
  const entry = tree.get(path);
  if (entry?.type !== "link") return path;
  if (hops > LINKS_MAX) throw fileComplaint("ELOOP", does, path);
  return follow(tree, place(tree, posix.resolve(posix.dirname(path), entry.target), does), does, hops + 1);
}

function readHalf(tree: MemoryTree): ReadFiles {
  const file = (path: string): Uint8Array => {
    const entry = tree.get(follow(tree, place(tree, path, "read"), "read"));
    if (!entry) throw fileComplaint("ENOENT", "read", path);
    if (entry.type !== "file")
      throw fileComplaint(entry.type === "directory" ? "EISDIR" : "ELOOP", "read", path);
    return entry.bytes;
  };
  return {
    async stat(path) {
      try {
        const entry = tree.get(place(tree, path, "look at"));
        return entry && statOf(tree, entry);
      } catch (thrown) {
        if (thrown instanceof BomaError && NOTHING.includes(thrown.code)) return undefined;
        throw thrown;
      }
    },
    readText: async (path) => Buffer.from(file(path)).toString(),
    readBytes: async (path) => Uint8Array.from(file(path)),
    async *readStream(path) {
      yield Uint8Array.from(file(path));
    },
    async list(path) {
      const at = follow(tree, place(tree, path, "list"), "list");
      const entry = tree.get(at);
      if (!entry) throw fileComplaint("ENOENT", "list", path);
      if (entry.type !== "directory") throw fileComplaint("ENOTDIR", "list", path);
      return childrenOf(tree, at)
        .map((child) => posix.basename(child))
        .sort();
    },
    async readLink(path) {
      const entry = tree.get(place(tree, path, "read the link"));
      if (!entry) throw fileComplaint("ENOENT", "read the link", path);
      if (entry.type !== "link") throw fileComplaint("EINVAL", "read the link", path);
      return entry.target;
    },
    digest: async (path) => createHash("sha256").update(file(path)).digest("hex"),
    async space(path) {
      if (!tree.has(follow(tree, place(tree, path, "measure"), "measure")))
        throw fileComplaint("ENOENT", "measure", path);
      return SPACE;
    },
  };
}

const NOTHING: readonly string[] = ["state/file-missing", "state/wrong-type"];
const LINKS_MAX = 40;
const SPACE = { bytes: 2 ** 30, bytesUsed: 2 ** 29, bytesFree: 2 ** 29, inodes: 65_536, inodesFree: 65_000 };

const statOf = (tree: MemoryTree, entry: Entry): FileStat => ({
  type: entry.type,
  mode: entry.mode,
  owner: entry.owner,
  group: entry.group,
  uid: idOf(tree, "/etc/passwd", entry.owner),
  gid: idOf(tree, "/etc/group", entry.group),
  bytes: entry.type === "file" ? entry.bytes.length : 0,
  mtimeMs: entry.mtimeMs,
  device: 1,
  inode: entry.inode,
  links: 1,
});

/** The names of a machine that has a list of them; any name will do on one that has not. */
function namesOf(tree: MemoryTree, list: string): Map<string, number> | undefined {
  const entry = tree.get(list);
  if (entry?.type !== "file") return undefined;
  const lines = Buffer.from(entry.bytes).toString().split("\n");
  return new Map(
    lines.map((line) => line.split(":")).map(([name = "", , id = ""]) => [name, Number(id)] as const),
  );
}

function idOf(tree: MemoryTree, list: string, name: string): number {
  if (/^\d+$/.test(name)) return Number(name);
  if (name === "root") return 0;
  return namesOf(tree, list)?.get(name) ?? 1000;
}

/** As the machine would show it: a number for which it has a name is that name. */
function nameOf(tree: MemoryTree, kind: "user" | "group", name: string, path: string): string {
  const names = namesOf(tree, kind === "user" ? "/etc/passwd" : "/etc/group");
  if (/^\d+$/.test(name)) {
    if (!names) return name === "0" ? "root" : name;
    return [...names].find(([, id]) => id === Number(name))?.[0] ?? name;
  }
  if (names && !names.has(name)) throw ownerComplaint(kind, name, path);
  return name;
}

const childrenOf = (tree: MemoryTree, path: string): string[] =>
  [...tree.keys()].filter((other) => other !== path && posix.dirname(other) === path);

export function memoryFiles(tree: MemoryTree): Port<ReadFiles, Files> {
  const read = readHalf(tree);
  return { read, write: { ...read, ...writeHalf(tree) } };
}

function owned(tree: MemoryTree, { owner, group, mode }: Ownership, path: string): Partial<Entry> {
  return {
    ...(owner !== undefined && { owner: nameOf(tree, "user", owner, path) }),
    ...(group !== undefined && { group: nameOf(tree, "group", group, path) }),
    ...(mode !== undefined && { mode }),
  };
}

async function bytesOf(content: FileContent): Promise<Uint8Array> {
  if (typeof content === "string") return Buffer.from(content);
  return content instanceof Uint8Array ? content : Buffer.concat(await Array.fromAsync(content));
}

function writeHalf(tree: MemoryTree): Omit<Files, keyof ReadFiles> {
  const parent = (path: string, does: string): string => {
    const at = place(tree, path, does);
    if (tree.get(posix.dirname(at))?.type !== "directory") throw fileComplaint("ENOENT", does, path);
    return at;
  };
  const need = (path: string, does: string): Entry => {
    const entry = tree.get(place(tree, path, does));
    if (!entry) throw fileComplaint("ENOENT", does, path);
    return entry;
  };
  const makeDirectory = (path: string, ownership: Ownership): void => {
    const at = parent(path, "make the directory");
    const own = owned(tree, ownership, path);
    if (tree.has(at)) throw fileComplaint("EEXIST", "make the directory", path);
    tree.set(at, Object.assign(entryOf({ directory: true }), own));
  };
  return {
    async write(path, content, ownership = {}) {
      const at = parent(path, "write");
      const before = tree.get(at);
      if (before?.type === "directory") throw fileComplaint("EISDIR", "write", path);
      const own = owned(tree, ownership, path);
      const entry = entryOf({ contents: await bytesOf(content) });
      const { mode, owner, group } = before?.type === "file" ? before : entry;
      tree.set(at, Object.assign(entry, { mode, owner, group }, own));
    },
    makeDirectory: async (path, ownership = {}) => makeDirectory(path, ownership),
    async link(path, target) {
      const at = parent(path, "link");
      if (tree.get(at)?.type === "directory") throw fileComplaint("EISDIR", "link", path);
      tree.set(at, entryOf({ link: target }));
    },
    async chmod(path, mode) {
      const entry = need(path, "change the mode of");
      if (entry.type === "link") throw fileComplaint("EINVAL", "change the mode of", path);
      entry.mode = mode;
    },
    async chown(path, owner) {
      const own = owned(tree, owner, path);
      Object.assign(need(path, "change the owner of"), own);
    },
    ...movingHalf(tree, { parent, need }),
    async makeTemporary(above) {
      const at = posix.join(above, `.boma-${++inodes}`);
      makeDirectory(at, { mode: "0700" });
      return at;
    },
  };
}

interface Found {
  readonly parent: (path: string, does: string) => string;
  readonly need: (path: string, does: string) => Entry;
}

function movingHalf(tree: MemoryTree, { parent, need }: Found): Pick<Files, "remove" | "rename"> {
  return {
    async remove(path, { recursive = false } = {}) {
      if (path === "/") throw protectedComplaint(path, "it is the root of the machine");
      const entry = need(path, "remove");
      const at = place(tree, path, "remove");
      const below = [...tree.keys()].filter((other) => other.startsWith(`${at}/`));
      if (entry.type === "directory" && below.length > 0 && !recursive)
        throw fileComplaint("ENOTEMPTY", "remove", path);
      for (const other of [...below, at]) tree.delete(other);
    },
    async rename(from, to) {
      need(from, "rename");
      rename(tree, place(tree, from, "rename"), {
        to: parent(to, `rename ${from} to`),
        does: `rename ${from} to`,
        path: to,
      });
    },
  };
}

interface NewName {
  readonly to: string;
  readonly does: string;
  readonly path: string;
}

function rename(tree: MemoryTree, at: string, { to, does, path }: NewName): void {
  const [entry, there] = [tree.get(at), tree.get(to)];
  if (there?.type === "directory") {
    if (entry?.type !== "directory") throw fileComplaint("EISDIR", does, path);
    if (childrenOf(tree, to).length > 0) throw fileComplaint("ENOTEMPTY", does, path);
  } else if (there && entry?.type === "directory") throw fileComplaint("ENOTDIR", does, path);
  for (const other of [...tree.keys()].filter((name) => name === at || name.startsWith(`${at}/`))) {
    tree.set(to + other.slice(at.length), tree.get(other)!);
    tree.delete(other);
  }
}
