import { z } from "zod";

import { BomaError } from "../errors.ts";
import { Grains } from "../grains.ts";
import { NodeId } from "../ids.ts";
import { NESTING_DEPTH_MAX } from "../limits.ts";
import { showable } from "./fault.ts";
import type { Nodegroups, TargetNode } from "./match.ts";
import { parseNodegroups } from "./nodegroups.ts";

const InventoryNode = z.strictObject({
  grains: Grains.optional(),
  assigned: Grains.optional(),
  pillar: Grains.optional(),
});
export const InventoryFile = z.strictObject({
  nodes: z.record(NodeId, InventoryNode),
  nodegroups: z.record(z.string(), z.string("a nodegroup is a target expression")).optional(),
});

export interface Inventory {
  readonly nodes: readonly TargetNode[];
  readonly nodegroups: Nodegroups;
}

/** Around the grains stand the file, its nodes and the node. */
const DEPTH_MAX = NESTING_DEPTH_MAX + 4;

/** Nodes and nodegroups from a JSON file, to evaluate a target without a master. */
export function parseInventory(json: unknown): Inventory {
  if (isDeeperThan(json, DEPTH_MAX)) throw unfit("", `it is nested deeper than ${NESTING_DEPTH_MAX} levels`);
  const read = InventoryFile.safeParse(json);
  if (!read.success) throw unfitIssue(read.error.issues[0]!);
  const nodes = Object.entries(read.data.nodes).map(([id, node]): TargetNode => {
    // Whoever wrote only grains, as one would for Salt, means them to answer for both.
    return { id, grains: node.grains, assigned: node.assigned ?? node.grains, pillar: node.pillar };
  });
  return { nodes, nodegroups: parseNodegroups(read.data.nodegroups ?? {}) };
}

const HINT =
  'It looks like {"nodes": {ID: {"grains": {…}, "assigned": {…}, "pillar": {…}}}, "nodegroups": {NAME: EXPR}}.';

function unfit(where: string, what: string): BomaError {
  const place = where === "" ? "the inventory" : `the inventory, at ${where}`;
  return new BomaError("usage/file", `${place}: ${what}`, { hint: HINT });
}

function unfitIssue(issue: z.core.$ZodIssue): BomaError {
  const where = showable(issue.path.map(String).join(".").slice(0, 200));
  if (issue.code === "invalid_key") return unfit(where, issue.issues[0]?.message ?? issue.message);
  if (issue.code === "invalid_union") {
    return unfit(where, "expected text, a number, true, false, null, a list or a map, none too large");
  }
  return unfit(where, showable(issue.message));
}

/** Looked at before anything recursive sees the data. */
function isDeeperThan(json: unknown, levels: number): boolean {
  let level: unknown[] = [json];
  for (let depth = 0; level.length > 0; depth++) {
    if (depth > levels) return true;
    level = level.flatMap((value) =>
      typeof value === "object" && value !== null ? Object.values(value) : [],
    );
  }
  return false;
}
