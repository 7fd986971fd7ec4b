/**
 * Refreshes that are owed in this run, and by whom: on the disk before the change
 * that causes them is made, and taken away when nothing more is owed.
 */
import type { Catalog } from "../catalog/catalog.ts";
import type { EngineOptions } from "./options.ts";

/** Stands for whatever changed in a run that did not come to its end. */
export const EARLIER = "";

export interface Owed {
  has(id: string, cause: string): boolean;
  /** Resolves when it is safe on the disk. */
  add(ids: readonly string[], cause: string): Promise<void>;
  /** This declaration was refreshed, or need not be: causes that are done with owe it nothing more. */
  settle(id: string, isDone: (cause: string) => boolean): Promise<void>;
}

export async function openOwed({ entries }: Catalog, options: EngineOptions): Promise<Owed> {
  const { pending, mode, states } = options;
  const listed = await pending.list();
  const refreshable = new Set(
    listed.length > 0
      ? entries.filter(({ state }) => states[state] && "refresh" in states[state]).map(({ id }) => id)
      : [],
  );
  const owed = new Map<string, Set<string>>();
  for (const id of listed) if (refreshable.has(id)) owed.set(id, new Set([EARLIER]));
  const has = (id: string, cause: string): boolean => owed.get(id)?.has(cause) ?? false;
  if (mode === "plan") return { has, add: async () => undefined, settle: async () => undefined };

  const dropped = listed.filter((id) => !refreshable.has(id));
  if (dropped.length > 0) await pending.done(dropped);
  // One at a time: what one declaration takes away, another may add in the same moment.
  let last: Promise<unknown> = Promise.resolve();
  const inTurn = (act: () => Promise<void>): Promise<void> => {
    const next = last.then(act);
    last = next.catch(() => undefined);
    return next;
  };
  const kept = new Set(owed.keys());
  return {
    has,
    async add(ids, cause) {
      if (ids.length === 0) return;
      for (const id of ids) owed.set(id, (owed.get(id) ?? new Set()).add(cause));
      await inTurn(async () => {
        const fresh = ids.filter((id) => !kept.has(id));
        if (fresh.length === 0) return;
        await pending.add(fresh, cause);
        for (const id of fresh) kept.add(id);
      });
    },
    async settle(id, isDone) {
      if (!owed.has(id)) return;
      await inTurn(async () => {
        const causes = owed.get(id) ?? new Set();
        for (const cause of causes) if (cause === EARLIER || isDone(cause)) causes.delete(cause);
        if (causes.size > 0) return;
        owed.delete(id);
        kept.delete(id);
        await pending.done([id]);
      });
    },
  };
}
