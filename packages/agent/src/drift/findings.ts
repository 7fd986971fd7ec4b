/** What a plan over the kept catalog says of each declaration, in the words of drift. */
import { createHash } from "node:crypto";

import { pack } from "@boma/protocol";
import {
  type AnySpec,
  canDrift,
  type Catalog,
  type CatalogEntry,
  isDrift,
  type ReportedChange,
  sorted,
  type StateResult,
} from "@boma/states/core";

export type Finding =
  | { readonly kind: "good" }
  | { readonly kind: "drift"; readonly changes: Changes; readonly digest: string; readonly comment: string }
  /** It could not be looked at. */
  | { readonly kind: "failed"; readonly comment: string };
type Changes = Readonly<Record<string, ReportedChange>>;

/** By id; what was not looked at, or cannot be known before something else is so again, is not there. */
export function findingsOf(
  results: Iterable<StateResult>,
  { entries }: Catalog,
  states: Readonly<Record<string, AnySpec>>,
): ReadonlyMap<string, Finding> {
  const byId = new Map(entries.map((entry) => [entry.id, entry]));
  const findings = new Map<string, Finding>();
  for (const result of results) {
    const entry = byId.get(result.id);
    const spec = entry && states[entry.state];
    const finding = entry && spec && findingOf(result, entry, spec);
    if (finding) findings.set(result.id, finding);
  }
  return findings;
}

/** What this node's own policy never lets run was never made so either. */
const UNSEEN: ReadonlySet<string> = new Set<StateResult["result"]>(["refused", "unknown", "skipped"]);

function findingOf(result: StateResult, entry: CatalogEntry, spec: AnySpec): Finding | undefined {
  const { changes, comment, error } = result;
  if (!canDrift(entry, spec) || UNSEEN.has(result.result) || error?.code === "state/cancelled")
    return undefined;
  if (result.result === "failed") return { kind: "failed", comment: error?.message ?? comment };
  if (!isDrift(result, entry, spec)) return { kind: "good" };
  return { kind: "drift", changes: fitted(changes), digest: digestOf(changes), comment };
}

const digestOf = (value: unknown): string =>
  createHash("sha256")
    .update(pack(sorted(value)))
    .digest("hex")
    .slice(0, 16);

/** Where something was written is not part of what it says. */
export const entryDigest = (entry: CatalogEntry): string => digestOf({ ...entry, origin: undefined });

const PROPERTIES_MAX = 30;
const NAME_LENGTH_MAX = 128;
const TEXT_LENGTH_MAX = 8_000;
const VALUE_BYTES_MAX = 2_000;
const ALL_BYTES_MAX = 20_000;
const LEFT_OUT = "(left out: too long for an event)";

/** As an event can carry it. */
function fitted(changes: Changes): Changes {
  let left = ALL_BYTES_MAX;
  const kept = Object.entries(changes)
    .slice(0, PROPERTIES_MAX)
    .map(([name, change]) => {
      const small = shortened(change);
      const bytes = pack(small).length;
      left -= bytes;
      return [name.slice(0, NAME_LENGTH_MAX), left >= 0 ? small : { diff: LEFT_OUT }] as const;
    });
  return Object.fromEntries(kept);
}

function shortened({ diff, ...values }: ReportedChange): ReportedChange {
  const short = Object.entries(values).map(([name, value]) => [
    name,
    pack(value).length > VALUE_BYTES_MAX ? LEFT_OUT : value,
  ]);
  const text =
    diff !== undefined && diff.length > TEXT_LENGTH_MAX ? `${diff.slice(0, TEXT_LENGTH_MAX)}\n…` : diff;
  return { ...Object.fromEntries(short), ...(text !== undefined && { diff: text }) };
}
