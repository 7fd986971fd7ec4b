/** After each connect the agent says who it is, and learns the master's time and what the node is. */
import {
  BomaError,
  CREDENTIAL_MS,
  credentialEnd,
  ENVELOPE_VERSION,
  MasterWelcome,
  type MasterWelcomeBody,
  newNonce,
  NodeHello,
  open,
  sameBytes,
  seal,
  splitManifest,
  subjects,
} from "@boma/protocol";

import type { Bus } from "./bus.ts";
import type { MasterTime } from "./clock.ts";
import type { Identity } from "./identity.ts";
import type { Trust } from "./trust.ts";
import type { Ways } from "./ways.ts";

const WELCOME_MS = 5_000;

export interface HelloPorts {
  readonly bus: Bus;
  readonly ways: Pick<Ways, "credential" | "kit">;
  readonly identity: Identity;
  readonly trust: Trust;
  readonly time: MasterTime;
}

export interface HelloFacts {
  readonly session: string;
  readonly bootId: string;
  readonly agentVersion: string;
  readonly grains: string;
  /** The nonce of the master's question, when this answers one. */
  readonly asked?: Uint8Array | undefined;
}

/** The credential is in its second half: time to ask for the next one while this one still works. */
const wantsCredential = (jwt: string, now: number): boolean => credentialEnd(jwt) - now < CREDENTIAL_MS / 2;

export async function sayHello(ports: HelloPorts, facts: HelloFacts): Promise<MasterWelcomeBody> {
  const { bus, identity, time, ways } = ports;
  const { asked, ...rest } = facts;
  const nonce = newNonce();
  const body = {
    ...rest,
    start: identity.start,
    speaks: [ENVELOPE_VERSION],
    wantsCredential: wantsCredential(ways.credential, time.now()),
    servers: ways.kit.servers,
    ...(asked && { asked }),
  };
  const frame = seal(NodeHello, body, { to: "master", key: identity.keys.sign, nonce, now: time.now() });
  const askedAt = time.steady();
  const answer = await bus.request(subjects.rpc(identity.key, "hello"), frame, { timeoutMs: WELCOME_MS });
  const { manifest, frame: welcome } = splitManifest(answer.data);
  await ports.trust.accept(manifest);
  const read = open(MasterWelcome, welcome, { trusts: ports.trust.trusts, to: identity.key, now: null }).body;
  if (!sameBytes(read.nonce, nonce))
    throw new BomaError("wire/replay", "the master's welcome belongs to another hello");
  time.learn(read.time, askedAt);
  return read;
}
