import { escapeLine, ExitCode, fingerprintWords } from "@boma/protocol";

import { readStatus, type StatusRecord } from "../status.ts";
import { agentDir } from "./home.ts";

export interface StatusOptions {
  readonly json?: true | undefined;
  readonly home?: string | undefined;
}

const EXIT_BY_STATE = {
  unconfigured: ExitCode.incomplete,
  connected: ExitCode.ok,
  waiting: ExitCode.incomplete,
  enrolling: ExitCode.incomplete,
  connecting: ExitCode.unreachable,
  disconnected: ExitCode.unreachable,
  stopped: ExitCode.unreachable,
} as const satisfies Record<StatusRecord["state"], ExitCode>;

export async function status(options: StatusOptions): Promise<void> {
  const { record, running } = await readStatus(agentDir(options.home));
  const state = record && running ? record.state : "stopped";
  process.exitCode = EXIT_BY_STATE[state];
  if (options.json) {
    process.stdout.write(`${JSON.stringify({ ok: state === "connected", running, ...record, state })}\n`);
    return;
  }
  if (!record) {
    process.stdout.write("no agent has run on this home yet\n  start one: boma-agent run --token …\n");
    return;
  }
  const rows = {
    state: running ? state : "not running",
    id: record.id,
    fingerprint: record.fingerprint,
    words: record.fingerprint === "" ? undefined : fingerprintWords(record.fingerprint),
    master: record.master,
    since: record.since,
    "last hello": record.lastHello,
    reason: running ? record.reason : undefined,
    version: record.version,
    pid: running ? String(record.pid) : undefined,
  };
  for (const [name, value] of Object.entries(rows))
    if (value !== undefined && value !== "")
      process.stdout.write(`${name.padEnd(12)} ${escapeLine(value)}\n`);
}
