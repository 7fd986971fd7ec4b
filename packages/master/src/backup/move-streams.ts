/** The streams of a master that stays where it is, from its backup onto another bus: how it moves to a cluster. */
import { existsSync } from "node:fs";
import { rm, stat } from "node:fs/promises";
import { join } from "node:path";

import { BomaError, sameBytes } from "@boma/protocol";

import { auditDir, segmentsIn } from "../audit/segments.ts";
import { movedTo, noteMoved, restoringDir } from "../bus/moved.ts";
import { assertInitialised, type Home } from "../home.ts";
import { readKeyring } from "../keyring.ts";
import { ArchiveReader } from "./archive-reader.ts";
import { PLACE } from "./home-files.ts";
import type { BackupManifest } from "./manifest.ts";
import { putStreams } from "./put-streams.ts";
import { outsideBus, ownBus } from "./reach-bus.ts";
import { renumberMailboxes } from "./renumber.ts";
import { assertOwn } from "./take-backup.ts";

export interface MoveOptions {
  readonly file: string;
  readonly home: Home;
  readonly nats: string;
  readonly replicas: number;
}

export async function moveStreams({ file, home, nats, replicas }: MoveOptions): Promise<readonly string[]> {
  assertInitialised(home);
  assertOwn(home);
  const archive = await ArchiveReader.open(file);
  const { manifest } = archive;
  const keyring = readKeyring(home);
  if (!sameBytes(keyring.root, manifest.root))
    throw new BomaError("backup/other", `${file} is of another master than the one in ${home.dir}`);
  await assertAtRest(home);
  await assertNothingSince(home, manifest);
  const dir = restoringDir(home);
  await using bus = await outsideBus(home, nats);
  const streams = await putStreams(archive, { ...bus, replicas, dir });
  await renumberMailboxes(bus.connection, keyring);
  noteMoved(home, nats);
  await rm(dir, { recursive: true, force: true });
  return streams;
}

/** Its own server can be started only where no master runs. */
async function assertAtRest(home: Home): Promise<void> {
  if (movedTo(home) === undefined && existsSync(home.bus)) await (await ownBus(home))[Symbol.asyncDispose]();
}

/** A master that worked on after the backup has its chain ahead of these streams. */
async function assertNothingSince(home: Home, { parts, takenAt }: BackupManifest): Promise<void> {
  const dir = auditDir(home);
  for (const name of segmentsIn(dir)) {
    const kept = parts.find((part) => part.name === `${PLACE.audit}/${name}`);
    const { size } = await stat(join(dir, name));
    if (kept?.size !== size)
      throw new BomaError(
        "backup/other",
        `this master has worked on since ${new Date(takenAt).toISOString()}, when the backup was made`,
        { hint: "Stop it, and make another backup: while it is stopped nothing comes between the two." },
      );
  }
}
