/** A master as one file, taken while it runs or while it is stopped. */
import { existsSync, statSync } from "node:fs";
import { resolve, sep } from "node:path";

import { BomaError, readManifest } from "@boma/protocol";

import { auditDir } from "../audit/segments.ts";
import { assertInitialised, Base64, type Home } from "../home.ts";
import { type Keyring, readKeyring } from "../keyring.ts";
import { VERSION } from "../version.ts";
import { ArchiveWriter } from "./archive-writer.ts";
import { addAudit, addHome, addSite, PLACE, ROOT_KEY } from "./home-files.ts";
import { MANIFEST, type Part, type StreamKept } from "./manifest.ts";
import { type ReachedBus, reachBus } from "./reach-bus.ts";
import { COPIED } from "./stream-order.ts";
import { withSnapshot } from "./stream-snapshot.ts";

export interface BackupOptions {
  readonly home: Home;
  readonly site: string;
  readonly out: string;
  readonly force: boolean;
  readonly rootKey: boolean;
}

export interface BackupTaken {
  readonly out: string;
  readonly bytes: number;
  readonly takenAt: number;
  readonly parts: readonly Part[];
  readonly hasRootKey: boolean;
}

export async function takeBackup(options: BackupOptions): Promise<BackupTaken> {
  const { home, force } = options;
  const out = resolve(options.out);
  assertInitialised(home);
  assertOwn(home);
  if (existsSync(out) && !force)
    throw new BomaError("usage/file", `${out} is there already`, {
      hint: "Name another file, or replace it with --force.",
    });
  if (out.startsWith(resolve(home.dir) + sep))
    throw new BomaError("usage/file", `${out} lies in the home that is backed up`, {
      hint: "Name a file on another disk.",
    });
  await using bus = await reachBus(home);
  const archive = await ArchiveWriter.create(out).catch((cause: unknown) => {
    throw new BomaError("usage/file", `cannot write ${out}: ${(cause as Error).message}`, { cause });
  });
  try {
    return await writeAll(archive, bus, { ...options, out });
  } catch (error) {
    await archive.abandon();
    throw error;
  }
}

/** What another user wrote the service could not read. */
export function assertOwn({ keys }: Home): void {
  const { uid } = statSync(keys);
  if (process.getuid?.() === uid) return;
  throw new BomaError(
    "usage/file",
    `${keys} belongs to user ${uid}, and this is user ${process.getuid?.()}`,
    {
      hint: "Run this as the user of that master; root's `boma-master` without --home does so by itself.",
    },
  );
}

async function writeAll(
  archive: ArchiveWriter,
  { connection }: ReachedBus,
  { home, site, out, rootKey }: BackupOptions,
): Promise<BackupTaken> {
  const takenAt = Date.now();
  const keyring = readKeyring(home);
  const streams: Record<string, StreamKept> = {};
  for (const stream of COPIED)
    await withSnapshot(connection, stream, async ({ kept, bytes }) => {
      streams[stream] = kept;
      await archive.file(`${PLACE.streams}/${stream}`, bytes);
    });
  if (!streams["RECORDS"])
    throw new BomaError("backup/stream", "this master has no records yet", {
      hint: "It was never started: `boma-master serve` makes them.",
    });
  // After the streams: no copy of the audit, and nothing that was done, is ahead of the chain.
  await addAudit(archive, auditDir(home));
  await addHome(archive, home.dir, rootKey);
  await addSite(archive, site);
  const { parts } = archive;
  const hasRootKey = parts.some(({ name }) => name === `${PLACE.home}/${ROOT_KEY}`);
  const natsServer = connection.info?.version ?? "?";
  const manifest = { ...whose(keyring), takenAt, natsServer, hasRootKey, streams, parts: [...parts] };
  await archive.file(MANIFEST, oneChunk(JSON.stringify(manifest, undefined, 1)));
  const { bytes } = await archive.finish();
  return { out, bytes, takenAt, parts: manifest.parts, hasRootKey };
}

const whose = ({ name, root, manifest }: Keyring) => ({
  format: 1,
  boma: VERSION,
  master: name,
  root: Base64.print(root),
  serial: readManifest(manifest, root).serial,
});

async function* oneChunk(text: string): AsyncGenerator<Uint8Array> {
  yield Buffer.from(text);
}
