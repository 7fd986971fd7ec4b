/** How the agent is, written down for whoever asks on the machine while the bus may be away. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";

import { isMissing, writeAtomic } from "./files.ts";
import { processIdentity } from "./lock.ts";

export const AGENT_STATES = [
  "unconfigured",
  "enrolling",
  "waiting",
  "connecting",
  "connected",
  "disconnected",
  "stopped",
] as const;
export type AgentState = (typeof AGENT_STATES)[number];

export interface StatusRecord {
  readonly state: AgentState;
  readonly id: string;
  readonly node: string;
  readonly fingerprint: string;
  readonly master: string;
  readonly version: string;
  readonly since: string;
  readonly lastHello?: string;
  /** Why it waits, where it does. */
  readonly reason?: string;
  /** Something that changes the machine is under way: a job, a run of states, a schedule. */
  readonly busy?: boolean;
  readonly pid: number;
  /** Tells the process from a later one with its pid. */
  readonly start: string;
}

const statusPath = (dir: string): string => join(dir, "status.json");

/** Later states overtake earlier ones that still wait for the disk; a full disk is no reason to stop. */
export function statusWriter(dir: string): (record: StatusRecord) => Promise<void> {
  let newest: StatusRecord | undefined;
  let writing: Promise<void> | undefined;
  const write = async (): Promise<void> => {
    while (newest) {
      const record = newest;
      newest = undefined;
      await writeAtomic(statusPath(dir), `${JSON.stringify(record, undefined, 2)}\n`, {
        durable: false,
      }).catch(() => undefined);
    }
    writing = undefined;
  };
  return (record) => {
    newest = record;
    writing ??= write();
    return writing;
  };
}

export interface StatusView {
  readonly record: StatusRecord | undefined;
  readonly running: boolean;
}

export async function readStatus(dir: string): Promise<StatusView> {
  let record: StatusRecord;
  try {
    record = JSON.parse(await readFile(statusPath(dir), "utf8")) as StatusRecord;
  } catch (thrown) {
    if (isMissing(thrown) || thrown instanceof SyntaxError) return { record: undefined, running: false };
    throw thrown;
  }
  const alive = await processIdentity(record.pid);
  return {
    record,
    running: record.state !== "stopped" && alive !== undefined && alive.start === record.start,
  };
}
