/** What Vault's health means. The status of the answer says it all; what is in it is for eyes. */
import { type HttpAnswer, isAnswered, jsonOf } from "../../host/http.ts";
import { type Cause, type Health, notReady, ready } from "../gate/define-gate.ts";

export const ROLES = ["active", "standby", "sealed", "uninitialised", "unfit", "down"] as const;
export type Role = (typeof ROLES)[number];

export interface Meaning {
  readonly role: Role;
  readonly says: string;
  /** Why nobody can be served; none where it can. */
  readonly cause?: Cause;
}

/** It looks whether it can read what it keeps. */
const BROKEN = 500;
const SAID_MAX = 300;

const MEANINGS: Readonly<Record<number, Meaning>> = {
  200: { role: "active", says: "it is open and active" },
  429: { role: "standby", says: "it is open and stands by" },
  472: {
    role: "unfit",
    says: "it is a secondary for disaster recovery, which serves nobody",
    cause: "misconfigured",
  },
  473: { role: "standby", says: "it is open and stands by for reads" },
  474: { role: "unfit", says: "it stands by and cannot reach the active one", cause: "contended" },
  500: { role: "unfit", says: "it cannot read its storage", cause: "down" },
  501: { role: "uninitialised", says: "it was never initialised", cause: "misconfigured" },
  503: { role: "sealed", says: "it is sealed", cause: "sealed" },
  530: { role: "unfit", says: "it was removed from its cluster", cause: "misconfigured" },
};

export function meaningOf(answer: HttpAnswer): Meaning {
  if (!isAnswered(answer)) return { role: "down", says: answer.why, cause: "down" };
  return (
    MEANINGS[answer.status] ?? { role: "unfit", says: `it answers ${answer.status}`, cause: "misconfigured" }
  );
}

/** What its health and what it says of its leader mean together: to stand by for nobody is to serve nobody. */
export function togetherOf(health: HttpAnswer, leader: HttpAnswer): Meaning {
  const meaning = meaningOf(health);
  if (isAnswered(health) && health.status === BROKEN)
    return { ...meaning, says: `${meaning.says}: ${saidIn(health) || saidIn(leader) || "it says no more"}` };
  if (meaning.role !== "standby" || !isAnswered(leader) || leader.status !== 200) return meaning;
  const { ha_enabled: ha, leader_address: address } = jsonOf<Leader>(leader);
  if (ha !== true || (address ?? "") !== "") return meaning;
  return { role: "unfit", says: "it is open and stands by, and nobody is active", cause: "down" };
}

/** The words of an error; for its health Vault often has none, and says it with the next question. */
function saidIn(answer: HttpAnswer): string {
  if (!isAnswered(answer) || answer.status !== BROKEN) return "";
  try {
    const { errors } = JSON.parse(answer.body) as { readonly errors?: readonly unknown[] };
    return (errors ?? []).join("; ").slice(0, SAID_MAX);
  } catch {
    return "";
  }
}

interface Leader {
  readonly ha_enabled?: boolean;
  readonly leader_address?: string;
}

export const healthOf = ({ says, cause }: Meaning): Health =>
  cause === undefined ? ready(says) : notReady(cause, says);
