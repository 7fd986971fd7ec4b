/** Files from elsewhere: into a cache by their checksum, from which a state takes them. */
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { mkdir, open, readdir, rename, rm, stat, utimes } from "node:fs/promises";
import { join } from "node:path";
import { addAbortSignal } from "node:stream";

import { BomaError } from "@boma/protocol";
import type { Download, Downloads, Port, ReadDownloads } from "@boma/states/core";

import { hasCode, isMissing, messageOf } from "../files.ts";
import type { Tools } from "./tools.ts";

const CACHE = "/var/cache/boma/downloads";
/** What was used longest ago goes when there is more than this. */
const CACHE_BYTES_MAX = 2 * 1024 ** 3;

export function realDownloads(
  { session }: Pick<Tools, "session">,
  cache = CACHE,
): Port<ReadDownloads, Downloads> {
  const read: ReadDownloads = {
    async cached(sha256) {
      const path = join(cache, sha256);
      // It may have been damaged since: the name is a promise that is proved each time.
      return (await sizeOf(path)) !== undefined && (await digestOf(path)) === sha256 ? path : undefined;
    },
  };
  return {
    read,
    write: {
      ...read,
      async fetch(download) {
        const there = await read.cached(download.sha256);
        if (there !== undefined) {
          await utimes(there, new Date(), new Date());
          return there;
        }
        await mkdir(cache, { recursive: true, mode: 0o700 });
        const path = join(cache, download.sha256);
        await get(download, `${path}.part`, session.signal);
        await rename(`${path}.part`, path);
        await forgetOldest(cache, path);
        return path;
      },
    },
  };
}

/** A part that turns out not to be the beginning of the file is thrown away, and all of it is asked for once. */
async function get(download: Download, part: string, signal: AbortSignal): Promise<void> {
  const { url, sha256 } = download;
  const begun = (await sizeOf(part)) ?? 0;
  await append(download, part, { begun, signal });
  let is = await digestOf(part);
  if (is !== sha256 && begun > 0) {
    await rm(part);
    await append(download, part, { begun: 0, signal });
    is = await digestOf(part);
  }
  if (is === sha256) return;
  await rm(part);
  throw new BomaError("state/checksum", `${url} has the SHA-256 ${is}, not ${sha256}`);
}

async function append(
  download: Download,
  part: string,
  { begun, signal }: { readonly begun: number; readonly signal: AbortSignal },
): Promise<void> {
  const { url, bytesMax } = download;
  // Node's HTTP brings a second client with it: many agents never fetch anything.
  const { answerOf } = await import("./http-get.ts");
  const answer = await answerOf(download, begun, signal);
  if (answer.complete) return;
  const from = answer.continues ? begun : 0;
  const tooLarge = (): BomaError =>
    new BomaError("state/download", `${url} is larger than ${bytesMax} bytes`);
  if (from + (answer.length ?? 0) > bytesMax) {
    answer.body.destroy();
    throw tooLarge();
  }
  let bytes = from;
  try {
    const file = await open(part, from > 0 ? "a" : "w", 0o600);
    try {
      // Piece by piece rather than through a pipe, which would throw away what it still held when the other side breaks off.
      for await (const piece of addAbortSignal(signal, answer.body) as AsyncIterable<Buffer>) {
        bytes += piece.length;
        if (bytes > bytesMax) throw tooLarge();
        await file.writeFile(piece);
      }
      await file.datasync();
    } finally {
      await file.close();
    }
  } catch (thrown) {
    if (thrown instanceof BomaError) {
      await rm(part, { force: true });
      throw thrown;
    }
    if (hasCode(thrown, "ENOSPC"))
      throw new BomaError("state/disk-full", `no space is left for ${url} in ${part}`, { cause: thrown });
    // What came is kept: the next attempt goes on from there.
    throw new BomaError("state/download", `${url} broke off after ${bytes} bytes: ${messageOf(thrown)}`, {
      cause: thrown,
    });
  }
}

async function digestOf(path: string): Promise<string> {
  const hash = createHash("sha256");
  for await (const piece of createReadStream(path)) hash.update(piece as Buffer);
  return hash.digest("hex");
}

async function sizeOf(path: string): Promise<number | undefined> {
  try {
    return (await stat(path)).size;
  } catch (thrown) {
    if (isMissing(thrown)) return undefined;
    throw thrown;
  }
}

async function forgetOldest(cache: string, kept: string): Promise<void> {
  const all: { path: string; bytes: number; usedMs: number }[] = [];
  for (const name of await readdir(cache)) {
    const path = join(cache, name);
    const { size, mtimeMs } = await stat(path);
    all.push({ path, bytes: size, usedMs: path === kept ? Infinity : mtimeMs });
  }
  let bytes = 0;
  for (const file of all.toSorted((a, b) => b.usedMs - a.usedMs)) {
    bytes += file.bytes;
    if (bytes > CACHE_BYTES_MAX && file.path !== kept) await rm(file.path, { force: true });
  }
}
