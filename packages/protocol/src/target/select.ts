import type { Target } from "./expression.ts";
import { compileTarget, type Nodegroups, type TargetNode } from "./match.ts";

export interface Selection {
  readonly matched: readonly string[];
  /** Nodes that may or may not match: the data that would decide it is missing. */
  readonly unknown: readonly string[];
}

/** The ids of the nodes that a target means, and of those about which too little is known. */
export function selectNodes(target: Target, nodes: Iterable<TargetNode>, nodegroups?: Nodegroups): Selection {
  const matcher = compileTarget(target, { nodegroups });
  const matched: string[] = [];
  const unknown: string[] = [];
  for (const node of nodes) {
    const verdict = matcher(node);
    if (verdict === "yes") matched.push(node.id);
    else if (verdict === "unknown") unknown.push(node.id);
  }
  return { matched: matched.toSorted(byUnits), unknown: unknown.toSorted(byUnits) };
}

/** The same order on every machine, whatever its locale. */
const byUnits = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
