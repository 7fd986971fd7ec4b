/** A tree is a function from what is known about a machine to what should be true of it. */
import { BomaError, type Grains } from "@boma/protocol";
import { z } from "zod";

import type { Declaration } from "./declaration.ts";
import { readPillarBy } from "./pillar.ts";

export interface Known<P = unknown> {
  /** What the node says of itself. Trees may branch on it; targets of top.ts may not. */
  readonly grains: Grains;
  /** What the master assigned: env, role, profile, site, and whatever else. */
  readonly assigned: Grains;
  readonly node: { readonly id: string };
  readonly pillar: P;
}

type Part = Declaration | false | null | undefined | readonly Part[];
type Build<P> = (known: Known<P>) => Part;
export type Tree = ((known: Known) => readonly Declaration[]) & { readonly isTree: true };

export function tree(build: Build<Record<string, unknown>>): Tree;
export function tree<P extends z.ZodType>(pillar: P, build: Build<z.output<P>>): Tree;
export function tree(...args: readonly [Build<never>] | readonly [z.ZodType, Build<never>]): Tree {
  const [schema, build] = args.length === 1 ? [undefined, args[0]] : args;
  const call = (known: Known): readonly Declaration[] => {
    const pillar = schema ? readPillar(schema, known) : known.pillar;
    return flatten(build({ ...known, pillar } as Known<never>));
  };
  return Object.assign(call, { isTree: true as const });
}

function readPillar(schema: z.ZodType, { pillar, node }: Known): unknown {
  const read = readPillarBy(schema, pillar);
  if (read.success) return read.data;
  throw new BomaError(
    "site/pillar",
    `the pillar of ${node.id} is not what the tree wants:\n${z.prettifyError(read.error)}`,
    {
      hint: `\`boma-master pillar show ${node.id}\` shows each value and where it comes from.`,
      cause: read.error,
    },
  );
}

/** A tree's parts as one list; what is `false`, `null` or `undefined` is left out. */
export function flatten(part: Part): readonly Declaration[] {
  if (part === false || part === null || part === undefined) return [];
  if (Array.isArray(part)) return part.flatMap((member: Part) => flatten(member));
  return [part as Declaration];
}

/** `top.ts`: which trees are for whom. Targets see assigned grains and ids only. */
export interface Top {
  readonly isTop: true;
  readonly entries: readonly { readonly target: string; readonly trees: readonly (Tree | string)[] }[];
}

/** `export default top({ "*": [base], "env:dev and role:web": [web] })`; a text names a tree below states/. */
export const top = (entries: Readonly<Record<string, Tree | string | readonly (Tree | string)[]>>): Top => ({
  isTop: true,
  entries: Object.entries(entries).map(([target, trees]) => ({ target, trees: [trees].flat() })),
});
