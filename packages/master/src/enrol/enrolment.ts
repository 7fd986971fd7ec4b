/** Who becomes a node: the ladder from a known key over tokens and lists to an operator's word. */
import { type Assigned, BomaError, fingerprint, parseNodeId, readFingerprint } from "@boma/protocol";

import type { NodeAudit } from "../audit/node-audit.ts";
import type { Events } from "../events/events.ts";
import type { NodeRecord } from "../registry/node-record.ts";
import { hardwareNames, type Registry } from "../registry/registry.ts";
import type { Revocations } from "../registry/revocations.ts";
import { assignedBy, type Choice, type Machine } from "../site/profile.ts";
import { Turns } from "../turns.ts";
import type { AllowList } from "./allow-list.ts";
import type { Asked } from "./asked.ts";
import type { TokenRecord, Tokens } from "./tokens.ts";
import { type Waiting, WaitingRoom } from "./waiting-room.ts";

interface Parts {
  readonly registry: Registry;
  readonly tokens: Tokens;
  readonly allowList: AllowList;
  readonly revocations: Revocations;
  readonly events: Events;
  readonly nodeAudit: NodeAudit;
  readonly root: Uint8Array;
  /** Drops what waits for a key that may not speak any more. */
  readonly forgetKey: (key: string) => Promise<void>;
  /** Ends what waits for a node from which nobody will hear again. */
  readonly lost: (node: NodeRecord) => Promise<void>;
  /** What the site makes of a machine; asked once, when it becomes a node. */
  readonly profile: (machine: Machine) => Promise<Choice>;
  readonly connected: (key: string) => boolean;
}

export type Decision =
  | { readonly status: "approved"; readonly node: NodeRecord }
  | {
      readonly status: "pending" | "denied" | "changed-key" | "token-refused";
      readonly reason?: string | undefined;
      /** The machine has not heard this yet. */
      readonly isNews?: boolean;
    };

interface Approval {
  readonly by: string;
  readonly id?: string | undefined;
  readonly fingerprint?: string | undefined;
  readonly assigned: Assigned;
}

interface Admission {
  readonly assurance: NodeRecord["assurance"];
  readonly by: string;
  readonly assigned: Assigned;
  readonly diskless?: boolean | undefined;
}

export class Enrolment {
  readonly room = new WaitingRoom();
  readonly #parts: Parts;
  /** Two machines that want one id, or come with the same hardware, must not both find it free. */
  readonly #turns = new Turns();

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** Decides as far as rules can; `nonce` is the request's own, which a token's proof covers. */
  decide(ask: Asked, nonce: Uint8Array): Promise<Decision> {
    return this.#turns.take(namesOf(ask), () => this.#decide(ask, nonce));
  }

