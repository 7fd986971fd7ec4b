/** With whom a restart takes turns, and who knows what this node is among them. */
import { z } from "zod";

const DOMAIN = /^[A-Za-z0-9][A-Za-z0-9._:=@\\/-]{0,199}$/;

export const Domain = z
  .string()
  .regex(DOMAIN, "a failure domain such as `consul/dc1`: letters, digits and `._:=@/-`, at most 200");

const FunctionName = z
  .string()
  .regex(/^[a-z][a-z0-9-]*\.[a-z][a-z0-9-]*$/, "the name of a function such as `consul.role`");

/** A function such as `consul.role`, or a command that prints `{"role": …, "safe": …, "why": …}`. */
export const RoleSource = z.union([
  FunctionName,
  z.strictObject({ function: FunctionName, args: z.record(z.string(), z.unknown()).default({}) }),
  z.strictObject({ command: z.array(z.string().min(1).max(4096)).min(1).max(64) }),
]);
export type RoleSource = z.output<typeof RoleSource>;

/** What a refresh of a declaration restarts, and what that is a part of. */
export interface Restarts {
  readonly unit: string;
  readonly domain: string;
  readonly role?: RoleSource | undefined;
}

/** What a node is in its domain, and whether that stays at work while it restarts. */
export const NodeRole = z.object({
  role: z.string().min(1).max(64),
  safe: z.boolean(),
  why: z.string().max(2000),
});
export type NodeRole = z.output<typeof NodeRole>;

/** Those who lead go last: whoever is restarted before them must not need a new one twice. */
const LEADS: ReadonlySet<string> = new Set(["leader", "active", "primary", "master"]);
export const leads = ({ role }: Pick<NodeRole, "role">): boolean => LEADS.has(role);
