/** Changes as a report shows them: short, readable, and without a secret. */
import { createHash } from "node:crypto";

import type { Change, Changes } from "../changes.ts";
import type { Mask } from "./mask.ts";
import type { ReportedChange } from "./report.ts";
import { unifiedDiff } from "./text-diff.ts";

const SHORT_MAX = 200;
const STRUCTURE_MAX = 1000;
const SECRET = "(secret)";

export interface Veil {
  readonly mask: Mask;
  /** Whether a property may hold a secret, also an old one that nobody knows any more. */
  readonly isSecret: (property: string) => boolean;
}

export function presented(changes: Changes, { mask, isSecret }: Veil): Record<string, ReportedChange> {
  return Object.fromEntries(
    Object.entries(changes).map(([name, change]) => [
      mask.text(name),
      isSecret(name) ? veiled(change!) : shown(change!, mask),
    ]),
  );
}

const veiled = ({ from }: Change): ReportedChange => ({
  ...(from !== undefined && { from: SECRET }),
  to: SECRET,
});

function shown(change: Change, mask: Mask): ReportedChange {
  // Masked before it is compared: a secret of several lines would be cut up by the diff.
  const [from, to] = [plain(mask.value(change.from)), plain(mask.value(change.to))];
  if (isShort(from) && isShort(to))
    return { ...(from !== undefined && { from }), ...(to !== undefined && { to }) };
  return { diff: unifiedDiff(textOf(from), textOf(to)) };
}

/** As MessagePack and JSON can carry it. */
function plain(value: unknown): unknown {
  if (value instanceof Uint8Array)
    return `${value.length} bytes, sha256 ${createHash("sha256").update(value).digest("hex").slice(0, 12)}`;
  if (typeof value === "bigint" || typeof value === "symbol" || typeof value === "function")
    return String(value);
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map(plain);
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, plain(member)]));
}

function isShort(value: unknown): boolean {
  if (typeof value === "string") return value.length <= SHORT_MAX && !value.includes("\n");
  if (typeof value !== "object" || value === null) return true;
  return JSON.stringify(value).length <= STRUCTURE_MAX;
}

function textOf(value: unknown): string {
  if (value === undefined) return "";
  return typeof value === "string" ? value : `${JSON.stringify(value, undefined, 2)}\n`;
}
