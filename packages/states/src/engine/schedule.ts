/**
 * Who may run beside whom. Declarations of states that say `together` share a
 * stretch; all else stands alone, after everything before it and before everything
 * after it. Within a stretch those that have to do with each other keep their order.
 */
import type { CatalogEntry } from "../catalog/catalog.ts";
import { claimsOf, wholeOf } from "../catalog/claims.ts";
import type { AnySpec } from "../state-spec.ts";
import { isGuarded } from "./guards.ts";
import { type Links, predecessorsOf } from "./links.ts";

/** Entries in their order; for each the positions within the stretch that it waits for. */
export interface Stretch {
  readonly entries: readonly CatalogEntry[];
  readonly waits: readonly (readonly number[])[];
}

export function stretchesOf(
  entries: readonly CatalogEntry[],
  states: Readonly<Record<string, AnySpec>>,
  links: Links,
): Stretch[] {
  const stretches: Stretch[] = [];
  let side: CatalogEntry[] = [];
  const close = (): void => {
    if (side.length > 0) stretches.push({ entries: side, waits: waitsOf(side, states, links) });
    side = [];
  };
  for (const entry of entries) {
    if (mayShare(entry, states[entry.state])) {
      side.push(entry);
      continue;
    }
    close();
    stretches.push({ entries: [entry], waits: [[]] });
  }
  close();
  return stretches;
}

/** What looks at the machine beyond what it claims, or may stop everything, stands alone: the result is that of the order. */
const mayShare = (entry: CatalogEntry, spec: AnySpec | undefined): boolean =>
  spec?.together === true &&
  !spec.confirm &&
  !entry.failHard &&
  !isGuarded(entry) &&
  !entry.requisites.prereq;

function waitsOf(
  entries: readonly CatalogEntry[],
  states: Readonly<Record<string, AnySpec>>,
  links: Links,
): number[][] {
  const at = new Map(entries.map(({ id }, index) => [id, index]));
  const waits = entries.map((entry) => new Set(placed(predecessorsOf(entry, links), at)));
  const nesting = new Map<string, Nest>();
  entries.forEach(({ state, params }, index) => {
    for (const claim of claimed(states[state]!, params)) nest(nesting, claim, index, waits);
  });
  return waits.map((mine, index) => [...mine].filter((other) => other < index));
}

const placed = (ids: readonly string[], at: ReadonlyMap<string, number>): number[] =>
  ids.map((id) => at.get(id)).filter((index) => index !== undefined);

function claimed(spec: AnySpec, params: CatalogEntry["params"]): readonly string[] {
  try {
    return claimsOf({ spec, params });
  } catch {
    // It will say so itself when it runs.
    return [];
  }
}

/** Who claimed this very thing last, and who has claimed things below it since. */
interface Nest {
  last?: number;
  readonly below: number[];
}

/** What lies below another, or is a part of the same, waits for what came before it. */
function nest(nesting: Map<string, Nest>, claim: string, index: number, waits: readonly Set<number>[]): void {
  const whole = wholeOf(claim);
  const nestOf = (name: string): Nest => {
    let found = nesting.get(name);
    if (!found) nesting.set(name, (found = { below: [] }));
    return found;
  };
  for (const above of aboveOf(whole)) {
    const { last, below } = nestOf(above);
    if (last !== undefined && last !== index) waits[index]!.add(last);
    below.push(index);
  }
  const own = nestOf(whole);
  if (own.last !== undefined && own.last !== index) waits[index]!.add(own.last);
  for (const other of own.below.splice(0)) if (other !== index) waits[index]!.add(other);
  own.last = index;
}

/** `file:/a/b/c` lies below `file:/a/b`, `file:/a` and `file:/`. */
function aboveOf(claim: string): string[] {
  const above: string[] = [];
  for (let at = claim.lastIndexOf("/"); at > 0; at = claim.lastIndexOf("/", at - 1)) {
    const isRoot = claim[at - 1] === ":";
    above.push(claim.slice(0, isRoot ? at + 1 : at));
    if (isRoot) break;
  }
  return above.filter((name) => name !== claim);
}

/** Runs a stretch, as many at a time as there may be, each when what it waits for has ended. */
export async function runStretch(
  { entries, waits }: Stretch,
  parallel: number,
  perform: (entry: CatalogEntry) => Promise<void>,
): Promise<void> {
  const left = waits.map((mine) => mine.length);
  const waiting: number[][] = entries.map(() => []);
  waits.forEach((mine, index) => mine.forEach((on) => waiting[on]!.push(index)));
  const ready = [...left.keys()].filter((index) => left[index] === 0);
  let next = 0;
  let running = 0;
  const { promise: ended, resolve, reject } = Promise.withResolvers<void>();
  const open = (): void => {
    while (running < parallel && next < ready.length) {
      const index = ready[next++]!;
      running += 1;
      perform(entries[index]!).then(() => {
        running -= 1;
        for (const other of waiting[index]!) if (--left[other]! === 0) ready.push(other);
        open();
      }, reject);
    }
    if (running === 0) resolve();
  };
  open();
  await ended;
}
