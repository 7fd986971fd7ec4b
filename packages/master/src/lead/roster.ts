/** Who stands by: each says so to whoever asks, on a subject of the masters' own account. */
import type { NatsConnection } from "nats";

const SUBJECT = "boma.lead.by";
/** Servers of one cluster answer within this time, or it is not worth waiting for. */
const ANSWERS_MS = 300;

export function standBy(bus: NatsConnection, host: string): { stop(): void } {
  const asked = bus.subscribe(SUBJECT, { callback: (_error, message) => void message.respond(host) });
  return { stop: () => asked.unsubscribe() };
}

/** Their hosts. */
export async function whoStandsBy(bus: NatsConnection): Promise<readonly string[]> {
  const hosts: string[] = [];
  try {
    const answers = await bus.requestMany(SUBJECT, "", { strategy: "timer", maxWait: ANSWERS_MS });
    for await (const answer of answers) if (answer.data.length > 0) hosts.push(answer.string());
  } catch {
    // Nobody listens, or the line is down: nobody is known to stand by.
  }
  return hosts.toSorted((one, other) => one.localeCompare(other));
}
