/**
 * Another program that follows what a fleet does: one line for each change, with who asked for it. It is killed and
 * started again without a gap, because the master keeps its place under a name.
 *
 *   node auditor.ts auditor.json
 */
import { type Delivered, subscribe } from "@boma/master/subscribe";

const [operator] = process.argv.slice(2);
if (operator === undefined) {
  console.error("usage: node auditor.ts CREDENTIAL");
  process.exit(2);
}

const stop = new AbortController();
for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => stop.abort());

const events = subscribe({
  operator,
  patterns: ["job.started", "job.finished", "state.changed", "operator.*"],
  durable: "auditor",
  signal: stop.signal,
  onLost: (lost) => console.log(`LOST ${lost} events: the auditor stood still for longer than they are kept`),
  onAway: (why) => console.error(why === undefined ? "the master is back" : `waiting: ${why}`),
});

try {
  for await (const event of events) {
    // Here it would be written to where it is kept. Only then is it done: before that, a crash brings it again.
    console.log(`${new Date(event.at).toISOString()} ${event.sequence} ${textOf(event)}`);
    await event.done();
  }
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}

type Audited = typeof events extends AsyncIterable<infer E> ? E : Delivered;

/** Each kind has its own data, which the compiler knows. */
function textOf(event: Audited): string {
  switch (event.kind) {
    case "job.started":
      return `${event.operator} began ${event.data.function} on ${event.data.nodes} nodes (${event.data.target})`;
    case "job.finished":
      return `${event.data.function} ended: ${JSON.stringify(event.data.statuses)}`;
    case "state.changed":
      return `${event.id} changed ${event.data.changed.map(({ resource }) => resource).join(", ")}`;
    case "operator.added":
      return `${event.operator} let in the operator ${event.data.name}`;
    case "operator.removed":
      return `${event.operator} removed the operator ${event.data.name}`;
    case "operator.denied":
      return `${event.operator} was denied ${event.data.verb}: ${event.data.reason}`;
  }
}
