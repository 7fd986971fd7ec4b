/** What does not fit into one answer, or comes later: numbered parts on the operator's own subject. */
import { type BomaError, FeedItem, pack, PAYLOAD_BYTES_MAX, seal, subjects } from "@boma/protocol";
import type { NatsConnection } from "nats";

import type { Keyring } from "../keyring.ts";

/** Items wait this long for company; a screen does not see it, and the bus has a tenth of the messages. */
const GATHER_MS = 10;
const PART_BYTES_MAX = PAYLOAD_BYTES_MAX / 2;
/** A silent feed says that it is alive, so that its reader can tell quiet from dead. */
export const HEARTBEAT_MS = 5_000;

export class Feed {
  readonly #control: NatsConnection;
  readonly #keyring: () => Keyring;
  readonly #key: string;
  readonly #subject: string;
  readonly #heartbeat: NodeJS.Timeout;
  #part = 0;
  #items: unknown[] = [];
  #bytes = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(control: NatsConnection, keyring: () => Keyring, to: { key: string; session: string }) {
    this.#control = control;
    this.#keyring = keyring;
    this.#key = to.key;
    this.#subject = subjects.feed(to.key, to.session);
    this.#heartbeat = setInterval(() => this.#flush(true), HEARTBEAT_MS).unref();
  }

  write(item: unknown): void {
    const bytes = pack(item).length;
    if (this.#bytes + bytes > PART_BYTES_MAX) this.#flush();
    this.#items.push(item);
    this.#bytes += bytes;
    this.#timer ??= setTimeout(() => this.#flush(), GATHER_MS);
  }

  end(error?: BomaError): void {
    clearInterval(this.#heartbeat);
    const told = error && { code: error.code, message: error.message, hint: error.hint };
    this.#flush();
    this.#send({ items: [], end: told ? { error: told } : {} });
  }

  #flush(evenIfEmpty = false): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#items.length === 0 && !evenIfEmpty) return;
    const items = this.#items;
    this.#items = [];
    this.#bytes = 0;
    this.#send({ items });
  }

  #send(body: { items: unknown[]; end?: { error?: { code: string; message: string; hint: string } } }): void {
    // A master that stops, or has lost its bus, has nobody to tell; here nobody could take the error either.
    if (this.#control.isClosed() || this.#control.isDraining()) return;
    const frame = seal(
      FeedItem,
      { part: this.#part++, ...body },
      { to: this.#key, key: this.#keyring().sign },
    );
    this.#control.publish(this.#subject, frame);
  }
}
