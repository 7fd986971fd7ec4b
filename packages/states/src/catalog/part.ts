/** A part of a catalog that can be run by itself: what it hangs on outside counts as being as it should be. */
import { secretsIn } from "../secret.ts";
import type { Catalog, CatalogEntry } from "./catalog.ts";

type Requisites = CatalogEntry["requisites"];

/** These entries in their order. What would run only because something outside changed or failed is not among them. */
export function partOf(catalog: Catalog, ids: ReadonlySet<string>): Catalog {
  let chosen = catalog.entries.filter(({ id }) => ids.has(id));
  for (;;) {
    const inside = new Set(chosen.map(({ id }) => id));
    const kept = chosen.filter(({ requisites }) => mayRun(requisites, inside));
    if (kept.length === chosen.length) break;
    chosen = kept;
  }
  const inside = new Set(chosen.map(({ id }) => id));
  const entries = chosen.map((entry) => ({
    ...entry,
    requisites: within(entry.requisites, inside),
    after: entry.after.filter((id) => inside.has(id)),
  }));
  const references = new Set(entries.flatMap(({ params }) => secretsIn(params)));
  const secrets = Object.entries(catalog.secrets).filter(([reference]) => references.has(reference));
  return { ...catalog, entries, secrets: Object.fromEntries(secrets) };
}

/** With everything that is refreshed or run when one of these changes, and what that leads to. */
export function withFollowers({ entries }: Catalog, ids: Iterable<string>): ReadonlySet<string> {
  const followers = new Map<string, string[]>();
  for (const { id, requisites } of entries)
    for (const name of FOLLOWING)
      for (const on of requisites[name] ?? []) followers.set(on, [...(followers.get(on) ?? []), id]);
  const all = new Set(ids);
  // What is added on the way is gone through as well.
  for (const id of all) for (const follower of followers.get(id) ?? []) all.add(follower);
  return all;
}

const FOLLOWING = ["watch", "watchAny", "listen", "onChanges", "onChangesAny", "prereq"] as const;

/** Runs only because of others: when they change, fail, or are about to change. */
export const runsForOthers = ({ requisites }: Pick<CatalogEntry, "requisites">): boolean =>
  [...BECAUSE, "onFailAll" as const].some((name) => requisites[name] !== undefined);

/** One of them is enough to run it. */
const BECAUSE = ["onChanges", "onChangesAny", "onFail", "prereq"] as const;

function mayRun(requisites: Requisites, inside: ReadonlySet<string>): boolean {
  const isInside = (id: string): boolean => inside.has(id);
  return (
    BECAUSE.every((name) => requisites[name]?.some(isInside) ?? true) &&
    // What is outside has not failed, and all must have.
    (requisites.onFailAll?.every(isInside) ?? true)
  );
}

function within(requisites: Requisites, inside: ReadonlySet<string>): Requisites {
  const kept = Object.entries(requisites).flatMap(([name, ids]) => {
    const mine = ids.filter((id) => inside.has(id));
    // One success among them is enough, and what is outside counts as one.
    const isMet = name === "requireAny" && mine.length < ids.length;
    return mine.length === 0 || isMet ? [] : [[name, mine] as const];
  });
  return Object.fromEntries(kept);
}
