/** Takes what nodes put into the INBOX: verifies it, stores what it means, and only then lets the bus forget it. */
import { createHash } from "node:crypto";

import {
  BomaError,
  CLOCK_AHEAD_MS_MAX,
  type InboxKind,
  keyInSubject,
  type MessageKind,
  NodeEvent,
  type NodeEventBody,
  NodeGrains,
  NodeProgress,
  NodeReturn,
  NONCES_MAX,
  openAside,
  type Opened,
  sameBytes,
} from "@boma/protocol";
import type { Consumer, ConsumerMessages, JsMsg } from "@nats-io/jetstream";
import type { z } from "zod";

import { AtOnce } from "../at-once.ts";
import { isTimeout } from "../bus/trouble.ts";
import type { Events, NewEvent } from "../events/events.ts";
import type { Jobs } from "../jobs/jobs.ts";
import type { Logger } from "../log.ts";
import { isDoneWithin, untilStarted } from "../patience.ts";
import type { NodeRecord } from "../registry/node-record.ts";
import type { Registry } from "../registry/registry.ts";
import { type Store, STREAM } from "../store/store.ts";
import { EventShares } from "./event-shares.ts";
import type { InboxRead } from "./inbox-read.ts";
import { type LeftMessage, sweepInbox } from "./inbox-sweep.ts";
import { ToldBefore } from "./told-before.ts";

interface Parts {
  readonly store: Store;
  readonly registry: Registry;
  readonly jobs: Jobs;
  readonly events: Events;
  readonly inboxRead: InboxRead;
  readonly log: Logger;
  readonly refused: (subject: string, error: unknown) => void;
}

/** Masters share the work: each message goes to one of them, and to another one if that one dies with it. */
const CONSUMER = "masters";
/** Shorter than a job waits for nodes after a start of the master: what a dead one held is heard before they count as gone. */
const ACK_WAIT_NS = 5_000_000_000;
/**
 * A request for messages that runs out while some are on their way is sometimes not ended by the server: both sides then
 * wait for the other until two heartbeats were missed, which is half a minute by itself; a node is called silent after
 * two seconds. And in a cluster whose leader of the inbox died a request may be answered by heartbeats alone until it
 * runs out.
 */
const TAKEN = { max_messages: 1000, expires: 10_000, idle_heartbeat: 500 } as const;
const STOP_MS_MAX = 10_000;
/** Enough for all threads; the audit's writes to the disk stand in the same line. */
const VERIFIED_AT_ONCE = 128;
/** What the bus took from a node until its former key was dead there stays said, though it is read later. */
const MOVING_MS = 10_000;

/** It is in order, and its node has said so much that it waits. */
class NotYet extends Error {
  override readonly name = "NotYet";
}
const NOT_YET_MS = 5_000;

const KINDS = { return: NodeReturn, progress: NodeProgress, grains: NodeGrains, event: NodeEvent } as const;
const KINDS_BY_NAME = new Map<string, MessageKind<z.ZodType>>(Object.entries(KINDS) as never);
/** A message whose node has signed it. */
type Letter = {
  [Kind in InboxKind]: {
    readonly kind: Kind;
    readonly node: NodeRecord;
    readonly opened: Opened<z.output<(typeof KINDS)[Kind]["body"]>>;
  };
}[InboxKind];

/** What is read of a message, however it came. */
type Incoming = Pick<JsMsg, "subject" | "data" | "redelivered" | "timestamp">;

export class Intake {
  readonly #parts: Parts;
  #messages: ConsumerMessages | undefined;
  #running: Promise<void> | undefined;
  #endSweep: (() => void) | undefined;
  /** What was taken, or is being taken. */
  readonly #seen = new Map<string, Promise<void>>();
  /** By the line on which it came and the place in the inbox. */
  readonly #underWay = new Map<string, Promise<void>>();
  readonly #verifying = new AtOnce(VERIFIED_AT_ONCE);
  readonly #toldBefore: ToldBefore;
  readonly #shares: EventShares;

