/**
 * Which process speaks for a node. Two live connections of one key may be one
 * agent that reconnects while its old connection dies; so the master asks "who
 * is there", and only two different answers mean that the identity was copied.
 */
import { MasterAsk, seal, subjects } from "@boma/protocol";
import type { NatsConnection } from "nats";

import type { Events } from "../events/events.ts";
import type { Keyring } from "../keyring.ts";
import type { Registry } from "../registry/registry.ts";

interface Question {
  readonly nonce: Buffer;
  readonly sessions: Set<string>;
}

export class Sessions {
  readonly #questions = new Map<string, Question>();
  readonly #duplicates = new Set<string>();
  readonly #control: NatsConnection;
  readonly #keyring: () => Keyring;
  readonly #registry: Registry;
  readonly #events: Events;

  constructor(parts: {
    control: NatsConnection;
    keyring: () => Keyring;
    registry: Registry;
    events: Events;
  }) {
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
    const options = { to: key, key: this.#keyring().sign, ...(nonce && { nonce }) };
    this.#control.publish(subjects.ask(key), seal(MasterAsk, { question }, options));
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
}
