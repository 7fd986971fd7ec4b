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

const Noted = z.strictObject({ since: z.number(), cause: z.string().nullable() });
const Pending = z.strictObject({
  refresh: z.array(z.string()),
  /** Since when, and because of which declaration; absent of what an older agent wrote. */
  noted: z.record(z.string(), Noted).default({}),
});
type Pending = z.output<typeof Pending>;

/** What is known of one that is owed. */
export interface OwedSince {
  readonly since: number | null;
  readonly cause: string | null;
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
  const change = (to: (ids: Set<string>, noted: Pending["noted"]) => void): Promise<void> =>
    inTurn(async () => {
      const before = await read(path);
      const ids = new Set(before.refresh);
      const noted = { ...before.noted };
      to(ids, noted);
      if (ids.size === before.refresh.length) return;
      for (const id of Object.keys(noted)) if (!ids.has(id)) delete noted[id];
      await mkdir(dirname(path), { recursive: true, mode: 0o700 });
      const text = JSON.stringify({ refresh: [...ids], noted } satisfies Pending);
      await writeAtomic(path, text, { durable });
    });
  return {
    list: async () => (await inTurn(() => read(path))).refresh,
    async owed() {
      const { refresh, noted } = await inTurn(() => read(path));
      return new Map(refresh.map((id) => [id, noted[id] ?? { since: null, cause: null }]));
    },
    add: (more, cause) =>
      change((ids, noted) => {
        for (const id of more) {
          if (!ids.has(id)) noted[id] = { since: now(), cause: cause || null };
          ids.add(id);
        }
      }),
    done: (less) => change((ids) => less.forEach((id) => ids.delete(id))),
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
