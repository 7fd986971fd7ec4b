/** A bad message costs itself and one event, which names the connection that it came from. */
import { asBomaError } from "@boma/protocol";

import type { Presence } from "../bus/presence.ts";
import type { Events } from "../events/events.ts";
import type { Registry } from "../registry/registry.ts";

interface Parts {
  readonly events: Events;
  readonly presence: () => Presence;
  readonly registry: Registry;
}

/** Of each sender, so many a second are told one by one; the rest is counted and told with the next one. */
const TOLD_EVERY_MS = 1_000;
const SENDERS_MAX = 10_000;

export function refusals({ events, presence, registry }: Parts): (subject: string, error: unknown) => void {
  const senders = new Map<string, { toldAt: number; untold: number }>();
  return (subject, thrown) => {
    const error = asBomaError(thrown);
    const key = subject.split(".")[2] ?? "";
    const sender = senders.get(key) ?? { toldAt: Number.NEGATIVE_INFINITY, untold: 0 };
    senders.set(key, sender);
    if (senders.size > SENDERS_MAX) senders.delete(senders.keys().next().value!);
    const now = Date.now();
    if (now - sender.toldAt < TOLD_EVERY_MS) {
      sender.untold += 1;
      return;
    }
    const connections = presence()
      .connections(key)
      .map(({ ip, cid }) => `${ip} (connection ${cid})`);
    const id = registry.byKey(key)?.id;
    events.tell({
      kind: "message.refused",
      ...(/^U[A-Z2-7]{55}$/.test(key) && { node: key }),
      ...(id !== undefined && { id }),
      data: { code: error.code, message: error.message, subject, connections, more: sender.untold },
    });
    Object.assign(sender, { toldAt: now, untold: 0 });
  };
}
