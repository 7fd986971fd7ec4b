/** Takes what nodes put into the INBOX: verifies it, stores what it means, and only then lets the bus forget it. */
import {
  BomaError,
  type InboxKind,
  keyInSubject,
  type MessageKind,
  NodeEvent,
  NodeGrains,
  NodeProgress,
  NodeReturn,
  NONCES_MAX,
  open,
  type Opened,
  sameBytes,
} from "@boma/protocol";
import type { Consumer, ConsumerMessages, JsMsg } from "@nats-io/jetstream";
import type { z } from "zod";

import type { Events } from "../events/events.ts";
import type { Jobs } from "../jobs/jobs.ts";
import type { Logger } from "../log.ts";
import type { NodeRecord } from "../registry/node-record.ts";
import type { Registry } from "../registry/registry.ts";
import { type Store, STREAM } from "../store/store.ts";

interface Parts {
  readonly store: Store;
  readonly registry: Registry;
  readonly jobs: Jobs;
  readonly events: Events;
  readonly log: Logger;
  readonly refused: (subject: string, error: unknown) => void;
}

/** Masters share the work: each message goes to one of them, and to another one if that one dies with it. */
const CONSUMER = "masters";
const ACK_WAIT_NS = 30_000_000_000;
const TAKEN_AT_ONCE = 1000;

export class Intake {
  readonly #parts: Parts;
  #messages: ConsumerMessages | undefined;
  #running: Promise<void> | undefined;
  readonly #seen = new Set<string>();
  readonly #underWay = new Set<Promise<void>>();

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  async start(): Promise<void> {
    const { manager, js } = this.#parts.store;
    await manager.consumers.add(STREAM.inbox, {
      durable_name: CONSUMER,
      ack_policy: "explicit",
      ack_wait: ACK_WAIT_NS,
      max_ack_pending: 10_000,
    });
    const consumer: Consumer = await js.consumers.get(STREAM.inbox, CONSUMER);
    this.#messages = await consumer.consume({ max_messages: TAKEN_AT_ONCE });
    this.#running = this.#take(this.#messages);
  }

  async stop(): Promise<void> {
    await this.#messages?.close();
    await this.#running;
    await Promise.all(this.#underWay);
  }

  async #take(messages: ConsumerMessages): Promise<void> {
    for await (const message of messages) {
      const done = this.#handle(message).finally(() => this.#underWay.delete(done));
      this.#underWay.add(done);
    }
  }

  async #handle(message: JsMsg): Promise<void> {
    try {
      await this.#understand(message);
      message.ack();
    } catch (error) {
      if (error instanceof BomaError && error.code.startsWith("wire/")) {
        // Nothing will ever make it better: it costs itself and one event.
        message.term();
        this.#parts.refused(message.subject, error);
      } else {
        this.#parts.log.error(
          { subject: message.subject, error: String(error) },
          "a node's message could not be stored; it stays in the inbox",
        );
        message.nak(1000);
      }
    }
  }

  async #understand(message: JsMsg): Promise<void> {
    const node = this.#parts.registry.byKey(keyInSubject(message.subject));
    if (node?.status !== "approved") throw new BomaError("wire/sender", "the sender is not an approved node");
    const kind = message.subject.split(".")[3] as InboxKind;
    const { jobs } = this.#parts;
    // A return may come again until its node knows that it arrived; everything else says a thing once.
    if (kind === "return") return jobs.returned(node, openFrom(node, NodeReturn, message).body, message.data);
    if (kind === "progress")
      await this.#once(openFrom(node, NodeProgress, message), ({ body }) => jobs.progress(node, body));
    else if (kind === "grains")
      await this.#once(openFrom(node, NodeGrains, message), (opened) => this.#grains(node, opened));
    else await this.#once(openFrom(node, NodeEvent, message), ({ body }) => this.#event(node, body));
  }

  async #once<B>(opened: Opened<B>, take: (opened: Opened<B>) => Promise<void> | void): Promise<void> {
    const name = Buffer.from(opened.nonce).toString("latin1");
    if (this.#seen.has(name)) throw new BomaError("wire/replay", "this message was taken in before");
    this.#seen.add(name);
    if (this.#seen.size > NONCES_MAX) this.#seen.delete(this.#seen.values().next().value!);
    try {
      await take(opened);
    } catch (error) {
      // It stays in the inbox and comes again, which is no replay.
      this.#seen.delete(name);
      throw error;
    }
  }

  async #grains(
    node: NodeRecord,
    { at: saidAt, body: { revision, grains } }: Opened<z.output<typeof NodeGrains.body>>,
  ): Promise<void> {
    const before = this.#parts.registry.grains.get(node.key);
    // The nonces are forgotten with this process; the time under the node's own signature is not. A time that is still
    // to come was signed before our own clock was set back, and says nothing.
    if (before && saidAt < before.saidAt && before.saidAt <= Date.now())
      throw new BomaError("wire/replay", "these grains are older than the ones that are known");
    await this.#parts.registry.grains.update(node.key, () => ({
      key: node.key,
      revision,
      at: Date.now(),
      saidAt,
      grains,
    }));
    if (before?.revision === revision) return;
    this.#parts.events.tell({
      kind: "grains.changed",
      node: node.key,
      id: node.id,
      data: before
        ? { revision, changed: changedKeys(before.grains, grains).slice(0, 100) }
        : { revision, first: true },
    });
  }

  #event(node: NodeRecord, { kind, data }: z.output<typeof NodeEvent.body>): void {
    this.#parts.events.tell({ kind, node: node.key, id: node.id, data });
  }
}

const changedKeys = (before: object, now: object): string[] =>
  [...new Set([...Object.keys(before), ...Object.keys(now)])].filter(
    (key) => JSON.stringify(Reflect.get(before, key)) !== JSON.stringify(Reflect.get(now, key)),
  );

/** The node's own time is not judged here: what it says waited in its outbox for as long as it had to. */
function openFrom<B extends z.ZodType>(
  node: NodeRecord,
  kind: MessageKind<B>,
  { data }: JsMsg,
): Opened<z.output<B>> {
  return open(kind, data, { trusts: (key) => sameBytes(key, node.sign), to: "master", now: null });
}
