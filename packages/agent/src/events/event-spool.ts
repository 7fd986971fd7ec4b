/**
 * What this agent has to tell, one after the other in the order in which it happened, until the bus has it: over
 * restarts, and however long the bus is away. An event keeps its bytes and its id, by which the master knows one that
 * comes again. Beyond the bound the oldest are given up, counted, and the count is told.
 */
import type { NodeEventBody } from "@boma/protocol";

import { messageOf } from "../files.ts";
import type { Log } from "../log.ts";
import { newMessageId } from "../outbox.ts";
import {
  addLost,
  type Lost,
  readSpool,
  type SpoolEvent,
  SpoolFile,
  type SpoolFileOptions,
  type SpoolHeld,
  type SpoolRecord,
} from "./spool-file.ts";

export interface SpoolBounds {
  readonly events: number;
  readonly bytes: number;
}

export interface EventSpoolPorts {
  readonly path: string;
  readonly durable: boolean;
  readonly log: Log;
  readonly now: () => number;
  /** Signs it; the bytes stay as they are from then on. */
  readonly sign: (body: NodeEventBody) => Uint8Array;
  /** The same event under the node's present key; the same bytes where that has not changed. */
  readonly renew: (frame: Uint8Array) => Uint8Array;
  /** Resolves when the bus has what `letter` gave last, with `false` when this agent stops. */
  readonly send: (letter: () => { readonly id: string; readonly data: Uint8Array }) => Promise<boolean>;
  readonly bounds?: Readonly<Record<"few" | "plenty", SpoolBounds>>;
  readonly file?: Partial<SpoolFileOptions>;
}

const MIB = 1024 * 1024;
/** Two shares, so that a flood of what a node sees or refuses cannot push out what was done to it. */
const BOUNDS = { few: { events: 4000, bytes: 8 * MIB }, plenty: { events: 2000, bytes: 2 * MIB } };

const isPlenty = (kind: string): boolean => kind.startsWith("beacon.") || kind === "node.message-refused";

export class EventSpool {
  readonly #ports: EventSpoolPorts;
  readonly #file: SpoolFile;
  readonly #shares: Readonly<Record<"few" | "plenty", Share>>;
  #lost: Lost | undefined;
  #nextNumber: number;
  #current: SpoolEvent | undefined;
  #sending: Promise<void> | undefined;

