/** What a change of the configuration takes: a restart, which jobs outlive, or a client that runs no jobs. */
import { changedIn, isAmong, type Settings } from "../daemon/settings.ts";

export type ChangeClass = "none" | "restart" | "disruptive";

/** Who the client is, and what its tasks are run with: what runs could not be taken up again, or would stand elsewhere. */
const DISRUPTIVE: readonly string[] = [
  "client.cni_path",
  "client.enabled",
  "client.node_pool",
  "data_dir",
  "datacenter",
  "name",
  "plugin",
  "region",
];

export function changeClass(before: Settings, after: Settings): ChangeClass {
  const changed = changedIn(before, after);
  if (changed.length === 0) return "none";
  return changed.some(isDisruptive) ? "disruptive" : "restart";
}

/** The settings that make it so, for those who ask why. */
export const disruptiveIn = (before: Settings, after: Settings): readonly string[] =>
  changedIn(before, after).filter(isDisruptive);

const isDisruptive = (path: string): boolean => isAmong(path, DISRUPTIVE);
