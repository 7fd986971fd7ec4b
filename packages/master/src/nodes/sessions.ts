/**
 * Which process speaks for a node. Two live connections of one key may be one
 * agent that reconnects while its old connection dies; so the master asks "who
 * is there", and only two different answers mean that the identity was copied.
 */
import { addressOf, MasterAsk, seal, subjects } from "@boma/protocol";
import type { NatsConnection } from "nats";

import type { Events } from "../events/events.ts";
import type { Keyring } from "../keyring.ts";
import type { Registry } from "../registry/registry.ts";
import type { Whereabouts } from "./whereabouts.ts";

interface Asking {
  readonly question: "who" | "grains";
  readonly nonce?: Uint8Array | undefined;
}

interface Question {
  readonly nonce: Buffer;
  readonly sessions: Set<string>;
}

export class Sessions {
  readonly #questions = new Map<string, Question>();
  readonly #duplicates = new Set<string>();
  /** When each said hello last. */
  readonly #heard = new Map<string, number>();
  readonly #control: NatsConnection;
  readonly #keyring: () => Keyring;
  readonly #registry: Registry;
  readonly #events: Events;
  readonly #where: Whereabouts;

  constructor(parts: {
    control: NatsConnection;
    keyring: () => Keyring;
    registry: Registry;
    events: Events;
    where: Whereabouts;
  }) {
    this.#where = parts.where;
    this.#control = parts.control;
    this.#keyring = parts.keyring;
    this.#registry = parts.registry;
    this.#events = parts.events;
  }

  isDuplicate(key: string): boolean {
    return this.#duplicates.has(key);
  }

  /** Asks everybody who holds this identity to say so. */
  askWho(key: string): void {
    const nonce = Buffer.from(crypto.getRandomValues(new Uint8Array(16)));
    this.#questions.set(key, { nonce, sessions: new Set() });
    this.ask(key, "who", nonce);
  }

  ask(key: string, question: "who" | "grains", nonce?: Uint8Array): void {
    this.#askAt(this.#where.addressOf(key), key, { question, nonce });
  }

  /** Where it is connected, which may not be where it belongs: with the answer to its hello it learns where that is. */
  askAt(key: string, site: string | undefined): void {
    this.#askAt(addressOf(key, site), key, { question: "who" });
  }

  #askAt(address: string, key: string, { question, nonce }: Asking): void {
    const options = { to: key, key: this.#keyring().sign, ...(nonce && { nonce }) };
    this.#control.publish(subjects.ask(address), seal(MasterAsk, { question }, options));
  }

  heardSince(key: string, since: number): boolean {
    return (this.#heard.get(key) ?? Number.NEGATIVE_INFINITY) >= since;
  }

  /** While it is asked who is there, nothing else is concluded from who speaks. */
  isInDoubt(key: string): boolean {
    return this.#questions.has(key);
  }

  /**
   * A hello while the question is open; a second voice is a copy. One that came
   * too late to hear the question says its first hello unasked, and counts.
   */
  heard(key: string, asked: Uint8Array | undefined, session: string): void {
    this.#heard.set(key, performance.now());
    const question = this.#questions.get(key);
    if (!question || (asked && !question.nonce.equals(asked))) return;
    // Two are enough to know; whoever says ever new ones is not listened to.
    if (this.#duplicates.has(key)) return;
    question.sessions.add(session);
    if (question.sessions.size < 2) return;
    this.#duplicates.add(key);
    const id = this.#registry.byKey(key)?.id;
    this.#events.tell({
      kind: "node.duplicate",
      node: key,
      ...(id !== undefined && { id }),
      data: { sessions: [...question.sessions] },
    });
    // Both are told, so that each can say so on its own console.
    this.ask(key, "who");
  }

  /** One connection is left, or none: what was double is single again. */
  single(key: string): void {
    this.#questions.delete(key);
    this.#duplicates.delete(key);
  }

  /** Nobody will come by this key any more. */
  forget(key: string): Promise<void> {
    this.single(key);
    this.#heard.delete(key);
    return Promise.resolve();
  }
}
