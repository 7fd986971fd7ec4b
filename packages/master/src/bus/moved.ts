/**
 * Where the streams of a master lie once they have left its own server. Two stores with one past are two masters: so the
 * one that was left is not served again, and one that has no records does not take the place of one that has.
 */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";

import { BomaError } from "@boma/protocol";
import { jetstreamManager, JetStreamApiError } from "@nats-io/jetstream";

import { type Home, writeSecret } from "../home.ts";
import { connectMaster } from "./connect.ts";
import { type BusTrust, issueMasterUser } from "./trust.ts";

const noteOf = ({ bus }: Home): string => join(bus, "moved-to");
const hasOwnStore = ({ bus }: Home): boolean => existsSync(join(bus, "streams/jetstream"));

/** Where they lie now, if not on the master's own server. */
export function movedTo(home: Home): string | undefined {
  const note = noteOf(home);
  return existsSync(note) ? readFileSync(note, "utf8").trim() : undefined;
}

/** Where a restore works; it is there until the master is whole. */
export const restoringDir = ({ dir }: Pick<Home, "dir">): string => join(dir, "restoring");

/** Of a restore that was killed nothing is served. */
export function assertWhole(home: Home): void {
  const dir = restoringDir(home);
  if (existsSync(dir))
    throw new BomaError("backup/unfinished", `a restore into ${home.dir} was begun and not finished`, {
      hint: `Run it again. To leave it, delete ${dir}, and the streams that it put on another bus.`,
    });
}

export function assertNotMoved(home: Home): void {
  const url = movedTo(home);
  if (url === undefined) return;
  throw new BomaError("bus/moved", `the streams of this master lie on ${url}`, {
    hint: `Start it with --nats ${url}. To go back, stop that server, bring its store here, and delete ${noteOf(home)}.`,
  });
}

interface Outside {
  readonly url: string;
  readonly trust: BusTrust;
  readonly ca?: string | undefined;
}

/** Before the first start on another server: what this master knows must be there already. */
export async function assertMovedTo(home: Home, { url, trust, ca }: Outside): Promise<void> {
  if (existsSync(noteOf(home)) || !hasOwnStore(home)) return;
  const connection = await connectMaster(url, await issueMasterUser(trust), { ca });
  try {
    const { streams } = await jetstreamManager(connection, { checkAPI: false });
    const { state } = await streams.info("RECORDS");
    if (state.messages > 0) return;
  } catch (error) {
    if (!(error instanceof JetStreamApiError)) throw error;
  } finally {
    await connection.close();
  }
  throw new BomaError("bus/moved", `${url} has no records, and this master has some in ${home.bus}/streams`, {
    hint: "Bring them there first, as docs/guide/external-nats.md says; nothing was changed.",
  });
}

export const noteMoved = (home: Home, url: string): void => writeSecret(noteOf(home), `${url}\n`);
