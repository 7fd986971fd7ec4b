/**
 * What to say and do about what was found: pure, from what is known already and
 * what the look brought. Whoever calls tells it, does it, and writes it down.
 */
import type { DriftMode } from "@boma/protocol";

import type { Facts } from "./drift-book.ts";
import type { Finding } from "./findings.ts";

/** One declaration that was looked at. */
export interface Looked {
  readonly id: string;
  /** Digest of what the catalog says of it. */
  readonly entry: string;
  readonly mode: DriftMode;
  /** Put right by itself, if it drifted. */
  readonly mayEnforce: boolean;
  readonly finding: Finding;
}

export type Healer = "boma" | "job" | "somebody" | "new-catalog";

export interface Verdict {
  /** To be told: new, or with other differences than before. */
  readonly found: readonly (Looked & { readonly finding: Finding & { readonly kind: "drift" } })[];
  readonly healed: readonly { readonly id: string; readonly by: Healer; readonly since: number }[];
  readonly failed: readonly { readonly id: string; readonly comment: string }[];
  /** To be put right now. */
  readonly enforce: readonly string[];
}

/** `healerOf`: who may have put right what is so again with the same catalog. */
export function judge(
  facts: Facts,
  looked: readonly Looked[],
  healerOf: (id: string) => "job" | "somebody",
): Verdict {
  const found: Verdict["found"][number][] = [];
  const healed: Verdict["healed"][number][] = [];
  const failed: Verdict["failed"][number][] = [];
  const enforce: string[] = [];
  for (const one of looked) {
    const { id, mode, mayEnforce, finding } = one;
    const known = facts.drifting[id];
    if (finding.kind === "failed") {
      if (facts.failing[id] !== finding.comment) failed.push({ id, comment: finding.comment });
    } else if (finding.kind === "good") {
      if (known) healed.push({ id, since: known.since, by: healer(facts, one, healerOf) });
    } else {
      if (!known || known.digest !== finding.digest || known.mode !== mode) found.push({ ...one, finding });
      if (mayEnforce && !facts.stopped[id]) enforce.push(id);
    }
  }
  return { found, healed, failed, enforce };
}

function healer(
  { drifting, enforcing }: Facts,
  { id, entry }: Looked,
  healerOf: (id: string) => "job" | "somebody",
): Healer {
  if (drifting[id]?.entry !== entry) return "new-catalog";
  // An earlier process put it right, and was ended before it could say so.
  return enforcing.includes(id) ? "boma" : healerOf(id);
}

/** What another catalog makes of what is known: what it does not name, or names otherwise, begins anew. */
export function forgetOthers(facts: Facts, entries: ReadonlyMap<string, string>): Verdict["healed"] {
  const healed: Verdict["healed"][number][] = [];
  for (const [id, { since }] of Object.entries(facts.drifting))
    if (!entries.has(id)) {
      healed.push({ id, by: "new-catalog", since });
      delete facts.drifting[id];
    }
  for (const [id, { entry }] of Object.entries(facts.stopped))
    if (entries.get(id) !== entry) {
      delete facts.stopped[id];
      delete facts.reverts[id];
    }
  for (const kept of [facts.failing, facts.reverts])
    for (const id of Object.keys(kept)) if (!entries.has(id)) delete kept[id];
  facts.enforcing = facts.enforcing.filter((id) => entries.has(id));
  return healed;
}

export interface Loop {
  readonly reverts: number;
  readonly who: readonly string[];
}

/** Counts one revert; says when somebody and boma have undone each other often enough. */
export function countRevert(
  facts: Facts,
  { id, entry, who }: { readonly id: string; readonly entry: string; readonly who: readonly string[] },
  { now, reverts, withinMs }: { readonly now: number; readonly reverts: number; readonly withinMs: number },
): Loop | undefined {
  // A clock that was set counts as much as one that runs: what is far off in either direction is another time.
  const recent = (facts.reverts[id] ?? []).filter(({ at }) => Math.abs(now - at) <= withinMs);
  const all = [...recent, { at: now, who: [...who] }];
  facts.reverts[id] = all;
  if (all.length < reverts) return undefined;
  facts.stopped[id] = { reverts: all.length, at: now, entry };
  return { reverts: all.length, who: [...new Set(all.flatMap((one) => one.who))] };
}
