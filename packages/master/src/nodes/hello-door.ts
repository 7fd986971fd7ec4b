/** Where nodes announce themselves and change their keys: `boma.rpc.KEY.hello|rekey`, behind a server of their site `boma.rpc.SITE.KEY.…`. */
import {
  addressesOf,
  addressInSubject,
  BomaError,
  fingerprint,
  keyInSubject,
  type Knocking,
  MasterRekeyed,
  MasterWelcome,
  type MessageKind,
  NodeHello,
  type NodeHelloBody,
  NodeRekey,
  open,
  type Opened,
  rekeyStatement,
  sameBytes,
  seal,
  subjects,
  verifyBytes,
  withManifest,
} from "@boma/protocol";
import type { Msg, NatsConnection } from "nats";
import type { z } from "zod";

import type { NodeAudit } from "../audit/node-audit.ts";
import type { Admit } from "../enrol/admit.ts";
import type { Events } from "../events/events.ts";
import type { Keyring } from "../keyring.ts";
import type { NodeRecord } from "../registry/node-record.ts";
import type { Registry } from "../registry/registry.ts";
import type { Revocations } from "../registry/revocations.ts";
import { DoorShare } from "./door-share.ts";
import type { Refused } from "./refusals.ts";
import type { Sessions } from "./sessions.ts";
import type { Whereabouts } from "./whereabouts.ts";

interface Parts {
  readonly registry: Registry;
  readonly revocations: Revocations;
  readonly sessions: Sessions;
  readonly events: Events;
  readonly nodeAudit: NodeAudit;
  readonly keyring: () => Keyring;
  readonly admit: Admit;
  readonly knockingOf: (node: NodeRecord) => Knocking[];
  readonly siteServers: (node: NodeRecord) => readonly string[] | undefined;
  readonly where: Whereabouts;
  readonly forgetKey: (key: string) => Promise<void>;
  readonly refused: Refused;
}

export function openHelloDoor(control: NatsConnection, parts: Parts): void {
  const serve = (subject: string, answer: (message: Msg, parts: Parts) => Promise<void>) => {
    const share = new DoorShare();
    const look = async (message: Msg): Promise<void> => {
      share.assert(message.subject);
      await answer(message, parts);
    };
    control.subscribe(subject, {
      queue: "masters",
      callback: (_error, message) => {
        look(message).catch((error: unknown) => parts.refused(message.subject, error, message));
      },
    });
  };
  for (const address of addressesOf("*")) {
    serve(subjects.rpc(address, "hello"), hello);
    serve(subjects.rpc(address, "rekey"), rekey);
  }
}

/** Opens a request of a node that the registry knows and that is not revoked. */
function openFrom<B extends z.ZodType>(
  message: Msg,
  kind: MessageKind<B>,
  registry: Registry,
): { node: NodeRecord; envelope: Opened<z.output<B>> } {
  const node = registry.byKey(keyInSubject(message.subject));
  if (node?.status !== "approved") throw new BomaError("wire/sender", "the sender is not an approved node");
  // The clock of a node that just booted is not judged: it learns the time from the answer to its nonce.
  const envelope = open(kind, message.data, {
    trusts: (key) => sameBytes(key, node.sign),
    to: "master",
    now: null,
  });
  return { node, envelope };
}

async function hello(message: Msg, parts: Parts): Promise<void> {
  const { registry, sessions, keyring, admit, knockingOf, siteServers, where } = parts;
  const { node, envelope } = openFrom(message, NodeHello, registry);
  const elsewhere = addressInSubject(message.subject).site !== where.siteOf(node.key);
  const said = envelope.body;
  const others = hasOtherAddresses(said, siteServers(node));
  sessions.heard(node.key, said.asked, said.session);
  await noteStart(node, said, parts);
  const { sign, manifest } = keyring();
  const body = {
    nonce: envelope.nonce,
    time: Date.now(),
    id: node.id,
    assigned: node.assigned,
    assignedRevision: node.assignedRevision,
    rekey: node.rekey,
    duplicate: sessions.isDuplicate(node.key),
    knocking: knockingOf(node),
    ...(said.wantsCredential || elsewhere || others ? await admit(node) : {}),
    ...(elsewhere && { elsewhere }),
    ...grainsRevision(registry, node.key),
  };
  message.respond(withManifest(manifest, seal(MasterWelcome, body, { to: node.key, key: sign })));
}

