/** A bad message costs itself and one event, which names the connection that it came from. */
import { asBomaError, readAddress } from "@boma/protocol";
import type { Msg } from "nats";
import { z } from "zod";

import type { Presence } from "../bus/presence.ts";
import type { Events } from "../events/events.ts";
import type { Registry } from "../registry/registry.ts";

interface Parts {
  readonly events: Events;
  readonly presence: () => Presence;
  readonly registry: Registry;
}

/**
 * Of each sender one refusal a second is told: the first at once, then the last of those that followed, with their count.
 * A stranger makes up as many keys as he likes: the sender is the address that they come from.
 */
const TOLD_EVERY_MS = 1_000;
const TEXT_LENGTH_MAX = 1_000;

/** Tells of a message that was refused; a request brings the server's word on where it came from. */
export type Refused = (subject: string, error: unknown, request?: Msg) => void;

// Written by the server, over whatever the sender wrote there.
const RequestInfo = z.object({ host: z.string(), id: z.number() });

function connectionOf(request: Msg): readonly { ip: string; cid: number }[] {
  const header = request.headers?.get("Nats-Request-Info");
  if (!header) return [];
  const { host, id } = RequestInfo.parse(JSON.parse(header));
  return [{ ip: host, cid: id }];
}

/** Where a request came from, as the server saw it. */
export const hostOf = (request: Msg): string => connectionOf(request)[0]?.ip ?? "?";

interface Held {
  tell?: (more: number) => void;
  more: number;
}

export function refusals({ events, presence, registry }: Parts): Refused {
  const senders = new Map<string, Held>();
  const tellNow = (sender: string, tell: (more: number) => void, more: number): void => {
    tell(more);
    const held: Held = { more: -1 };
    senders.set(sender, held);
    setTimeout(() => {
      senders.delete(sender);
      if (held.tell) tellNow(sender, held.tell, held.more);
    }, TOLD_EVERY_MS).unref();
  };
  return (subject, thrown, request) => {
    const { code, message: whole } = asBomaError(thrown);
    // It quotes what was sent, and events push out older ones by their weight.
    const message = whole.slice(0, TEXT_LENGTH_MAX);
    // What was refused may name no node.
    const { key, address } = readAddress(subject) ?? { key: "", address: subject.split(".")[2] ?? "" };
    const live = presence().connections(key);
    const connections = (live.length > 0 || !request ? live : connectionOf(request)).map(
      ({ ip, cid }) => `${ip} (connection ${cid})`,
    );
    const id = registry.byKey(key)?.id;
    const tell = (more: number): void =>
      events.tell({
        kind: "message.refused",
        ...(key !== "" && { node: key }),
        ...(id !== undefined && { id }),
        data: { code, message, subject: subject.slice(0, TEXT_LENGTH_MAX), connections, more },
      });
    const isStranger = subject.startsWith("boma.enrol.");
    const sender = isStranger && request ? `strangers at ${hostOf(request)}` : address;
    const held = senders.get(sender);
    if (!held) tellNow(sender, tell, 0);
    else Object.assign(held, { tell, more: held.more + 1 });
  };
}
