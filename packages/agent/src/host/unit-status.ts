/** What `systemctl show` and the journal print. */
import type { LogLine, UnitStatus } from "@boma/states/core";

const PROPERTIES = [
  "Id",
  "Description",
  "LoadState",
  "ActiveState",
  "SubState",
  "UnitFileState",
  "Result",
  "NRestarts",
  "MainPID",
  "ActiveEnterTimestampMonotonic",
  "InvocationID",
  "NeedDaemonReload",
  "CanReload",
  "TriggeredBy",
  "Type",
];
export const showUnits = (units: readonly string[]): string[] => [
  "systemctl",
  "show",
  `--property=${PROPERTIES.join(",")}`,
  "--",
  ...units,
];

/** One block of `Name=value` for each unit, with an empty line between. */
export const parseUnits = (text: string): UnitStatus[] =>
  text
    .split(/\n\n+/)
    .filter((block) => block.trim() !== "")
    .map(parseUnit);

function parseUnit(block: string): UnitStatus {
  const rows = block.split("\n").flatMap((line) => {
    const at = line.indexOf("=");
    return at === -1 ? [] : [[line.slice(0, at), line.slice(at + 1)] as const];
  });
  const said = new Map(rows);
  const text = (name: string): string => said.get(name) ?? "";
  const number = (name: string): number => Number(text(name)) || 0;
  return {
    unit: text("Id"),
    description: text("Description"),
    load: wordOf(text("LoadState"), LOADS, "error"),
    active: wordOf(text("ActiveState"), ACTIVES, "inactive"),
    sub: text("SubState"),
    enabled: text("UnitFileState"),
    result: text("Result") || "success",
    restarts: number("NRestarts"),
    mainPid: number("MainPID"),
    activeSinceUs: number("ActiveEnterTimestampMonotonic"),
    invocation: text("InvocationID"),
    needsDaemonReload: text("NeedDaemonReload") === "yes",
    canReload: text("CanReload") === "yes",
    triggeredBy: text("TriggeredBy")
      .split(" ")
      .filter((unit) => unit !== ""),
    type: text("Type"),
  };
}

const LOADS = ["loaded", "not-found", "masked", "bad-setting", "error"] as const;
const ACTIVES = ["active", "inactive", "activating", "deactivating", "failed", "reloading"] as const;

const wordOf = <W extends string>(word: string, known: readonly W[], otherwise: W): W =>
  known.find((one) => one === word) ?? otherwise;

const TEXT_MAX = 4096;

/** The journal as JSON, a line each; a message that is not text comes as a list of bytes. */
export function parseJournal(text: string): LogLine[] {
  return text.split("\n").flatMap((row) => {
    const entry = readEntry(row);
    if (!entry) return [];
    const { MESSAGE: message } = entry;
    const said = Array.isArray(message) ? Buffer.from(message as number[]).toString() : textOf(message);
    return {
      atMs: Math.floor(Number(entry["__REALTIME_TIMESTAMP"] ?? 0) / 1000),
      unit: textOf(entry["_SYSTEMD_UNIT"] ?? entry["UNIT"]),
      priority: Number(entry["PRIORITY"] ?? 6),
      text: said.slice(0, TEXT_MAX),
    };
  });
}

const textOf = (value: unknown): string => (typeof value === "string" ? value : "");

function readEntry(row: string): Record<string, unknown> | undefined {
  if (!row.startsWith("{")) return undefined;
  try {
    return JSON.parse(row) as Record<string, unknown>;
  } catch {
    // The middle of a long answer was left out.
    return undefined;
  }
}
