/** What the package says of an upgrade to the agents that it stops and starts. */
import { access, rm } from "node:fs/promises";
import { join } from "node:path";

import { readIfThere } from "../files.ts";

const UPGRADE_DIR = "/var/lib/boma/upgrade";
const WORDS_MAX = 128;
/** Together with what a stop takes anyhow it is less than the unit's TimeoutStopSec. */
const PATIENCE_MS = 8_000;

export interface RolledBack {
  /** The version that did not work. */
  readonly from: string;
  /** The one that runs again. */
  readonly to: string;
  readonly why: string;
}

/** Why this version runs again: told once, as an event. Lines of `key=value`, for a shell script writes them. */
export async function readRolledBack(dir = UPGRADE_DIR): Promise<RolledBack | undefined> {
  const bytes = await readIfThere(join(dir, "rolled-back"));
  if (!bytes) return undefined;
  const said = new Map(
    bytes
      .toString()
      .split("\n")
      .map((line) => [line.split("=", 1)[0]!, line.slice(line.indexOf("=") + 1)] as const),
  );
  const word = (name: string): string => (said.get(name) ?? "").slice(0, WORDS_MAX) || "unknown";
  return { from: word("from"), to: word("to"), why: word("why") };
}

export const forgetRolledBack = (dir = UPGRADE_DIR): Promise<void> =>
  rm(join(dir, "rolled-back"), { force: true });

/** What began between the package's look at the agent and its word to stop need not be cut off. */
export const upgradePatienceMs = (dir = UPGRADE_DIR): Promise<number> =>
  access(join(dir, "restarted")).then(
    () => PATIENCE_MS,
    () => 0,
  );
