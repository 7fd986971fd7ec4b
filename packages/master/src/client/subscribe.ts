/**
 * Events for other programs, as `@boma/master/subscribe`:
 *
 *   for await (const event of subscribe({ operator: "auditor.json", patterns: ["job.*"], durable: "cmdb" })) {
 *     await keep(event);
 *     await event.done();
 *   }
 */
import { type EventKind, parseDuration, type SequencedEvent } from "@boma/protocol";

import type { Portion } from "../events/event-reader.ts";
import { assertPatterns } from "../events/patterns.ts";
import type { Start } from "../events/place.ts";
import { homeAt } from "../home.ts";
import { readOperatorFile } from "../operator-file.ts";
import { Client } from "./client.ts";
import { Follower } from "./follower.ts";
import { Place } from "./place.ts";

/** The kinds that a pattern means, as far as the compiler can tell: `job.returned`, and the family `job.*`. */
type KindOf<P extends string> = P extends EventKind
  ? P
  : P extends `${infer Family}.*`
    ? Extract<EventKind, `${Family}.${string}`>
    : EventKind;

export interface SubscribeOptions<P extends string = string> {
  /** The file that `boma-master operator add … --out FILE` wrote; without it this host's own operator. */
  readonly operator?: string;
  readonly patterns: readonly P[];
  /** Only about nodes that match, as they are known when it is read. */
  readonly target?: string;
  /** How far back to begin: `1h`, a moment, or a sequence number; without it, now. A durable name that is known goes on where it stood. */
  readonly since?: string | Date | number;
  /** The master keeps the place under this name: what is not `done` when this process ends comes again in the next one. */
  readonly durable?: string;
  /** Ends the loop. */
  readonly signal?: AbortSignal;
  /** So many events were dropped before they were read: the reader stood still for longer than they are kept. Said as a warning of the process where nobody asks. */
  readonly onLost?: (lost: number) => void;
  /** The master cannot be reached (with the reason), and that it is back (without). Nothing is lost by it. */
  readonly onAway?: (why: string | undefined) => void;
}

export type Delivered<K extends EventKind = EventKind> = SequencedEvent<K> & {
  /** It is dealt with, and need not come again. Resolves when the master has written that down, as far as all before it are done. */
  done(): Promise<void>;
};

export async function* subscribe<const P extends string>(
  options: SubscribeOptions<P>,
): AsyncGenerator<Delivered<KindOf<P>>, void, undefined> {
  assertPatterns(options.patterns);
  const home = homeAt(undefined);
  const file = options.operator ?? process.env["BOMA_OPERATOR"] ?? home.operator;
  const ended = new AbortController();
  const signal = options.signal ? AbortSignal.any([options.signal, ended.signal]) : ended.signal;
  if (signal.aborted) return;
  await using client = await Client.connect(readOperatorFile(home, file));
  const follower = new Follower(client, { ...following(options), signal });
  const place = new Place((position) => follower.done(position));
  try {
    for (;;) {
      const portion = await untilAborted(follower.next(), signal);
      if (!portion) return;
      if (portion.lost > 0) (options.onLost ?? warn)(portion.lost);
      yield* delivered<KindOf<P>>(portion, place, signal);
      if (signal.aborted) return;
      await client.renew(file);
    }
  } finally {
    // What is said to be done goes out, where there is somebody to hear it.
    await place.settled();
    ended.abort();
  }
}

function following({ patterns, target, since, durable, onAway }: SubscribeOptions) {
  return {
    patterns,
    target,
    durable,
    start: startOf(since),
    ...(onAway && { lost: (why: string) => onAway(why), back: () => onAway(undefined) }),
  };
}

function startOf(since: SubscribeOptions["since"]): Start {
  if (since === undefined) return { from: "now" };
  if (typeof since === "number") return { after: Math.max(0, since - 1) };
  return { since: since instanceof Date ? since.getTime() : Date.now() - parseDuration(since) };
}

function* delivered<K extends EventKind>(
  { events, position }: Portion,
  place: Place,
  signal: AbortSignal,
): Generator<Delivered<K>> {
  const settled = place.expect(
    events.map(({ sequence }) => sequence),
    position,
  );
  for (const event of events) {
    if (signal.aborted) return;
    yield { ...(event as SequencedEvent<K>), done: () => settled(event.sequence) };
  }
}

async function untilAborted<T>(asked: Promise<T>, signal: AbortSignal): Promise<T | undefined> {
  const aborted = Promise.withResolvers<undefined>();
  const abort = () => aborted.resolve(undefined);
  signal.addEventListener("abort", abort);
  // Of a question that was left behind nobody wants to know how it ended.
  asked.catch(() => undefined);
  return Promise.race([asked, aborted.promise]).finally(() => signal.removeEventListener("abort", abort));
}

const warn = (lost: number): void =>
  process.emitWarning(`${lost} events were dropped before they were read`, { code: "BOMA_EVENTS_LOST" });

export type { EventKind, SequencedEvent };
