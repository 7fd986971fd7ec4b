/** The leader is heard once a second; whoever stands by listens until it is not. Only the record says who leads: silence is a reason to read it. */
import type { NatsConnection } from "nats";

import { isDoneWithin } from "../patience.ts";

/** Within the masters' own account. */
const SUBJECT = "boma.lead";
const LEADS = "leads";
const RESIGNS = "resigns";
const BEAT_MS = 1_000;
/** A leader that computes for some seconds is not dead. */
const SILENCE_MS = 8_000;

export function beat(bus: NatsConnection): { stop(): void } {
  const tell = (): void => {
    if (!bus.isClosed()) bus.publish(SUBJECT, LEADS);
  };
  tell();
  const timer = setInterval(tell, BEAT_MS).unref();
  return { stop: () => clearInterval(timer) };
}

/** Those who stand by need not wait for the silence. */
export const resign = (bus: NatsConnection): void => bus.publish(SUBJECT, RESIGNS);

/** Resolves when no leader was heard for long while the line was up, when it resigned, or when `signal` says so. */
export async function untilSilent(bus: NatsConnection, signal: AbortSignal): Promise<void> {
  let heardAt = performance.now();
  const over = Promise.withResolvers<true>();
  const end = (): void => over.resolve(true);
  signal.addEventListener("abort", end, { once: true });
  const beats = bus.subscribe(SUBJECT, {
    callback: (_error, message) => {
      heardAt = performance.now();
      if (message.string() === RESIGNS) end();
    },
  });
  try {
    while (!(await isDoneWithin(over.promise, BEAT_MS))) {
      // The answer comes behind all that was said before; where the line is down, silence means nothing.
      if (!(await answers(bus))) heardAt = performance.now();
      else if (performance.now() - heardAt >= SILENCE_MS) return;
    }
  } finally {
    beats.unsubscribe();
    signal.removeEventListener("abort", end);
  }
}

const answers = async (bus: NatsConnection): Promise<boolean> => {
  const answer = bus.flush().then(
    () => true,
    () => false,
  );
  return (await isDoneWithin(answer, BEAT_MS)) && answer;
};