  constructor(parts: Parts) {
    this.#parts = parts;
    this.#shares = new EventShares((node) =>
      parts.log.warn({ node }, "a node tells more than it may; the rest waits in its inbox"),
    );
    this.#toldBefore = new ToldBefore(parts.events);
  }

  async start(): Promise<void> {
    const consumer = await untilStarted(() => this.#consumer(), isTimeout);
    this.#messages = await consumer.consume({ ...TAKEN });
    this.#running = this.#take(this.#messages);
    this.#endSweep = sweepInbox({
      store: this.#parts.store,
      consumer: CONSUMER,
      take: (left) => this.#takeLeft(left),
      failed: (error) => this.#parts.log.warn({ error: String(error) }, "the inbox could not be swept"),
    });
  }

  async #consumer(): Promise<Consumer> {
    const { api, js } = this.#parts.store;
    await api.consumers.add(STREAM.inbox, {
      durable_name: CONSUMER,
      ack_policy: "explicit",
      ack_wait: ACK_WAIT_NS,
      max_ack_pending: 10_000,
    });
    return js.consumers.get(STREAM.inbox, CONSUMER);
  }

  /** Waits for what is under way, but not for a bus that takes nothing: it stays in the inbox for the next master. */
  async stop(): Promise<void> {
    this.#endSweep?.();
    await this.#messages?.close();
    await this.#running;
    await isDoneWithin(Promise.all(this.#underWay.values()), STOP_MS_MAX);
  }

  #place(seq: number): string {
    return `${this.#parts.store.line} ${seq}`;
  }

  async #take(messages: ConsumerMessages): Promise<void> {
    const { inboxRead } = this.#parts;
    let before: Promise<unknown> = Promise.resolve();
    for await (const message of messages) {
      const place = this.#place(message.seq);
      inboxRead.behind(message.info.pending);
      // The bus offers again what takes us long; the first answer answers both.
      if (this.#underWay.has(place)) continue;
      inboxRead.came(place);
      const opened = inTurn(before, this.#open(message));
      const done = this.#handle(message, opened).finally(() => this.#underWay.delete(place));
      this.#underWay.set(place, done);
      // By then a job has heard what it says, if it is one's.
      before = opened.catch(() => undefined).finally(() => inboxRead.read(place));
    }
  }

  /** Signatures are looked at side by side, in the order in which they came. */
  #open(message: Incoming): Promise<Letter> {
    return this.#verifying.run(async () => {
      const node = this.#sender(message);
      const kind = message.subject.split(".").at(-1)!;
      const known = KINDS_BY_NAME.get(kind);
      if (!known) throw new BomaError("wire/kind", `nodes say nothing that is called ${kind}`);
      return { node, kind, opened: await openFrom(node, known, message) } as Letter;
    });
  }

  /** `true` when it is dealt with, be it for the second time. */
  async #takeLeft(message: LeftMessage): Promise<boolean> {
    if (this.#underWay.has(this.#place(message.seq))) return false;
    try {
      await this.#understand(message, await this.#open(message));
    } catch (error) {
      if (!isRefusal(error)) return false;
      this.#parts.refused(message.subject, error);
    }
    return true;
  }

  async #handle(message: JsMsg, opened: Promise<Letter>): Promise<void> {
    const { line } = this.#parts.store;
    // Of what came before the bus was lost nothing is answered: it is offered again, and known then.
    const answer = (how: () => void): void => (line === this.#parts.store.line ? how() : undefined);
    try {
      await this.#understand(message, await opened);
      answer(() => message.ack());
    } catch (error) {
      if (error instanceof NotYet) answer(() => message.nak(NOT_YET_MS));
      else if (isRefusal(error)) {
        answer(() => message.term());
        this.#parts.refused(message.subject, error);
      } else {
        this.#parts.log.error(
          { subject: message.subject, error: String(error) },
          "a node's message could not be stored; it stays in the inbox",
        );
        answer(() => message.nak(1000));
      }
    }
  }

  async #understand(message: Incoming, letter: Letter): Promise<void> {
    const { jobs } = this.#parts;
    const { node } = letter;
    // A return may come again until its node knows that it arrived; everything else says a thing once.
    if (letter.kind === "return") return jobs.returned(node, letter.opened.body, message.data);
    if (letter.kind === "progress")
      await this.#once(letter.opened, (opened) =>
        jobs.progress(node, opened.body, (event) => this.#tellOnce(node, opened, event, message)),
      );
    // Their time tells by itself whether they are known, or older than what is.
    else if (letter.kind === "grains") {
      this.#takeShare(node, message);
      await this.#grains(node, letter.opened, message);
    } else
      await this.#once(letter.opened, (opened) => {
        this.#takeShare(node, message);
        return this.#event(node, opened, message);
      });
  }

  #takeShare({ key }: NodeRecord, { data }: Incoming): void {
    if (!this.#shares.take(key, data.length)) throw new NotYet();
  }

  #sender({ subject, timestamp }: Incoming): NodeRecord {
    const { registry } = this.#parts;
    const key = keyInSubject(subject);
    const node = registry.byKey(key);
    if (node?.status === "approved") return node;
    const former = node ? undefined : registry.former(key);
    if (former && Date.parse(timestamp) <= former.movedAt + MOVING_MS) return former;
    throw new BomaError("wire/sender", "the sender is not an approved node");
  }

  async #once<B>(opened: Opened<B>, take: (opened: Opened<B>) => Promise<void>): Promise<void> {
    const name = nameOf(opened);
    // Its acknowledgement was lost, or somebody plays it again: the node said it once, and what comes of that holds for both.
    const before = this.#seen.get(name);
    if (before) return before;
    const taking = Promise.resolve().then(() => take(opened));
    this.#seen.set(name, taking);
    if (this.#seen.size > NONCES_MAX) this.#seen.delete(this.#seen.keys().next().value!);
    try {
      await taking;
    } catch (error) {
      // It stays in the inbox and comes again, which is no replay.
      this.#seen.delete(name);
      throw error;
    }
  }

  async #grains(
    node: NodeRecord,
    opened: Opened<z.output<typeof NodeGrains.body>>,
    message: Incoming,
  ): Promise<void> {
    // What a node said of itself under its former key it says anew under the next one.
    if (!this.#parts.registry.byKey(node.key)) return;
    const { at: saidAt, body } = opened;
    const { revision, grains } = body;
    const before = this.#parts.registry.grains.get(node.key);
    // A time that is still to come was signed before our own clock was set back, and says nothing.
    if (before && saidAt < before.saidAt && before.saidAt <= Date.now()) {
      // While it was tried again, the node has said something newer.
      if (message.redelivered) return;
      throw new BomaError("wire/replay", "these grains are older than the ones that are known");
    }
    // Written down by a master who may have died before he told it, or said again because its acknowledgement was lost.
    const isKept = before?.saidAt === saidAt && before.revision === revision;
    if (!isKept) {
      const changed = before && changedKeys(before.grains, grains).slice(0, CHANGED_TOLD_MAX);
      const record = { key: node.key, revision, at: Date.now(), saidAt, grains, ...(changed && { changed }) };
      await this.#parts.registry.grains.update(node.key, () => record);
      if (before?.revision === revision) return;
    }
    const changed = this.#parts.registry.grains.get(node.key)?.changed;
    if (changed?.length === 0) return;
    const data = changed ? { revision, changed } : { revision, first: true };
    await this.#tellOnce(node, opened, { kind: "grains.changed", data }, message);
  }

  async #event(node: NodeRecord, opened: Opened<NodeEventBody>, message: Incoming): Promise<void> {
    await this.#tellOnce(node, opened, { ...opened.body, saidAt: opened.at } as NewEvent, message);
  }

  /**
   * A message leaves the inbox only when the stream has what it tells. If this master dies between the two, it comes
   * again and is told under the same uid, which the stream knows.
   */
  async #tellOnce(
    node: NodeRecord,
    opened: Opened<unknown>,
    event: NewEvent,
    { timestamp }: Incoming,
  ): Promise<void> {
    const uid = `${uidOf(node, opened)}-${event.kind}`;
    // It lay in the inbox, or the node could not say it, since then.
    const came = Date.parse(timestamp);
    // A clock that runs ahead does not say since when.
    const since = opened.at > came + CLOCK_AHEAD_MS_MAX ? 0 : Math.min(came, opened.at);
    if (await this.#toldBefore.has(node.key, uid, since)) return;
    await this.#parts.events.taken({ ...event, uid, node: node.key, id: node.id });
  }
}

