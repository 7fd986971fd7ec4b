/**
 * A master from its backup, on a machine that has none. All of it is made beside its place, the server's store as well,
 * and moved there in one step at the end: a restore that was killed left nothing that would serve.
 */
import { existsSync } from "node:fs";
import { cp, mkdir, readdir, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";

import { BomaError } from "@boma/protocol";

import { ChainFile } from "../audit/chain-file.ts";
import { auditDir } from "../audit/segments.ts";
import { noteMoved, restoringDir } from "../bus/moved.ts";
import { type Home, homeAt, makeHome } from "../home.ts";
import { keepWorkingKey, nextWorkingKey, readKeyring } from "../keyring.ts";
import { ArchiveReader } from "./archive-reader.ts";
import { PLACE, ROOT_KEY } from "./home-files.ts";
import type { BackupManifest } from "./manifest.ts";
import { putFiles } from "./put-files.ts";
import { hasBegun, putStreams } from "./put-streams.ts";
import { outsideBus, ownBus } from "./reach-bus.ts";
import { renumberMailboxes } from "./renumber.ts";

export interface RestoreOptions {
  readonly file: string;
  readonly home: Home;
  readonly site: string;
  readonly nats: string | undefined;
  readonly replicas: number;
  readonly rootKey: string | undefined;
}

export interface Restored {
  readonly manifest: BackupManifest;
  readonly streams: readonly string[];
  /** The serial of a new working key, if there is one. */
  readonly newSerial: number | undefined;
}

/** More rotations than anybody makes between a backup and its use: nodes follow the higher serial. */
const SERIALS_AHEAD = 1_000;

export async function restoreMaster(options: RestoreOptions): Promise<Restored> {
  const { home, site, file } = options;
  await assertEmpty(home, site);
  const archive = await ArchiveReader.open(file);
  assertClock(archive.manifest);
  const dir = restoringDir(home);
  try {
    await putInOrder(dir);
    return await makeAndMoveIn(archive, dir, options);
  } catch (error) {
    // Of streams on another bus the next attempt has to know.
    if (!hasBegun(dir)) await rm(dir, { recursive: true, force: true });
    throw error;
  }
}

async function makeAndMoveIn(
  archive: ArchiveReader,
  dir: string,
  options: RestoreOptions,
): Promise<Restored> {
  const staged = homeAt(join(dir, PLACE.home));
  makeHome(staged);
  await putFiles(archive, PLACE.home, staged.dir, true);
  await putFiles(archive, PLACE.audit, auditDir(staged), true);
  await putFiles(archive, PLACE.site, join(dir, PLACE.site), false);
  const newSerial = renewKey(staged, options.rootKey);
  const streams = await putOnBus(archive, staged, options);
  await recordIn(staged, archive.manifest);
  await moveIn(options);
  return { manifest: archive.manifest, streams, newSerial };
}

/** What an earlier attempt left is ours; only its note of another bus is still of use. */
async function putInOrder(dir: string): Promise<void> {
  await mkdir(dir, { recursive: true, mode: 0o700 });
  for (const name of [PLACE.home, PLACE.site]) await rm(join(dir, name), { recursive: true, force: true });
}

async function assertEmpty(home: Home, site: string): Promise<void> {
  const master = join(home.dir, "master");
  for (const path of [master, home.operator, site])
    if (existsSync(path) && !(path === site && (await readdir(site)).length === 0))
      throw new BomaError("home/exists", `${path} is there already`, {
        hint: "A master is put back where there is none: name another --home or --site, or move that away. Nothing was changed.",
      });
}

/** Mail is numbered by time, and nodes take no lower number than the last one that they saw. */
function assertClock({ takenAt }: BackupManifest): void {
  if (takenAt <= Date.now()) return;
  throw new BomaError(
    "backup/other",
    `the backup was made at ${new Date(takenAt).toISOString()}, which is to come`,
    {
      hint: "Set this machine's clock; nodes would refuse what a master of the past sends them.",
    },
  );
}

/**
 * Keys may have been rotated after the backup, and nodes refuse a manifest with a lower serial than they know. With the
 * root key at hand the master gets a working key whose serial nobody has seen; the one of the backup is retired.
 */
function renewKey(staged: Home, rootKey: string | undefined): number | undefined {
  const path = rootKey ?? join(staged.dir, ROOT_KEY);
  if (rootKey === undefined && !existsSync(path)) return undefined;
  const next = nextWorkingKey(staged, path, undefined, SERIALS_AHEAD);
  keepWorkingKey(staged, next);
  return next.serial;
}

async function putOnBus(
  archive: ArchiveReader,
  staged: Home,
  { home, nats, replicas }: RestoreOptions,
): Promise<readonly string[]> {
  await using bus = nats === undefined ? await ownBus(staged) : await outsideBus(staged, nats);
  const streams = await putStreams(archive, { ...bus, replicas, dir: restoringDir(home) });
  await renumberMailboxes(bus.connection, readKeyring(staged));
  if (nats !== undefined) noteMoved(staged, nats);
  return streams;
}

/** Whoever reads the chain sees where it was put back from a copy; what was recorded after that is not in it. */
async function recordIn(staged: Home, { takenAt, root }: BackupManifest): Promise<void> {
  const dir = auditDir(staged);
  const bounds = { segmentBytesMax: Number.POSITIVE_INFINITY, segmentMsMax: Number.POSITIVE_INFINITY };
  const { file } = await ChainFile.open({ dir, root, ...bounds });
  try {
    if (file.end.n > 0) await file.append([{ kind: "recovered", backup: new Date(takenAt).toISOString() }]);
  } finally {
    await file.close();
  }
}

/** The keys last: without them there is no master. */
async function moveIn({ home, site }: RestoreOptions): Promise<void> {
  const dir = restoringDir(home);
  if (existsSync(join(dir, PLACE.site))) await moveTo(join(dir, PLACE.site), site);
  const staged = join(dir, PLACE.home);
  const names = (await readdir(staged)).filter((name) => name !== "master");
  for (const name of names) await rename(join(staged, name), join(home.dir, name));
  await rename(join(staged, "master"), join(home.dir, "master"));
  await rm(dir, { recursive: true, force: true });
}

/** It may lie on another disk than the home. */
async function moveTo(from: string, to: string): Promise<void> {
  await mkdir(dirname(to), { recursive: true });
  await rename(from, to).catch(async (error: NodeJS.ErrnoException) => {
    if (error.code !== "EXDEV") throw error;
    await cp(from, to, { recursive: true, verbatimSymlinks: true });
  });
}
