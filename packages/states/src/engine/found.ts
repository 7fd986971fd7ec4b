/** What a check found, as plain data: it is compared, hashed, shown and applied, and none of that may trip over it. */
import { BomaError } from "@boma/protocol";

import type { Change, Changes } from "../changes.ts";

const DEPTH_MAX = 50;

/** A copy of what the check of this state gave. Throws `state/contract` where that is not changes. */
export function foundBy(state: string, given: unknown): Changes {
  const wrong = (what: string): BomaError =>
    new BomaError("state/contract", `the check of ${state} gave ${what}`, {
      hint: "A check gives a record of changes, each with `from` and `to` as plain data, or an empty record.",
    });
  if (!isRecord(given)) throw wrong("no record of changes");
  const changes: [string, Change][] = Object.entries(given).map(([name, change]) => {
    if (!isRecord(change) || !("to" in change || "from" in change))
      throw wrong(`something for ${name} that has neither \`from\` nor \`to\``);
    const plain = (value: unknown): unknown =>
      plainOf(value, () => wrong(`what is no plain data as ${name}`));
    return [name, { from: plain(change["from"]), to: plain(change["to"]) }];
  });
  return Object.fromEntries(changes);
}

/** Of other realms as well: a site's states may have their own `Object`. */
const isRecord = (value: unknown): value is Record<string, unknown> =>
  Object.prototype.toString.call(value) === "[object Object]";

function plainOf(value: unknown, wrong: () => BomaError, depth = 0): unknown {
  if (typeof value === "function" || typeof value === "symbol" || depth > DEPTH_MAX) throw wrong();
  if (typeof value !== "object" || value === null || value instanceof Uint8Array) return value;
  if (Array.isArray(value)) return value.map((member) => plainOf(member, wrong, depth + 1));
  if (!isRecord(value)) throw wrong();
  return Object.fromEntries(
    Object.entries(value).map(([key, member]) => [key, plainOf(member, wrong, depth + 1)]),
  );
}
