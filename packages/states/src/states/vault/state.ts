/** How a Vault is, by what it says to everybody: what a restart of it, or of a peer, has to know. */
import type { ReadHost } from "../../host/host.ts";
import { type HttpAnswer, isAnswered, jsonOf } from "../../host/http.ts";
import { look, type Place } from "./api.ts";
import { type Role, togetherOf } from "./health.ts";

export interface VaultState {
  readonly role: Role;
  readonly says: string;
  readonly version: string | null;
  readonly seal: string | null;
  readonly storage: string | null;
  /** How many shares it takes, and how many it has been given since it was started. */
  readonly threshold: number | null;
  readonly progress: number | null;
  readonly ha: boolean;
  readonly leader: string | null;
  /** How far behind the cluster this one is, in entries of raft; `null` where that cannot be said. */
  readonly behind: number | null;
  readonly restart: Restart;
}

/** Whether it may be restarted now, and what has to be done first. */
export interface Restart {
  readonly safe: boolean;
  readonly why: string;
}

interface SealStatus {
  readonly type?: string;
  readonly sealed?: boolean;
  readonly t?: number;
  readonly progress?: number;
  readonly version?: string;
  readonly storage_type?: string;
}
interface Leader {
  readonly ha_enabled?: boolean;
  readonly leader_address?: string;
  readonly raft_committed_index?: number;
  readonly raft_applied_index?: number;
}

export async function stateOf(want: Place, host: Pick<ReadHost, "http">): Promise<VaultState> {
  const health = await look(want, "sys/health", host);
  const leader = await look(want, "sys/leader", host);
  const { role, says } = togetherOf(health, leader);
  const seal = bodyOf<SealStatus>(await look(want, "sys/seal-status", host));
  const leads = bodyOf<Leader>(leader);
  const ha = leads.ha_enabled === true;
  const { raft_committed_index: committed, raft_applied_index: applied } = leads;
  return {
    role,
    says,
    version: seal.version ?? null,
    seal: seal.type ?? null,
    storage: seal.storage_type ?? null,
    threshold: seal.t ?? null,
    progress: seal.progress ?? null,
    ha,
    leader: leads.leader_address || null,
    behind: committed === undefined || applied === undefined ? null : Math.max(0, committed - applied),
    restart: restartOf(role, {
      ha,
      opensItself: seal.type !== undefined && seal.type !== "shamir",
      says,
    }),
  };
}

/** Those who stand by first, then the active one, when it has stepped down. What people open is theirs to restart. */
export function restartOf(
  role: Role,
  { ha, opensItself, says }: { readonly ha: boolean; readonly opensItself: boolean; readonly says: string },
): Restart {
  if (role === "down" || role === "uninitialised") return { safe: true, why: "it serves nobody now" };
  if (role === "sealed") return { safe: true, why: "it is sealed already" };
  if (role === "unfit") return { safe: false, why: `look at this first: ${says}` };
  if (!opensItself)
    return {
      safe: false,
      why: "it stays sealed after a restart until its holders open it: have them at hand",
    };
  if (role === "standby") return { safe: true, why: "it stands by" };
  return ha
    ? { safe: false, why: "it is active: restart those that stand by first, then `vault.step-down`" }
    : { safe: false, why: "nobody stands by: whoever asks it meanwhile is refused" };
}

function bodyOf<T extends object>(answer: HttpAnswer): Partial<T> {
  if (!isAnswered(answer) || answer.status !== 200) return {};
  return jsonOf<Partial<T>>(answer);
}
