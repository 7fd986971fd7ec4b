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

export function assertNotMoved(home: Home): void {
  const note = noteOf(home);
  if (!existsSync(note)) return;
  const url = readFileSync(note, "utf8").trim();
  throw new BomaError("bus/moved", `the streams of this master lie on ${url}`, {
    hint: `Start it with --nats ${url}. To go back, stop that server, bring its store here, and delete ${note}.`,
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
