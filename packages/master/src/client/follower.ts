/**
 * Follows the stream of events over breaks of the line and restarts of the
 * master: it knows where it stands, and asks again from there.
 */
import { newSession } from "@boma/protocol";

import type { Portion } from "../events/event-reader.ts";
import { afterSeen, type Seen, type Start } from "../events/place.ts";
import type { Client } from "./client.ts";
import { isOutage } from "./outage.ts";

const WAIT_MS = 5_000;
/** The master may have much to do beside; one that has gone is noticed after this. */
const ANSWER_MS = WAIT_MS + 10_000;
/** Between accounts the bus does not say that nobody is there, so a master that starts is asked often. */
const AGAIN_ANSWER_MS = 3_000;
const AGAIN_MS = 500;
const LIMIT = 1000;

export interface Following {
  readonly patterns: readonly string[];
  readonly target?: string | undefined;
  readonly start: Start;
  /** The name under which the place is kept on the master. */
  readonly durable?: string | undefined;
  readonly signal: AbortSignal;
  /** The master or the bus is gone, once for each time; then that it is back. */
  readonly lost?: (why: string) => void;
  readonly back?: () => void;
}

export class Follower {
  readonly #client: Client;
  readonly #following: Following;
  readonly #session = newSession();
  #position: number | undefined;
  #seen: Seen | undefined;
  #away = false;

  constructor(client: Client, following: Following) {
    this.#client = client;
    this.#following = following;
  }

  /** What has come since; with `wait`, after a while of nothing it is empty. The first question alone fails where no master is. */
  async next({ wait = true, limit = LIMIT } = {}): Promise<Portion> {
    const { patterns, target, start, durable } = this.#following;
    const first = this.#position === undefined;
    const portion = await this.#over(first, () =>
      this.#client.ask<Portion>(
        "events.next",
        {
          patterns,
          ...(target !== undefined && { target }),
          start: this.#position === undefined ? start : afterSeen(this.#position, this.#seen),
          limit,
          // After a break the first answer is wanted soon, to know that there is one.
          waitMs: wait && !this.#away ? WAIT_MS : 0,
          session: this.#session,
          ...(durable !== undefined && { durable: { name: durable, join: first } }),
        },
        this.#away ? AGAIN_ANSWER_MS : ANSWER_MS,
      ),
    );
    this.#position = portion.position;
    this.#seen = portion.events.at(-1) ?? this.#seen;
    return portion;
  }

  /** Everything up to here is dealt with; resolves when the master has written it down. */
  async done(position: number): Promise<void> {
    const { durable: name } = this.#following;
    if (name === undefined) return;
    const args = { name, session: this.#session, position };
    await this.#over(false, () => this.#client.ask("subscriber.done", args, AGAIN_ANSWER_MS * 2));
  }

  async #over<T>(first: boolean, ask: () => Promise<T>): Promise<T> {
    const { signal, lost, back } = this.#following;
    for (;;) {
      try {
        const answer = await ask();
        if (this.#away) back?.();
        this.#away = false;
        return answer;
      } catch (error) {
        if (first || signal.aborted || !isOutage(error)) throw error;
        if (!this.#away) lost?.(error.message);
        this.#away = true;
        await new Promise((resolve) => setTimeout(resolve, AGAIN_MS));
      }
    }
  }
}
