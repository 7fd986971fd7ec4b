/** Which of an agent's settings it takes up when it is told to, and which only when it starts. */
import { changedIn, isAmong, type Settings } from "../daemon/settings.ts";

export type ChangeClass = "none" | "reload" | "restart";

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
  const changed = changedIn(before, after).filter((path) => !(hasKeyring && path === ONLY_A_SEED));
  if (changed.length === 0) return "none";
  return changed.every(isReloadable) ? "reload" : "restart";
}

const isReloadable = (path: string): boolean => isAmong(path, RELOADABLE);
