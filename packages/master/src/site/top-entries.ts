/** Whom an entry of top.ts or of the pillar is for: by id and by what was assigned, never by what a node claims. */
import {
  ASSIGNED_ONLY,
  BomaError,
  closest,
  compileTarget,
  type Matcher,
  type Nodegroups,
  parseTarget,
  printTarget,
  type Target,
} from "@boma/protocol";

import type { NodeInput } from "./child-words.ts";
import { type Place, SiteError } from "./site-error.ts";
import { literalIn, type SitePaths } from "./site-paths.ts";

export interface Entry<V> {
  readonly target: string;
  readonly values: readonly V[];
  readonly matches: (node: Pick<NodeInput, "id" | "assigned">) => boolean;
}

export interface World {
  readonly paths: SitePaths;
  readonly nodegroups: Nodegroups;
}

/** Reads an entry's target; what is wrong with it is told at its place in the file. */
export function compileEntry<V>(world: World, file: string, target: string, values: readonly V[]): Entry<V> {
  const { paths, nodegroups } = world;
  const place: Place = { file, ...literalIn(paths.read(file), target) };
  let matcher: Matcher;
  try {
    const parsed = parseTarget(target);
    refuseClaims(parsed, nodegroups, []);
    matcher = compileTarget(parsed, { nodegroups });
  } catch (thrown) {
    if (!(thrown instanceof BomaError)) throw thrown;
    const code = thrown instanceof SiteError ? thrown.code : "site/target";
    throw new SiteError(code, thrown.message, { place, hint: thrown.hint });
  }
  return { target, values, matches: ({ id, assigned }) => matcher({ id, assigned, grains: {} }) === "yes" };
}

function refuseClaims(target: Target, groups: Nodegroups, through: readonly string[]): void {
  switch (target.kind) {
    case "and":
    case "or":
      for (const part of target.targets) refuseClaims(part, groups, through);
      return;
    case "not":
      return refuseClaims(target.target, groups, through);
    case "nodegroup": {
      const group = groups.get(target.name);
      // A group that is missing or loops is told by the matcher, with what was meant.
      if (group && !through.includes(target.name)) refuseClaims(group, groups, [...through, target.name]);
      return;
    }
    case "subnet":
      throw claimed(target, "an address", through);
    case "pillar-glob":
    case "pillar-regex":
      throw new SiteError(
        "site/target",
        `${printTarget(target)} asks for pillar, which is chosen by such targets itself`,
        {
          hint: "Ask for an assigned grain instead.",
        },
      );
    case "compare":
      return refuseClaimed(target, target.namespace, target.path.split(":")[0]!, through);
    case "grain-glob":
    case "grain-regex":
      return refuseClaimed(target, target.namespace, target.text.split(target.delimiter)[0]!, through);
    case "id-glob":
    case "id-regex":
    case "id-list":
      return;
  }
}

function refuseClaimed(
  target: Target,
  namespace: "either" | "assigned" | "claimed",
  head: string,
  through: readonly string[],
): void {
  const own = (ASSIGNED_ONLY as readonly string[]).includes(head);
  if (namespace === "assigned" || (namespace === "either" && own)) return;
  throw claimed(target, `\`${head}\``, through, head);
}

function claimed(target: Target, what: string, through: readonly string[], head?: string): SiteError {
  const group = through.length === 0 ? "" : ` (in nodegroup ${through.join(" → ")})`;
  const meant = head === undefined ? undefined : closest(head, ASSIGNED_ONLY);
  return new SiteError(
    "site/target",
    `${printTarget(target)} asks for ${what}, which a node claims of itself${group}`,
    {
      hint:
        meant !== undefined && meant !== head
          ? `Did you mean \`${meant}\`?`
          : head === undefined
            ? "Assign the nodes a grain and ask for that, or branch on the claim inside a tree."
            : `Assign it and write \`assigned.${head}\`, or branch on the claim inside a tree: \`grains.${head}\`.`,
    },
  );
}
