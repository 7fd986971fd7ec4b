/**
 * Refreshes that are owed in this run, and by whom: on the disk before the change
 * that causes them is made, and taken away when nothing more is owed.
 */
import type { Catalog } from "../catalog/catalog.ts";
import { readHost } from "../host/host.ts";
import { isRestarted } from "../maintenance/restarted.ts";
import type { EngineOptions } from "./options.ts";

/** Stands for whatever changed in a run that did not come to its end. */
export const EARLIER = "";

export interface Owed {
  has(id: string, cause: string): boolean;
  /** Resolves when it is safe on the disk. */
  add(ids: readonly string[], cause: string): Promise<void>;
  /** It waits for maintenance, and this start of it runs meanwhile: what starts after it owes nothing. */
  waits(id: string, instance: string, isDone: (cause: string) => boolean): Promise<void>;
  /** This declaration was refreshed, or need not be: causes that are done with owe it nothing more. */
  settle(id: string, isDone: (cause: string) => boolean): Promise<void>;
}

export async function openOwed({ entries }: Catalog, options: EngineOptions): Promise<Owed> {
  const { pending, mode, states } = options;
  const instances = await pending.instances();
  const listed = await pending.list();
  const refreshable = new Set(
    listed.length > 0
      ? entries.filter(({ state }) => states[state] && "refresh" in states[state]).map(({ id }) => id)
      : [],
  );
  const restarted = await restartedOf(entries, options, instances);
  const owed = new Map<string, Set<string>>();
  for (const id of listed) if (refreshable.has(id) && !restarted.has(id)) owed.set(id, new Set([EARLIER]));
  const has = (id: string, cause: string): boolean => owed.get(id)?.has(cause) ?? false;
  const nothing = async (): Promise<void> => undefined;
  if (mode === "plan") return { has, add: nothing, waits: nothing, settle: nothing };

  const dropped = listed.filter((id) => !owed.has(id));
  if (dropped.length > 0) await pending.done(dropped);
  // One at a time: what one declaration takes away, another may add in the same moment.
  let last: Promise<unknown> = Promise.resolve();
  const inTurn = (act: () => Promise<void>): Promise<void> => {
    const next = last.then(act);
    last = next.catch(() => undefined);
    return next;
  };
  // Those of which the disk says no more than that they are owed: a change must take away what was noted before it.
  const kept = new Set([...owed.keys()].filter((id) => !instances.has(id)));
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
    async waits(id, instance, isDone) {
      await inTurn(async () => {
        const causes = owed.get(id);
        // A change that is still being made would come after the start that is noted, and look taken up by the next.
        if (!causes || !kept.has(id) || ![...causes].every((cause) => cause === EARLIER || isDone(cause)))
          return;
        await pending.waits(id, instance);
        kept.delete(id);
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

/** What somebody else has restarted since it was found to wait. */
async function restartedOf(
  entries: Catalog["entries"],
  { states, ports }: EngineOptions,
  instances: ReadonlyMap<string, string>,
): Promise<ReadonlySet<string>> {
  const restarted = new Set<string>();
  for (const { id, state, params } of entries)
    if (await isRestarted({ spec: states[state], params, noted: instances.get(id) }, readHost(ports)))
      restarted.add(id);
  return restarted;
}
