// What the trees of Consul, Vault and Nomad have in common.
import { BomaError, secret } from "@boma/states";

import type { PillarData } from "../pillar/schema.ts";

type Cluster = Pick<PillarData, "cluster">;

/** Each cluster has secrets of its own, which the master makes when they are first needed. */
export const made = ({ cluster }: Cluster, name: string, how: string) =>
  secret(`gen:${cluster}/${name}?${how}`);

export const tokenOf = (cluster: Cluster, name: string) => made(cluster, name, "enc=uuid");

/** The address that a machine has on the local network, as Consul and Nomad find it themselves. */
export const lanAddress = ({ lan }: PillarData): string =>
  `{{ GetAllInterfaces | include "network" "${lan.network}" | attr "address" }}`;

export const hasRole = (assigned: Readonly<Record<string, unknown>>, role: string): boolean =>
  [assigned["role"]].flat().includes(role);

/** Of a machine that nobody has assigned it to, jobs would look for `undefined`. */
export function assignedWord(assigned: Readonly<Record<string, unknown>>, name: string): string {
  const word = assigned[name];
  if (typeof word === "string") return word;
  throw new BomaError("state/params", `nobody has assigned one \`${name}\` to this machine`, {
    hint: `boma-master assign NODE ${name}=…`,
  });
}

/** What is another node's to make may not be there yet. */
export const patient = { attempts: 60, interval: "2s" };
