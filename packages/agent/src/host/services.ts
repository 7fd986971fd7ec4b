/** Units of systemd, through systemctl and the journal. */
import { BomaError } from "@boma/protocol";
import type { Exit, Port, ReadServices, Services, Settling, UnitStatus } from "@boma/states/core";

import type { Tools } from "./tools.ts";
import { parseJournal, parseUnits, showUnits } from "./unit-status.ts";

const POLL_MS = 200;
const LIST_BYTES_MAX = 8 * 1024 * 1024;
const LOG_LINES_MAX = 1000;

export function realServices(tools: Tools): Port<ReadServices, Services> {
  const read = readingHalf(tools);
  const call = async (...words: string[]): Promise<void> => {
    await tools.commands.must({ argv: ["systemctl", "--no-ask-password", ...words] });
  };
  return {
    read,
    write: {
      ...read,
      start: (unit) => call("start", "--", unit),
      stop: (unit) => call("stop", "--", unit),
      restart: (unit) => call("restart", "--", unit),
      reload: (unit) => call("reload", "--", unit),
      enable: (unit) => call("enable", "--", unit),
      disable: (unit) => call("disable", "--", unit),
      mask: (unit) => call("mask", "--", unit),
      unmask: (unit) => call("unmask", "--", unit),
      daemonReload: () => call("daemon-reload"),
      resetFailed: (unit) => call("reset-failed", "--", unit),
    },
  };
}

function readingHalf({ session, commands }: Tools): ReadServices {
  const show = async (unit: string): Promise<UnitStatus[]> =>
    parseUnits(
      checked(await commands.read({ argv: showUnits([unit]), keepBytes: LIST_BYTES_MAX }), "systemctl show")
        .stdout,
    );
  const status = async (unit: string): Promise<UnitStatus> => {
    const [found] = await show(unit);
    if (found) return found;
    throw new BomaError("service/unfit", `systemd says nothing of ${unit}`);
  };
  return {
    status,
    list: (pattern = "*.service") => show(pattern),
    settled: (unit, settling) => settle(() => status(unit), settling, session.signal),
    async logs(unit, lines) {
      const count = `--lines=${Math.min(lines, LOG_LINES_MAX)}`;
      const argv = ["journalctl", "--quiet", "--no-pager", "--output=json", count, `--unit=${unit}`];
      const exit = await commands.read({ argv, keepBytes: LIST_BYTES_MAX });
      return parseJournal(checked(exit, "journalctl").stdout);
    },
  };
}

function checked(exit: Exit, what: string): Exit {
  if (exit.exitCode === 0) return exit;
  throw new BomaError("service/unfit", `${what} ended with ${exit.exitCode}: ${exit.stderr.trim()}`, {
    hint: "The states of services need a machine that systemd has started.",
  });
}

const monotonicUs = (): number => Number(process.hrtime.bigint() / 1000n);

/** Looks again and again until the unit stays as it is, or the time is over. */
export async function settle(
  look: () => Promise<UnitStatus>,
  { timeoutMs, stableMs = 0 }: Settling,
  signal: AbortSignal,
): Promise<UnitStatus> {
  const { setTimeout: sleep } = await import("node:timers/promises");
  const until = performance.now() + timeoutMs;
  let first: UnitStatus | undefined;
  for (;;) {
    const now = await look();
    first ??= now;
    // It came down again while it was waited for: waiting longer would say nothing else.
    const restarted = stableMs > 0 && now.restarts > first.restarts;
    if (restarted || isSettled(now, stableMs) || performance.now() >= until) return now;
    await sleep(POLL_MS, undefined, { signal });
  }
}

const ON_ITS_WAY: readonly string[] = ["activating", "deactivating", "reloading"];

function isSettled({ active, activeSinceUs }: UnitStatus, stableMs: number): boolean {
  if (ON_ITS_WAY.includes(active)) return false;
  return active !== "active" || monotonicUs() - activeSinceUs >= stableMs * 1000;
}
