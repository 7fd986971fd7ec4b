/** When two collections are the same, and whether they fit into a message. */
import { createHash } from "node:crypto";

import { GRAINS_BYTES_MAX, pack, type Grains, type GrainValue } from "@boma/protocol";

const REVISION_LENGTH = 16;

/** The same grains have the same revision, in whatever order they came: unchanged ones are not sent again. */
export const grainsRevision = (grains: Grains): string =>
  createHash("sha256").update(canonical(grains)).digest("hex").slice(0, REVISION_LENGTH);

function canonical(value: GrainValue): string {
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  if (isList(value)) return `[${value.map(canonical).join(",")}]`;
  const pairs = Object.keys(value)
    .toSorted()
    .map((key) => `${JSON.stringify(key)}:${canonical(value[key] ?? null)}`);
  return `{${pairs.join(",")}}`;
}

// Array.isArray does not tell a readonly list from a map for the compiler.
const isList = (value: object): value is readonly GrainValue[] => Array.isArray(value);

/** What these grains weigh in a message. */
export const sizeOf = (grains: GrainValue): number => pack(grains).byteLength;

export interface Fitted {
  readonly grains: Grains;
  /** Keys left out, largest first. */
  readonly dropped: readonly { readonly key: string; readonly bytes: number }[];
}

/**
 * What is too large for a message would silence the node altogether, so the
 * largest custom grains give way first, and core grains only after all of those.
 */
export function fitGrains(core: Grains, custom: Grains, bytesMax = GRAINS_BYTES_MAX): Fitted {
  const weigh = (grains: Grains) =>
    Object.keys(grains)
      .map((key) => ({ key, bytes: sizeOf({ [key]: grains[key] ?? null }) }))
      .toSorted((left, right) => right.bytes - left.bytes);
  let grains: Grains = { ...core, ...custom };
  const dropped: { key: string; bytes: number }[] = [];
  for (const heavy of [...weigh(custom), ...weigh(core)]) {
    if (sizeOf(grains) <= bytesMax) break;
    const { [heavy.key]: _dropped, ...rest } = grains;
    grains = rest;
    dropped.push(heavy);
  }
  return { grains, dropped };
}
