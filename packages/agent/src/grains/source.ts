/**
 * The one door to /proc, /sys and /etc. What lies there may be missing, garbage
 * or hostile (a disk names itself, a boot server writes the command line), so
 * reading never throws on it: it is bounded, cleaned, or simply absent.
 */
import { constants } from "node:fs";
import { open, readdir, readlink, stat } from "node:fs/promises";
import { hostname, machine, networkInterfaces, type NetworkInterfaceInfo } from "node:os";
import { join } from "node:path";

import type { Grains, GrainValue } from "@boma/protocol";

/** The longest text of one core grain. */
const TEXT_LENGTH_MAX = 255;
/** One page: more than any single value in /sys has. */
const PAGE_BYTES = 4096;
const CHUNK_BYTES = 64 * 1024;
/** Entries of one directory that are looked at; a machine with more has something wrong. */
const ENTRIES_MAX = 1024;

/** What only system calls tell; a fixture brings its own. */
export interface SystemCalls {
  /** As uname says: x86_64, aarch64. */
  readonly machine: string;
  /** What this program was built for, which differs on a 32-bit system with a 64-bit kernel. */
  readonly nodeArch: string;
  readonly hostname: string;
  addresses(): Readonly<NodeJS.Dict<NetworkInterfaceInfo[]>>;
}

export interface Source {
  readonly root: string;
  readonly system: SystemCalls;
  readonly signal: AbortSignal;
  bytes(path: string, bytesMax?: number): Promise<Uint8Array | undefined>;
  /** The content as it stands, cut at `bytesMax`. */
  text(path: string, bytesMax?: number): Promise<string | undefined>;
  /** The content as one clean line; empty is absent. */
  word(path: string): Promise<string | undefined>;
  number(path: string): Promise<number | undefined>;
  list(path: string): Promise<readonly string[]>;
  link(path: string): Promise<string | undefined>;
  has(path: string): Promise<boolean>;
}

export interface Collector {
  readonly name: string;
  /** Its own time limit, where the usual one would be unfair. */
  readonly timeLimitMs?: number;
  collect(source: Source): Promise<Grains>;
}

const realCalls = (): SystemCalls => ({
  machine: machine(),
  nodeArch: process.arch,
  hostname: hostname(),
  // getifaddrs: never a name service.
  addresses: () => networkInterfaces(),
});

const noCalls: SystemCalls = { machine: "", nodeArch: "", hostname: "", addresses: () => ({}) };

export interface SourceOptions {
  readonly root?: string | undefined;
  readonly system?: SystemCalls | undefined;
  readonly signal?: AbortSignal | undefined;
}

export function openSource(options: SourceOptions = {}): Source {
  const root = options.root ?? "/";
  const signal = options.signal ?? new AbortController().signal;
  // A foreign tree must not be mixed with facts of the machine that reads it.
  const system = options.system ?? (root === "/" ? realCalls() : noCalls);
  const absentOnFault = async <T>(
    path: string,
    read: (path: string) => Promise<T>,
  ): Promise<T | undefined> => {
    signal.throwIfAborted();
    try {
      return await read(join(root, path));
    } catch {
      return undefined;
    }
  };
  const bytes: Source["bytes"] = (path, bytesMax = PAGE_BYTES) =>
    absentOnFault(path, (full) => readBounded(full, bytesMax, path.startsWith("/sys/")));
  const text: Source["text"] = async (path, bytesMax) => {
    const read = await bytes(path, bytesMax);
    return read && Buffer.from(read.buffer, read.byteOffset, read.byteLength).toString("utf8");
  };
  const word: Source["word"] = async (path) => clean(await text(path));
  return {
    root,
    system,
    signal,
    bytes,
    text,
    word,
    number: async (path) => wholeNumber(await word(path)),
    list: async (path) => {
      const names = (await absentOnFault(path, (full) => readdir(full))) ?? [];
      return names.toSorted(byName).slice(0, ENTRIES_MAX);
    },
    link: (path) => absentOnFault(path, (full) => readlink(full)),
    has: async (path) => (await absentOnFault(path, (full) => stat(full))) !== undefined,
  };
}

/** Opened without waiting, lest a pipe where a file should be holds us; sysfs gives all in one read. */
async function readBounded(path: string, bytesMax: number, onePage: boolean): Promise<Uint8Array> {
  const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY);
  try {
    const chunks: Uint8Array[] = [];
    let total = 0;
    while (total < bytesMax) {
      const { bytesRead, buffer } = await file.read({
        buffer: Buffer.allocUnsafe(Math.min(bytesMax - total, CHUNK_BYTES)),
        position: null,
      });
      if (bytesRead === 0) break;
      chunks.push(buffer.subarray(0, bytesRead));
      total += bytesRead;
      if (onePage) break;
    }
    return Buffer.concat(chunks);
  } finally {
    await file.close();
  }
}

/** Control and invisible characters would forge lines and colours on an operator's terminal. */
// oxlint-disable-next-line no-control-regex
const INVISIBLE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\uFFFD]/gu;

/** One bounded line without control characters; nothing left is absent. */
export function clean(text: string | undefined): string | undefined {
  const line = text?.replaceAll(INVISIBLE, "").trim().slice(0, TEXT_LENGTH_MAX).toWellFormed().trim();
  return line === "" ? undefined : line;
}

export function wholeNumber(text: string | undefined): number | undefined {
  if (text === undefined || !/^\d{1,16}$/.test(text)) return undefined;
  const value = Number(text);
  return Number.isSafeInteger(value) ? value : undefined;
}

/** The same order on every machine, whatever its locale. */
export const byName = (left: string, right: string): number => (left < right ? -1 : left > right ? 1 : 0);

/** A table asked with a stranger's word: `constructor` is not in it. */
export const lookUp = <T>(table: Readonly<Record<string, T>>, key: string | undefined): T | undefined =>
  key !== undefined && Object.hasOwn(table, key) ? table[key] : undefined;

/** Leaves out what is absent. `__proto__` is refused on the wire, so it never becomes a key. */
export function present(
  entries:
    | Readonly<Record<string, GrainValue | undefined>>
    | Iterable<readonly [string, GrainValue | undefined]>,
): Grains {
  const pairs = Symbol.iterator in entries ? [...entries] : Object.entries(entries);
  return Object.fromEntries(
    pairs.filter((pair): pair is [string, GrainValue] => pair[1] !== undefined && pair[0] !== "__proto__"),
  );
}

/** `KEY=value` lines as in os-release, uevent and environ. */
export function assignments(text: string | undefined, separator = "\n"): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  for (const line of text?.split(separator) ?? []) {
    const match = /^\s*([A-Za-z_][A-Za-z0-9_]*)=(.*)$/s.exec(line);
    if (match) found.set(match[1] ?? "", match[2] ?? "");
  }
  return found;
}

/** The last part of a link's target, which is how sysfs names drivers and kinds. */
export const lastPart = (link: string | undefined): string | undefined => clean(link?.split("/").at(-1));
