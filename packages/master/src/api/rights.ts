/** Who may do what: one function answers, whatever the entry. */
import {
  BomaError,
  EVENT_KINDS,
  NodeKey,
  parseTarget,
  PublicKey,
  selectNodes,
  type TargetNode,
} from "@boma/protocol";
import { z } from "zod";

import { globs } from "./globs.ts";

/** Which functions an operator may run, and on which nodes. */
const RunRight = z.strictObject({
  functions: z.array(z.string().min(1).max(128)).min(1).max(64),
  target: z.string().min(1),
});

/** Which assigned grains an operator may change, and of which nodes. */
const AssignRight = z.strictObject({
  grains: z.array(z.string().min(1).max(63)).min(1).max(64),
  target: z.string().min(1),
});

export const Rights = z.strictObject({
  /** Everything, other operators included. */
  admin: z.boolean(),
  /** See nodes, grains, jobs and events. */
  read: z.boolean(),
  run: z.array(RunRight).max(64),
  /** Change assigned grains, for those who may not do everything. */
  assign: z.array(AssignRight).max(64).optional(),
  /** Events of these kinds only, for those who may not see everything: `job.*`, `drift.found`. */
  events: z.array(z.string().min(1).max(128)).max(64).default([]),
  /** Serve machines that boot: be given tokens for those whose window is open, and say what was seen of them. */
  netboot: z.boolean().optional(),
  /** Read the audit. */
  audit: z.boolean().default(false),
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
  | { readonly right: "none" | "read" | "audit" | "admin" | "netboot" }
  | { readonly right: "events"; readonly patterns: readonly string[] }
  | { readonly right: "assign"; readonly grains: readonly string[]; readonly nodes: readonly TargetNode[] }
  | { readonly right: "run"; readonly function: string; readonly nodes: readonly TargetNode[] };

/** Throws, with the reason, where the operator's rights do not cover what is needed. */
export function authorise({ name, rights }: Pick<OperatorRecord, "name" | "rights">, needed: Needed): void {
  if (rights.admin || needed.right === "none") return;
  if (needed.right === "read" && rights.read) return;
  if (needed.right === "audit" && rights.audit) return;
  if (needed.right === "netboot" && rights.netboot) return;
  if (needed.right === "events") return authoriseEvents({ name, rights }, needed.patterns);
  if (needed.right === "run") {
    const usable = rights.run.filter(({ functions }) => globs(functions)(needed.function));
    return authoriseNodes(`${name} may not run ${needed.function}`, usable, needed.nodes);
  }
  if (needed.right !== "assign")
    throw new BomaError("operator/denied", `${name} may not do this: it needs the right to ${needed.right}`);
  const { assign = [] } = rights;
  for (const grain of needed.grains) {
    const usable = assign.filter(({ grains }) => globs(grains)(grain));
    authoriseNodes(`${name} may not assign ${grain}`, usable, needed.nodes);
  }
}

/** Every node must be one that a usable right's target means. */
function authoriseNodes(
  refusal: string,
  usable: readonly { readonly target: string }[],
  nodes: readonly TargetNode[],
): void {
  if (usable.length === 0) throw new BomaError("operator/denied", `${refusal} anywhere`);
  const allowed = new Set(usable.flatMap(({ target }) => selectNodes(parseTarget(target), nodes).matched));
  const outside = nodes.filter(({ id }) => !allowed.has(id)).map(({ id }) => id);
  if (outside.length === 0) return;
  const more = outside.length > 5 ? ` and ${outside.length - 5} more` : "";
  throw new BomaError("operator/denied", `${refusal} on ${outside.slice(0, 5).join(", ")}${more}`);
}

/** Every kind that is asked for must be one that is allowed. */
function authoriseEvents(
  { name, rights }: Pick<OperatorRecord, "name" | "rights">,
  patterns: readonly string[],
): void {
  if (rights.read) return;
  const allowed = globs(rights.events);
  const asked = globs(patterns);
  const outside = EVENT_KINDS.filter((kind) => asked(kind) && !allowed(kind));
  if (outside.length === 0 && rights.events.length > 0) return;
  throw new BomaError("operator/denied", `${name} may not read events of the kind ${outside[0] ?? "*"}`, {
    hint: rights.events.length > 0 ? `It may read ${rights.events.join(", ")}.` : "",
  });
}
