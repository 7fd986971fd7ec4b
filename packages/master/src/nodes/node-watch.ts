/** Nodes come and go: told as events, to the jobs, and to whoever waits for an end. */
import { BomaError } from "@boma/protocol";

import type { Presence, watchPresence } from "../bus/presence.ts";
import type { Control } from "../control.ts";

type Parts = Pick<Control, "registry" | "events" | "jobs" | "sessions" | "log">;

/** What a change of presence means to the rest of the master. */
export function nodeWatch({ registry, events, jobs, sessions, log }: Parts) {
  const waiting = new Map<string, Set<() => void>>();
  const about = (key: string) => {
    const id = registry.byKey(key)?.id;
    return { node: key, ...(id !== undefined && { id }) };
  };
  const handlers: Parameters<typeof watchPresence>[2] = {
    onUp: ({ key, ip, startedAt, cid, serverId }) => {
      // A master that comes back soon finds connections that were told.
      const uid = `up-${serverId.slice(0, 24)}-${cid}-${startedAt.toString(36)}`;
      events.tell({ kind: "node.connected", uid, ...about(key), data: { address: ip, since: startedAt } });
      jobs.presence(key, true);
    },
    onDown: ({ key, ip }, reason) => {
      events.tell({ kind: "node.disconnected", ...about(key), data: { address: ip, reason } });
      sessions.single(key);
      jobs.presence(key, false);
      for (const resolve of waiting.get(key) ?? []) resolve();
      waiting.delete(key);
    },
    onDuplicate: ([connection]) => connection && sessions.askWho(connection.key),
    onSingle: ({ key }) => sessions.single(key),
    onStray: ({ key, site }) => registry.byKey(key)?.status === "approved" && sessions.askAt(key, site),
    onError: (error) =>
      log.warn({ error: error.message }, "the presence of nodes could not be compared; trying again"),
  };
  /** Resolves when a node has lost its last connection. */
  const gone = (key: string, presence: Pick<Presence, "connected" | "refreshSoon">): Promise<void> => {
    if (!presence.connected(key)) return Promise.resolve();
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    waiting.set(key, (waiting.get(key) ?? new Set()).add(resolve));
    const timer = setTimeout(
      () => reject(new BomaError("bus/unreachable", "the bus does not say that the connection was cut")),
      GONE_MS_MAX,
    );
    // A server that lost its line meanwhile did not say so.
    const look = setTimeout(() => presence.refreshSoon(), LOOK_MS);
    return promise.finally(() => {
      clearTimeout(timer);
      clearTimeout(look);
    });
  };
  return { handlers, gone };
}

const GONE_MS_MAX = 10_000;
/** It is gone long before that wherever its server has a line to us. */
const LOOK_MS = 500;
