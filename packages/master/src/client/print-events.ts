/** Prints events as they are read, and lets go of them on the master only when they are written. */
import type { SequencedEvent } from "@boma/protocol";

import type { Portion } from "../events/event-reader.ts";
import { afterSeen, type Start } from "../events/place.ts";
import { type EventSink, fileSink, pipeSink } from "../print/event-sink.ts";
import { eventText } from "../print/event-text.ts";
import { jsonText, type Output, style } from "../print/output.ts";
import type { Client } from "./client.ts";
import { Follower } from "./follower.ts";

interface Asked {
  readonly patterns: readonly string[];
  readonly target?: string | undefined;
  readonly start: Start;
  readonly follow: boolean;
  readonly durable?: string | undefined;
  readonly limit?: number | undefined;
  readonly intoFile: boolean;
  readonly form: "text" | "lines" | "list";
}

export async function printEvents(client: Client, output: Output, asked: Asked): Promise<void> {
  const sink = asked.intoFile ? fileSink() : pipeSink;
  const stopped = stopping();
  const start = sink.last ? afterSeen(sink.last.sequence, sink.last) : asked.start;
  const follower = new Follower(client, { ...asked, ...remarks(output), start, signal: stopped.signal });
  try {
    const all = await printAll(follower, { ...asked, output, sink, signal: stopped.signal });
    if (asked.form === "list") output.document(all);
  } finally {
    stopped.done();
  }
}

const remarks = (output: Output) => ({
  lost: (why: string) =>
    output.note(`${style("yellow", "waiting")}: ${why}; going on when the master is back`),
  back: () => output.note(`${style("green", "back")}: going on where it stood`),
});

interface Printing extends Asked {
  readonly output: Output;
  readonly sink: EventSink;
  readonly signal: AbortSignal;
}

/** Returns what belongs into one document. */
async function printAll(follower: Follower, printing: Printing): Promise<SequencedEvent[]> {
  const { follow, form, limit = Infinity, output, sink, signal } = printing;
  const all: SequencedEvent[] = [];
  let until: number | undefined;
  for (let left = limit; left > 0;) {
    const portion = await next(follower, { wait: follow, limit: Math.min(left, 1000) }, signal);
    if (!portion) return all;
    const { events, position, lost, last } = portion;
    if (form === "list") for (const event of events) all.push(event);
    else await sink.write(linesOf(portion, form, output));
    if (lost > 0) output.note(lossText(lost));
    await follower.done(position);
    left -= events.length;
    until ??= last;
    if (!follow && position >= until) return all;
  }
  return all;
}

/** Nothing, when it was stopped: what is written then is done with already. */
async function next(
  follower: Follower,
  how: { readonly wait: boolean; readonly limit: number },
  signal: AbortSignal,
): Promise<Portion | undefined> {
  if (signal.aborted) return undefined;
  const stopped = Promise.withResolvers<undefined>();
  const stop = () => stopped.resolve(undefined);
  signal.addEventListener("abort", stop);
  const asking = follower.next(how);
  // Of one that was left behind nobody wants to know how it ended.
  asking.catch(() => undefined);
  return Promise.race([asking, stopped.promise]).finally(() => signal.removeEventListener("abort", stop));
}

function linesOf({ events, lost, position }: Portion, form: "text" | "lines", output: Output): string[] {
  if (form === "text") return events.map((event) => eventText(event, output.live ? output.width : undefined));
  const gap = lost > 0 ? [jsonText({ lost, sequence: (events[0]?.sequence ?? position + 1) - 1 })] : [];
  return [...gap, ...events.map(jsonText)];
}

const lossText = (lost: number): string =>
  `${style("red", "lost")}: ${lost.toLocaleString("en")} events were dropped before they were read; the stream keeps them no longer`;

/** Stopped by hand or by a service: what is written is said to be done, and the command ends well. */
function stopping(): { readonly signal: AbortSignal; done(): void } {
  const stop = new AbortController();
  const abort = () => stop.abort();
  for (const name of ["SIGINT", "SIGTERM"] as const) process.once(name, abort);
  return {
    signal: stop.signal,
    done: () => {
      for (const name of ["SIGINT", "SIGTERM"] as const) process.off(name, abort);
    },
  };
}
