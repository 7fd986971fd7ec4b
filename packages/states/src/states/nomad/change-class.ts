/** What a change of the configuration takes: a restart, which jobs outlive, or a client that runs no jobs. */
import { isSame } from "../../changes.ts";
import { leavesOf, type Settings } from "../consul/change-class.ts";

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

function changedIn(before: Settings, after: Settings): readonly string[] {
  const was = leavesOf(before);
  const is = leavesOf(after);
  return [...new Set([...was.keys(), ...is.keys()])].filter((path) => !isSame(was.get(path), is.get(path)));
}

const isDisruptive = (path: string): boolean =>
  DISRUPTIVE.some((one) => path === one || path.startsWith(`${one}.`));