  async #decide(ask: Asked, nonce: Uint8Array): Promise<Decision> {
    const print = fingerprint(ask);
    const known = this.#parts.registry.byKey(ask.nkey);
    if (known) {
      // The master who admitted it may have died before he told it; telling it again is no news.
      if (known.status === "approved" && Date.now() - known.approvedAt < TOLD_AGAIN_MS)
        await this.#tellEnrolled(known);
      return knownDecision(known, print);
    }
    if (this.#parts.revocations.isRevoked(ask.nkey))
      return { status: "denied", reason: "this identity was revoked" };
    if (this.room.isDenied(ask)) return { status: "denied", reason: "an operator denied this machine" };

    const changed = this.#changedKey(ask);
    if (changed !== undefined) {
      const back = await this.#comesBack(ask, nonce);
      return back ?? this.#wait(ask, "changed-key", changed);
    }
    if (ask.token) return this.#byToken(ask, nonce);
    const rule = this.#parts.allowList.find(ask.claims);
    if (rule)
      return this.#admitByRule(ask, {
        assurance: "hardware-claim",
        by: `allow-list ${rule.by}`,
        assigned: rule.assigned,
      });
    return this.#wait(ask, "pending");
  }

  /**
   * A diskless node after a boot: its keys were in its memory. Only with a token that says so, only where the node is
   * known as one, and never while it is connected. The old keys end in the same step.
   */
  async #comesBack(ask: Asked, nonce: Uint8Array): Promise<Decision | undefined> {
    if (!ask.token || this.#parts.tokens.get(ask.token.id)?.diskless !== true) return undefined;
    const formers = this.#formers(ask);
    if (!formers.every(({ key, diskless }) => diskless === true && !this.#parts.connected(key)))
      return undefined;
    return this.#byToken(ask, nonce, formers);
  }

  async #byToken(ask: Asked, nonce: Uint8Array, formers: readonly NodeRecord[] = []): Promise<Decision> {
    const subject = { nkey: ask.nkey, sign: ask.sign, seal: ask.seal, nonce, root: this.#parts.root };
    const { id, proof } = ask.token!;
    let token: TokenRecord;
    try {
      token = await this.#parts.tokens.redeem(id, subject, proof, ask.claims);
    } catch (error) {
      if (!(error instanceof BomaError) || error.code !== "token/invalid") throw error;
      return this.#wait(ask, "token-refused", error.message);
    }
    for (const former of formers) await this.revoke(former);
    return this.#admitByRule(ask, {
      assurance: "boot-token",
      by: `token ${token.id}`,
      // It is the node that it was: what an operator changed since its first boot stays so.
      assigned: formers.find((former) => former.id === ask.id)?.assigned ?? token.assigned,
      diskless: token.diskless,
    });
  }

  /** The node whose id or hardware this machine comes with. */
  #former(ask: Asked): NodeRecord | undefined {
    const { registry } = this.#parts;
    const sameId = registry.byId(ask.id);
    return sameId?.status === "approved" ? sameId : registry.byHardware(ask.claims);
  }

  /** All of them: by its id one, by its hardware perhaps another. */
  #formers(ask: Asked): NodeRecord[] {
    const { registry } = this.#parts;
    const [sameId, sameHardware] = [registry.byId(ask.id), registry.byHardware(ask.claims)];
    const both = new Set([sameId?.status === "approved" ? sameId : undefined, sameHardware]);
    return [...both].filter((node) => node !== undefined);
  }

  /** Why this machine is somebody we know with another key, if it is. */
  #changedKey(ask: Asked): string | undefined {
    const former = this.#former(ask);
    if (former?.id === ask.id) return `the id ${ask.id} belongs to a node with another key`;
    return former && `this hardware belongs to the node ${former.id}, with another key`;
  }

  #wait(ask: Asked, status: Exclude<Waiting["status"], "denied">, reason?: string): Decision {
    const { waiting, isNew } = this.room.note(ask, status, reason);
    if (isNew)
      this.#parts.events.tell({
        kind: (
          {
            pending: "node.asked",
            "changed-key": "node.key-changed",
            "token-refused": "node.token-refused",
          } as const
        )[status],
        node: ask.nkey,
        id: ask.id,
        data: {
          fingerprint: waiting.fingerprint,
          hostname: ask.claims.hostname,
          ...(reason !== undefined && { reason }),
        },
      });
    // What is wrong with a token is for the operator to know, not for whoever tries tokens.
    return { status, reason: status === "token-refused" ? "the token does not hold" : reason, isNews: isNew };
  }

  /** An operator's word. A changed key needs the fingerprint spelt out; the old key is revoked in the same step. */
  approve(waiting: Waiting, options: Approval): Promise<NodeRecord> {
    const given = options.id === undefined ? [] : [`id ${options.id}`];
    // As it asks now: what it asks while this waits is for another decision.
    const asked = { ...waiting };
    return this.#turns.take([...namesOf(asked.ask), ...given], () => this.#approve(asked, options));
  }

  async #approve(waiting: Waiting, { by, fingerprint: given, assigned, id }: Approval): Promise<NodeRecord> {
    const ask = { ...waiting.ask, id: id === undefined ? waiting.ask.id : parseNodeId(id) };
    if (this.#parts.registry.byKey(ask.nkey))
      throw new BomaError("enrol/unknown", `${ask.id} does not ask any more: it was decided on`);
    if (given !== undefined && readFingerprint(given) !== waiting.fingerprint)
      throw new BomaError("enrol/fingerprint", `${given} is not the fingerprint of ${waiting.ask.id}`);
    // What it was when it asked may have changed: another machine may have got the id since, or --as names a node's.
    const changed = this.#changedKey(ask);
    if (changed !== undefined && given === undefined)
      throw new BomaError("enrol/fingerprint", `${ask.id} comes with a changed key: ${changed}`, {
        hint: `Compare the fingerprint on its console, then add --fingerprint ${waiting.fingerprint}`,
      });
    // The nodes that this machine takes the place of lose their keys.
    for (let former = this.#former(ask); former; former = this.#former(ask)) await this.revoke(former);
    const assurance = given === undefined ? "operator" : "fingerprint";
    const node = await this.#admit(ask, { assurance, by, assigned });
    await this.#tellApproval("approval.given", waiting, by);
    return node;
  }

  async #tellApproval(
    kind: "approval.given" | "approval.denied",
    waiting: Waiting,
    by: string,
  ): Promise<void> {
    const { ask, fingerprint: print } = waiting;
    const data = { what: "enrolment", subject: ask.id, fingerprint: print };
    await this.#parts.events.told({ kind, node: ask.nkey, id: ask.id, operator: by, data });
  }

  async deny(waiting: Waiting, by: string): Promise<void> {
    waiting.status = "denied";
    await this.#tellApproval("approval.denied", waiting, by);
    await this.#parts.events.told({
      kind: "node.denied",
      node: waiting.ask.nkey,
      id: waiting.ask.id,
      operator: by,
      data: { fingerprint: waiting.fingerprint },
    });
    this.room.decided(waiting.fingerprint);
  }

  /** Nobody is there to say which profile is meant: where that is not clear, the machine waits for somebody. */
  async #admitByRule(ask: Asked, how: Admission): Promise<Decision> {
    try {
      return approved(await this.#admit(ask, how));
    } catch (error) {
      if (!(error instanceof BomaError) || !error.code.startsWith("site/")) throw error;
      return this.#wait(ask, "pending", error.message);
    }
  }

  async #assigned({ claims, site }: Asked, spoken: Assigned): Promise<Assigned> {
    const { macs, hostname } = claims;
    const said: Assigned = { ...(site !== undefined && { site }), ...spoken };
    const override = typeof said["profile"] === "string" ? said["profile"] : undefined;
    const { profile } = await this.#parts.profile({ macs, hostname, override });
    return profile ? assignedBy(profile, said) : said;
  }

  async #admit(ask: Asked, how: Admission): Promise<NodeRecord> {
    const assigned = await this.#assigned(ask, how.assigned);
    const print = fingerprint(ask);
    const { registry } = this.#parts;
    const node: NodeRecord = {
      key: ask.nkey,
      id: ask.id,
      sign: ask.sign,
      seal: ask.seal,
      fingerprint: print,
      status: "approved",
      assurance: how.assurance,
      approvedBy: how.by,
      approvedAt: Date.now(),
      assigned,
      assignedRevision: 1,
      claims: ask.claims,
      start: 0,
      session: "",
      agentVersion: ask.agentVersion,
      rekey: false,
      ...(how.diskless === true && { diskless: true }),
    };
    await this.#parts.nodeAudit.enrolled(node);
    await registry.add(node);
    this.room.leave(print);
    await this.#tellEnrolled(node);
    return node;
  }

  async #tellEnrolled({
    key,
    id,
    fingerprint: print,
    assurance,
    approvedBy,
    assigned,
  }: NodeRecord): Promise<void> {
    const data = { fingerprint: print, assurance, by: approvedBy, assigned };
    await this.#parts.events.once({ kind: "node.enrolled", node: key, id, data });
  }

  /** Ends a node's identity; its id is free from then on. */
  async revoke(node: NodeRecord): Promise<void> {
    const { registry, revocations, events, forgetKey, connected, lost, nodeAudit } = this.#parts;
    // One that was there may be in the middle of something, whatever it is to us from now on.
    const wasAway = !connected(node.key);
    await nodeAudit.revoked(node);
    await registry.change(node.key, (record) => ({ ...record, status: "revoked", revokedAt: Date.now() }));
    await revocations.revoke(node.key, "agent");
    await events.once({ kind: "node.revoked", node: node.key, id: node.id });
    if (wasAway) await lost(node);
    await forgetKey(node.key);
  }
}

/** What a decision may find taken. */
const namesOf = ({ nkey, id, claims }: Asked): string[] => [
  `key ${nkey}`,
  `id ${id}`,
  ...hardwareNames(claims),
];

function knownDecision(known: NodeRecord, print: string): Decision {
  if (known.status === "revoked") return { status: "denied", reason: "this identity was revoked" };
  if (known.fingerprint !== print)
    return { status: "denied", reason: "the keys are not the ones that were approved" };
  return approved(known);
}

/** A machine that did not hear the answer asks again within seconds; events of that age are still in the stream. */
const TOLD_AGAIN_MS = 3_600_000;

const approved = (node: NodeRecord): Decision => ({ status: "approved", node });
