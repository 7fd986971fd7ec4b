/** Digests of what a plan found: an apply that is bound to a plan finds the same, or says what moved. */
import { createHash } from "node:crypto";

import { pack } from "@boma/protocol";

import { type Catalog, type CatalogEntry, sorted } from "../catalog/catalog.ts";
import { secretsIn } from "../secret.ts";
import type { Outcome } from "./outcome.ts";
import type { RunReport, StateResult } from "./report.ts";

const DIGEST_CHARS = 16;

const sha256 = (value: unknown): string =>
  createHash("sha256")
    .update(pack(sorted(value)))
    .digest("hex");

/** Of one result. For a property that holds a secret its references and the keyed tags of their values stand in. */
export function outcomeDigest(
  entry: CatalogEntry,
  { result, changes, refreshed = false }: Outcome,
  { secrets }: Catalog,
  isSecret: (property: string) => boolean,
): string {
  if (result === "ok" && !refreshed) return "ok";
  const found = Object.entries(changes).map(([name, change]) => {
    if (!isSecret(name)) return [name, { from: change?.from, to: change?.to }];
    const written = entry.params[name] ?? entry.params;
    return [name, { written, tags: secretsIn(written).map((reference) => secrets[reference]) }];
  });
  return sha256([result, refreshed, Object.fromEntries(found)]).slice(0, DIGEST_CHARS);
}

/** Of a whole plan: every declaration in its order, with what came of it. */
export const planHash = (results: readonly Pick<StateResult, "id" | "result" | "digest">[]): string =>
  sha256(results.map(({ id, result, digest = "" }) => [id, result, digest]));

/** What an apply can be bound to: a digest for each declaration of a plan. */
export const planDigests = ({ results }: RunReport): Record<string, string> =>
  Object.fromEntries(results.map(({ id, digest = "" }) => [id, digest]));

/** The declarations that are not as they were in the plan. What a report had no room for was in order. */
export function movedSince(digests: Readonly<Record<string, string>>, now: RunReport): readonly string[] {
  const present = planDigests(now);
  const ids = new Set([...Object.keys(present), ...Object.keys(digests)]);
  const of = (from: Readonly<Record<string, string>>, id: string): string =>
    Object.hasOwn(from, id) ? from[id]! : "ok";
  return [...ids].filter((id) => of(present, id) !== of(digests, id));
}