const CHANGED_TOLD_MAX = 100;

/** The same whenever this message comes. */
const uidOf = ({ key }: NodeRecord, { nonce }: { readonly nonce: Uint8Array }): string =>
  `in-${createHash("sha256").update(key).update(nonce).digest("base64url").slice(0, 24)}`;

/** What one node says is taken in as it said it. */
async function inTurn<T>(before: Promise<unknown>, mine: Promise<T>): Promise<T> {
  await Promise.allSettled([before, mine]);
  return mine;
}

/** Nothing will ever make it better: it costs itself and one event. */
const isRefusal = (error: unknown): boolean => error instanceof BomaError && error.code.startsWith("wire/");

const nameOf = ({ nonce }: { readonly nonce: Uint8Array }): string => Buffer.from(nonce).toString("latin1");

const changedKeys = (before: object, now: object): string[] =>
  [...new Set([...Object.keys(before), ...Object.keys(now)])].filter(
    (key) => JSON.stringify(Reflect.get(before, key)) !== JSON.stringify(Reflect.get(now, key)),
  );

/** The node's own time is not judged here: what it says waited in its outbox for as long as it had to. */
function openFrom<B extends z.ZodType>(
  node: NodeRecord,
  kind: MessageKind<B>,
  { data }: Incoming,
): Promise<Opened<z.output<B>>> {
  return openAside(kind, data, { trusts: (key) => sameBytes(key, node.sign), to: "master", now: null });
}
