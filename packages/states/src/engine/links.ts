/** Who hangs on whom, read from both ends. */
import type { Catalog, CatalogEntry } from "../catalog/catalog.ts";

export interface Links {
  /** Ids of declarations that are refreshed when this one changes. */
  watchersOf(id: string): readonly string[];
  /** Ids of declarations that run before this one if it would change. */
  beforeOf(id: string): readonly string[];
}

const NONE: readonly string[] = [];

export function linksOf({ entries }: Catalog): Links {
  const watchers = new Map<string, string[]>();
  const before = new Map<string, string[]>();
  const add = (to: Map<string, string[]>, key: string, id: string): void => {
    const list = to.get(key);
    if (!list) to.set(key, [id]);
    else if (list.at(-1) !== id) list.push(id);
  };
  for (const { id, requisites } of entries) {
    for (const name of ["watch", "watchAny", "listen"] as const)
      for (const on of requisites[name] ?? []) add(watchers, on, id);
    for (const target of requisites.prereq ?? []) add(before, target, id);
  }
  return { watchersOf: (id) => watchers.get(id) ?? NONE, beforeOf: (id) => before.get(id) ?? NONE };
}

/** Everything that comes before this one because somebody or something said so. */
export function predecessorsOf({ id, requisites, after }: CatalogEntry, links: Links): readonly string[] {
  const found = [...links.beforeOf(id), ...after];
  for (const [name, ids] of Object.entries(requisites))
    if (name !== "listen" && name !== "prereq") found.push(...ids);
  return found;
}