/** Its site's server got others since; it stays where it is, and goes by them when it must connect anew. */
const hasOtherAddresses = ({ servers }: NodeHelloBody, urls: readonly string[] | undefined): boolean =>
  servers !== undefined && urls !== undefined && servers.join() !== urls.join();

function grainsRevision(registry: Registry, key: string): { grains?: string } {
  const revision = registry.grains.get(key)?.revision;
  return revision === undefined ? {} : { grains: revision };
}

/** A start counter that does not rise from one process to the next belongs to a directory that was put back. */
async function noteStart(node: NodeRecord, said: NodeHelloBody, parts: Parts): Promise<void> {
  const { registry, events, sessions } = parts;
  if (said.session === node.session && said.start === node.start) return;
  // Of two live copies each would look restored beside the other.
  if (said.start <= node.start && said.session !== node.session && !sessions.isInDoubt(node.key))
    events.tell({
      kind: "node.restored",
      node: node.key,
      id: node.id,
      data: { start: said.start, known: node.start },
    });
  await registry.change(node.key, (record) => ({
    ...record,
    session: said.session,
    start: Math.max(said.start, record.start),
    agentVersion: said.agentVersion,
  }));
}

async function rekey(message: Msg, parts: Parts): Promise<void> {
  const { registry, revocations, events, keyring, admit } = parts;
  const { node, envelope } = openFrom(message, NodeRekey, registry);
  const { possession, ...next } = envelope.body;
  if (!verifyBytes(rekeyStatement(next, node.key), possession, next.sign))
    throw new BomaError("wire/signature", "a node cannot prove that it has its new keys");
  if (!node.rekey) throw new BomaError("operator/denied", `nobody asked ${node.id} to change its keys`);
  if (revocations.isRevoked(next.nkey) || registry.byKey(next.nkey))
    throw new BomaError("wire/sender", "a node wants to move to a key that was in use");
  const moved: NodeRecord = {
    ...node,
    key: next.nkey,
    sign: next.sign,
    seal: next.seal,
    fingerprint: fingerprint(next),
    rekey: false,
    formerKey: node.key,
    formerSign: node.sign,
    movedAt: Date.now(),
  };
  await parts.nodeAudit.rekeyed(moved, node.key);
  await registry.move(node, moved);
  const { sign, manifest } = keyring();
  const body = { nonce: envelope.nonce, ...(await admit(moved)) };
  message.respond(withManifest(manifest, seal(MasterRekeyed, body, { to: node.key, key: sign })));
  events.tell({
    kind: "node.rekeyed",
    node: moved.key,
    id: moved.id,
    data: { formerKey: node.key, fingerprint: moved.fingerprint },
  });
  await endKey(node.key, parts);
}

type Ending = Pick<Parts, "registry" | "revocations" | "forgetKey">;

async function endKey(key: string, { revocations, forgetKey }: Ending): Promise<void> {
  await revocations.revoke(key, "agent");
  await forgetKey(key);
}

/** A master that ended in the middle of a node's move left the former key alive. */
export async function finishRekeys(parts: Ending): Promise<void> {
  const { registry, revocations } = parts;
  const formerKeys = [...registry.approved()].flatMap(({ formerKey }) => formerKey ?? []);
  for (const formerKey of formerKeys) {
    if (revocations.isRevoked(formerKey)) continue;
    await registry.forget(formerKey);
    await endKey(formerKey, parts);
  }
}
