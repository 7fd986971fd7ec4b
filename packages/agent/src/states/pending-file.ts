/**
 * Refreshes that are owed, in a small file: written and synced before the change
 * that causes them, so that a crash between the two loses none.
 */
import { mkdir } from "node:fs/promises";
import { dirname } from "node:path";

import { BomaError } from "@boma/protocol";
import type { PendingRefreshes } from "@boma/states/core";
import { z } from "zod";

import { messageOf, readIfThere, writeAtomic } from "../files.ts";
import { keptObject } from "../kept-object.ts";

const Noted = keptObject({
  since: z.number(),
  cause: z.string().nullable(),
  /** The start of it that was found to run without the change. */
  instance: z.string().optional(),
});
const Pending = keptObject({
  refresh: z.array(z.string()),
  /** Since when, and because of which declaration; absent of what an older agent wrote. */
  noted: z.record(z.string(), Noted).default({}),
});
type Pending = z.output<typeof Pending>;

/** What is known of one that is owed. */
export interface OwedSince {
  readonly since: number | null;
  readonly cause: string | null;
  readonly instance?: string | undefined;
}

export interface PendingFile extends PendingRefreshes {
  owed(): Promise<ReadonlyMap<string, OwedSince>>;
}

interface Options {
  readonly durable?: boolean;
  readonly now?: () => number;
}

export function pendingFile(path: string, { durable = true, now = Date.now }: Options = {}): PendingFile {
  let turn: Promise<unknown> = Promise.resolve();
  // One after the other, and each time from the disk: `boma-agent apply` writes there as well, between this agent's runs.
  const inTurn = <T>(act: () => Promise<T>): Promise<T> => {
    const next = turn.then(act);
    turn = next.catch(() => undefined);
    return next;
  };
  /** `to` says whether there is anything to write. */
  const change = (to: (ids: Set<string>, noted: Pending["noted"]) => boolean): Promise<void> =>
    inTurn(async () => {
      const before = await read(path);
      const ids = new Set(before.refresh);
      const noted = { ...before.noted };
      if (!to(ids, noted)) return;
      await mkdir(dirname(path), { recursive: true, mode: 0o700 });
      const text = JSON.stringify({ ...before, refresh: [...ids], noted } satisfies Pending);
      await writeAtomic(path, text, { durable });
    });
  return {
    list: async () => (await inTurn(() => read(path))).refresh,
    async owed() {
      const { refresh, noted } = await inTurn(() => read(path));
      return new Map(refresh.map((id) => [id, noted[id] ?? { since: null, cause: null }]));
    },
    async instances() {
      const { noted } = await inTurn(() => read(path));
      const known = Object.entries(noted);
      return new Map(known.flatMap(([id, { instance }]) => (instance === undefined ? [] : [[id, instance]])));
    },
    add: (more, cause) =>
      change((ids, noted) => {
        const fresh = more.filter((id) => !ids.has(id) || noted[id]?.instance !== undefined);
        for (const id of fresh) {
          // Since when and because of what stays as it was first; a start that was noted has not seen this change.
          const { since, cause: first } = noted[id] ?? { since: now(), cause: cause || null };
          noted[id] = { since, cause: first };
          ids.add(id);
        }
        return fresh.length > 0;
      }),
    waits: (id, instance) =>
      change((ids, noted) => {
        const known = noted[id];
        if (!ids.has(id) || !known || known.instance !== undefined) return false;
        noted[id] = { ...known, instance };
        return true;
      }),
    done: (less) =>
      change((ids, noted) => {
        const gone = less.filter((id) => ids.delete(id));
        for (const id of gone) delete noted[id];
        return gone.length > 0;
      }),
  };
}

/** One that cannot be read must not pass for an empty one: what it holds would never be refreshed. */
async function read(path: string): Promise<Pending> {
  try {
    const bytes = await readIfThere(path);
    return bytes === undefined ? { refresh: [], noted: {} } : Pending.parse(JSON.parse(bytes.toString()));
  } catch (cause) {
    throw new BomaError("state/pending", `${path} cannot be read: ${messageOf(cause)}`, { cause });
  }
}