  private constructor(ports: EventSpoolPorts, held: SpoolHeld) {
    const { path, durable, log, bounds = BOUNDS, file } = ports;
    this.#ports = ports;
    this.#shares = { few: new Share(bounds.few), plenty: new Share(bounds.plenty) };
    this.#file = new SpoolFile(
      path,
      { durable, log, ...file },
      {
        isEmpty: () => this.waiting === 0,
        records: () => this.#records(),
      },
    );
    for (const event of held.events) this.#shareOf(event).add(event);
    this.#lost = held.lost;
    this.#nextNumber = held.nextNumber;
  }

  static async open(ports: EventSpoolPorts): Promise<EventSpool> {
    const held = await readSpool(ports.path);
    const spool = new EventSpool(ports, held);
    if (held.damaged) {
      ports.log.error({ path: ports.path }, "the events that were kept are damaged; the good ones are told");
      const now = ports.now();
      spool.#lost ??= { count: 1, since: now, until: now };
    }
    spool.#wake();
    return spool;
  }

  get waiting(): number {
    return this.#shares.few.count + this.#shares.plenty.count;
  }

  /** Never throws: what happened here is no reason for more to go wrong. */
  tell(body: NodeEventBody): void {
    try {
      this.#add(body);
    } catch (thrown) {
      this.#ports.log.error({ kind: body.kind, error: messageOf(thrown) }, "an event cannot be told");
    }
    this.#wake();
  }

  #add(body: NodeEventBody, tellsLost = false): void {
    const event: SpoolEvent = {
      kind: "event",
      number: this.#nextNumber,
      id: newMessageId(),
      at: this.#ports.now(),
      plenty: isPlenty(body.kind),
      tellsLost,
      frame: this.#ports.sign(body),
    };
    this.#nextNumber++;
    const share = this.#shareOf(event);
    share.add(event);
    this.#file.append(event);
    // What tells of a loss makes no other one: it may stand beyond the bound.
    if (tellsLost) return;
    for (const gone of share.overflow(this.#current)) {
      this.#lost = addLost(this.#lost, { count: 1, since: gone.at, until: gone.at });
      this.#file.append({ kind: "dropped", number: gone.number });
    }
  }

  #shareOf({ plenty }: SpoolEvent): Share {
    return plenty ? this.#shares.plenty : this.#shares.few;
  }

  #wake(): void {
    if (this.waiting > 0) this.#sending ??= this.#send();
  }

  async #send(): Promise<void> {
    while (this.#oldest() && (await this.#ports.send(() => this.#letter()))) {
      const sent = this.#current!;
      this.#shareOf(sent).remove(sent);
      this.#file.append({ kind: "acked", number: sent.number });
      this.#current = undefined;
      if (this.#lost) this.#tellLost(this.#lost);
    }
    this.#current = undefined;
    // In the same breath as the last look: what comes a moment later starts a new turn.
    this.#sending = undefined;
  }

  /** Only now, when the way is free: until then more may be lost. */
  #tellLost(lost: Lost): void {
    this.#lost = undefined;
    this.#add({ kind: "node.events-lost", data: { ...lost } }, true);
  }

  #letter(): { readonly id: string; readonly data: Uint8Array } {
    const event = (this.#current ??= this.#oldest()!);
    const frame = this.#renewed(event);
    if (frame === event.frame) return { id: event.id, data: frame };
    const renewed = { ...event, frame };
    this.#shareOf(event).remove(event);
    this.#shareOf(event).add(renewed);
    this.#file.append(renewed);
    this.#current = renewed;
    return { id: event.id, data: frame };
  }

  /** One that cannot be signed anew goes as it is: that the master refuses it is seen, and the others go on. */
  #renewed({ frame, number }: SpoolEvent): Uint8Array {
    try {
      return this.#ports.renew(frame);
    } catch (thrown) {
      this.#ports.log.error({ number, error: messageOf(thrown) }, "an event cannot be signed anew");
      return frame;
    }
  }

  #oldest(): SpoolEvent | undefined {
    const [few, plenty] = [this.#shares.few.oldest, this.#shares.plenty.oldest];
    return few && plenty ? (few.number < plenty.number ? few : plenty) : (few ?? plenty);
  }

  #records(): readonly SpoolRecord[] {
    const events = [...this.#shares.few.all, ...this.#shares.plenty.all].toSorted(
      (one, other) => one.number - other.number,
    );
    // Its number says where counting goes on when nothing waits.
    const counted: SpoolRecord = { kind: "dropped", number: this.#nextNumber - 1 };
    return [counted, ...(this.#lost ? [{ kind: "lost", ...this.#lost } as const] : []), ...events];
  }

  /** Resolves when nothing waits any more, or nothing is sent any more. */
  async idle(): Promise<void> {
    while (this.#sending) await this.#sending;
  }

  async close(): Promise<void> {
    await this.#file.close();
  }
}

/** Events of one rank, oldest first, within its bound. */
class Share {
  readonly #bounds: SpoolBounds;
  /** By number; one that was signed anew goes to where it was. */
  #events = new Map<number, SpoolEvent>();
  #bytes = 0;

  constructor(bounds: SpoolBounds) {
    this.#bounds = bounds;
  }

  get count(): number {
    return this.#events.size;
  }
  get oldest(): SpoolEvent | undefined {
    return this.#events.values().next().value;
  }
  get all(): Iterable<SpoolEvent> {
    return this.#events.values();
  }

  add(event: SpoolEvent): void {
    const isOldest = event.number < (this.oldest?.number ?? 0);
    this.#bytes += event.frame.length;
    if (isOldest) this.#events = new Map([[event.number, event], ...this.#events]);
    else this.#events.set(event.number, event);
  }

  remove({ number }: SpoolEvent): void {
    this.#bytes -= this.#events.get(number)?.frame.length ?? 0;
    this.#events.delete(number);
  }

  /** Takes out the oldest until the rest fits; never the one that is on its way. */
  overflow(current: SpoolEvent | undefined): readonly SpoolEvent[] {
    const gone: SpoolEvent[] = [];
    for (const event of this.#events.values()) {
      if (this.#events.size <= this.#bounds.events && this.#bytes <= this.#bounds.bytes) break;
      if (event === current) continue;
      this.remove(event);
      gone.push(event);
    }
    return gone;
  }
}
