/** Who may do what: one function answers, whatever the entry. */
import { BomaError, NodeKey, parseTarget, PublicKey, selectNodes, type TargetNode } from "@boma/protocol";
import { z } from "zod";

import { globs } from "./globs.ts";

/** Which functions an operator may run, and on which nodes. */
const RunRight = z.strictObject({
  functions: z.array(z.string().min(1).max(128)).min(1).max(64),
  target: z.string().min(1),
});

export const Rights = z.strictObject({
  /** Everything, other operators included. */
  admin: z.boolean(),
  /** See nodes, grains, jobs and events. */
  read: z.boolean(),
  run: z.array(RunRight).max(64),
});
export type Rights = z.output<typeof Rights>;

export const OperatorRecord = z.strictObject({
  key: NodeKey,
  name: z.string().regex(/^[a-z0-9][a-z0-9._-]{0,62}$/, "an operator's name matches [a-z0-9][a-z0-9._-]*"),
  sign: PublicKey,
  rights: Rights,
  addedAt: z.number(),
  addedBy: z.string(),
});
export type OperatorRecord = z.output<typeof OperatorRecord>;

export type Needed =
  | { readonly right: "none" | "read" | "admin" }
  | { readonly right: "run"; readonly function: string; readonly nodes: readonly TargetNode[] };

/** Throws, with the reason, where the operator's rights do not cover what is needed. */
export function authorise({ name, rights }: OperatorRecord, needed: Needed): void {
  if (rights.admin || needed.right === "none") return;
  if (needed.right === "read" && rights.read) return;
  if (needed.right !== "run")
    throw new BomaError("operator/denied", `${name} may not do this: it needs the right to ${needed.right}`);
  const usable = rights.run.filter(({ functions }) => globs(functions)(needed.function));
  if (usable.length === 0)
    throw new BomaError("operator/denied", `${name} may not run ${needed.function} anywhere`);
  const allowed = new Set(
    usable.flatMap(({ target }) => selectNodes(parseTarget(target), needed.nodes).matched),
  );
  const outside = needed.nodes.filter(({ id }) => !allowed.has(id)).map(({ id }) => id);
  if (outside.length === 0) return;
  const more = outside.length > 5 ? ` and ${outside.length - 5} more` : "";
  throw new BomaError(
    "operator/denied",
    `${name} may not run ${needed.function} on ${outside.slice(0, 5).join(", ")}${more}`,
  );
}
