/** The bus in hands that it should not be in: a user of CTRL, a node's own credential, a stranger's kit. */
import { readFileSync } from "node:fs";
import { join } from "node:path";

import {
  answerNonce,
  type JoinKit,
  nkeyFromSeed,
  type Nkey,
  parseToken,
  type SigningKey,
  signingKey,
} from "@boma/protocol";
import { connect, type NatsConnection } from "nats";

import { issueMasterUser, parseBusTrust } from "../../packages/master/src/bus/trust.ts";
import type { Fleet } from "./fleet.ts";

export interface HeldIdentity {
  readonly nkey: Nkey;
  readonly sign: SigningKey;
  readonly kit: JoinKit;
  readonly start: number;
  /** Absent while nobody has approved it. */
  readonly credential: string | undefined;
  readonly assigned: Readonly<Record<string, unknown>> | undefined;
}

/** What an agent keeps on its disk, below the root that is its machine. */
export const identityOf = (dir: string): HeldIdentity => identityIn(join(dir, "boma"));

/** What it keeps in its home; an emulated node has one below that of its emulator. */
export function identityIn(home: string): HeldIdentity {
  const held = JSON.parse(readFileSync(join(home, "agent/identity.json"), "utf8")) as {
    keys: { nkey: string; sign: string };
    kit: string;
    start: number;
    approved?: { credential: string; assigned: Record<string, unknown> };
  };
  return {
    nkey: nkeyFromSeed(held.keys.nkey),
    sign: signingKey(Buffer.from(held.keys.sign, "base64")),
    kit: parseToken(held.kit).kit!,
    start: held.start,
    credential: held.approved?.credential,
    assigned: held.approved?.assigned,
  };
}

const plain = (fleet: Fleet, nkey: Nkey, jwt: string): Promise<NatsConnection> =>
  connect({
    servers: fleet.servers[0]!,
    authenticator: answerNonce(nkey, () => jwt),
    inboxPrefix: `_INBOX.${nkey.publicKey}`,
    reconnect: false,
    timeout: 5_000,
  });

export const trustOf = (fleet: Fleet) =>
  parseBusTrust(readFileSync(join(fleet.home, "master/keys/bus.json"), "utf8"));

/** Whoever runs the bus can do this: read and write every subject and stream of the control plane. */
export async function busOwner(fleet: Fleet): Promise<NatsConnection> {
  const { nkey, jwt } = await issueMasterUser(trustOf(fleet), "hostile");
  return plain(fleet, nkey, jwt);
}

/** A plain client with a node's own credential, without an agent around it. */
export const asNode = (
  fleet: Fleet,
  { nkey, credential }: Pick<HeldIdentity, "nkey" | "credential">,
): Promise<NatsConnection> => plain(fleet, nkey, credential!);

export const asUser = plain;
