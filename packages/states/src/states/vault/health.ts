/** What Vault's health means. The status of the answer says it all; what is in it is for eyes. */
import { type HttpAnswer, isAnswered } from "../../host/http.ts";
import { type Cause, type Health, notReady, ready } from "../gate/define-gate.ts";

export const ROLES = ["active", "standby", "sealed", "uninitialised", "unfit", "down"] as const;
export type Role = (typeof ROLES)[number];

interface Meaning {
  readonly role: Role;
  readonly says: string;
  /** Why nobody can be served; none where it can. */
  readonly cause?: Cause;
}

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

export function healthOf(answer: HttpAnswer): Health {
  const { says, cause } = meaningOf(answer);
  return cause === undefined ? ready(says) : notReady(cause, says);
}
