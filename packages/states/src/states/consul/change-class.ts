/** Which of an agent's settings it takes up when it is told to, and which only when it starts. */
import { isSame } from "../../changes.ts";

export type ChangeClass = "none" | "reload" | "restart";
export type Settings = Readonly<Record<string, unknown>>;

/**
 * What Consul reads anew on a reload, by path. Everything else needs a restart, also what a later version may add:
 * one restart too many is better than a setting that everybody thinks is in force.
 */
const RELOADABLE: readonly string[] = [
  "acl.tokens.agent",
  "acl.tokens.agent_recovery",
  "acl.tokens.config_file_service_registration",
  "acl.tokens.default",
  "acl.tokens.dns",
  "acl.tokens.replication",
  "check",
  "checks",
  "discard_check_output",
  "dns_config",
  "limits.http_max_conns_per_client",
  "limits.rpc_client_timeout",
  "limits.rpc_max_burst",
  "limits.rpc_rate",
  "limits.request_limits",
  "log_level",
  "node_meta",
  "raft_snapshot_interval",
  "raft_snapshot_threshold",
  "raft_trailing_logs",
  "recursors",
  "service",
  "services",
  "telemetry.prefix_filter",
  "tls",
  "watches",
];

/** Settings that say nothing once the agent has a keyring of its own. */
const ONLY_A_SEED = "encrypt";

export interface Running {
  /** Its keyring is on the disk: the key in the settings was read once, and is not read again. */
  readonly hasKeyring: boolean;
}

export function changeClass(before: Settings, after: Settings, { hasKeyring }: Running): ChangeClass {
  const was = leavesOf(before);
  const is = leavesOf(after);
  const changed = [...new Set([...was.keys(), ...is.keys()])]
    .filter((path) => !isSame(was.get(path), is.get(path)))
    .filter((path) => !(hasKeyring && path === ONLY_A_SEED));
  if (changed.length === 0) return "none";
  return changed.every(isReloadable) ? "reload" : "restart";
}

const isReloadable = (path: string): boolean =>
  RELOADABLE.some((one) => path === one || path.startsWith(`${one}.`));

/** Every setting by its path, such as `ports.http`. */
export function leavesOf(settings: Settings, above = ""): Map<string, unknown> {
  const leaves = new Map<string, unknown>();
  for (const [name, value] of Object.entries(settings)) {
    const path = `${above}${name}`;
    const isRecord = typeof value === "object" && value !== null && !Array.isArray(value);
    if (!isRecord) leaves.set(path, value);
    else for (const [below, leaf] of leavesOf(value as Settings, `${path}.`)) leaves.set(below, leaf);
  }
  return leaves;
}

/** The same without what is not said; a part of which nothing is left goes too. */
export function without<T extends object>(settings: T): Settings {
  const kept: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(settings)) {
    const isRecord = typeof value === "object" && value !== null && !Array.isArray(value);
    const held: unknown = isRecord ? without(value as object) : value;
    const isEmpty = isRecord && Object.keys(held as object).length === 0;
    if (held !== undefined && !isEmpty) kept[name] = held;
  }
  return kept;
}
