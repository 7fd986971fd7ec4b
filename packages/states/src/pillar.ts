/** Data for nodes, chosen by what the master assigned. Written in `pillar/`, read by trees. */
import { BomaError, type Grains } from "@boma/protocol";
import type { z } from "zod";

import { isSecret, replaceSecrets } from "./secret.ts";

export type PillarData = Readonly<Record<string, unknown>>;
/** What pillar may depend on. A node's own claims are not among it: data follows what was assigned. */
export interface PillarKnown {
  readonly assigned: Grains;
  readonly node: { readonly id: string };
}
/** Data, a function that gives it, or the name of a file below pillar/. */
export type PillarSource = PillarData | ((known: PillarKnown) => PillarData) | string;

export interface PillarTop {
  readonly isPillarTop: true;
  readonly entries: readonly { readonly target: string; readonly sources: readonly PillarSource[] }[];
}

/** `export default pillarTop({ "*": [common], "env:prod": [prod] })`; a later entry wins over an earlier one. */
export const pillarTop = (
  entries: Readonly<Record<string, PillarSource | readonly PillarSource[]>>,
): PillarTop => ({
  isPillarTop: true,
  entries: Object.entries(entries).map(([target, sources]) => ({
    target,
    sources: Array.isArray(sources)
      ? (sources as readonly PillarSource[])
      : [sources as Exclude<typeof sources, readonly PillarSource[]>],
  })),
});

/** Reads data by a schema that knows nothing of secrets: to it each is a text, and in what it gives they are whole again. */
export function readPillarBy<S extends z.ZodType>(
  schema: S,
  data: unknown,
): z.ZodSafeParseResult<z.output<S>> {
  const read = schema.safeParse(replaceSecrets(data, () => "(secret)"));
  return read.success ? { ...read, data: withSecretsOf(data, read.data) as z.output<S> } : read;
}

function withSecretsOf(written: unknown, read: unknown): unknown {
  if (isSecret(written)) return written;
  if (typeof written !== "object" || written === null || typeof read !== "object" || read === null)
    return read;
  if (Array.isArray(written))
    return Array.isArray(read) ? read.map((member, at) => withSecretsOf(written[at], member)) : read;
  const members = Object.entries(read).map(([name, member]) => [
    name,
    Object.hasOwn(written, name) ? withSecretsOf((written as PillarData)[name], member) : member,
  ]);
  return Object.fromEntries(members) as PillarData;
}

/** A value as it may be shown: secrets as references. */
export function showPillar(value: unknown): unknown {
  return replaceSecrets(value, (reference) => `(secret ${reference})`);
}

export function assertPillarTop(value: unknown): asserts value is PillarTop {
  if (typeof value === "object" && value !== null && (value as PillarTop).isPillarTop) return;
  throw new BomaError("site/pillar", "the default export of pillar/top.ts is not what `pillarTop` gives", {
    hint: 'Write `export default pillarTop({ "*": [common] })`.',
  });
}
