/** Where and how a command prints: for people, as one JSON document, or as JSON lines. */
import { styleText } from "node:util";

import { asBomaError, escapeControl, type ExitCode } from "@boma/protocol";

export type Mode = "text" | "json" | "ndjson";

export interface Output {
  readonly mode: Mode;
  /** A terminal that can be drawn on. */
  readonly live: boolean;
  readonly width: number;
  readonly height: number;
  /** A line for people; nothing in the other modes. Control characters of whatever is printed are shown, not obeyed. */
  line(text?: string): void;
  /** The document of a JSON command; in ndjson mode one line. */
  document(value: unknown): void;
  /** One of many things in ndjson mode; nothing in the others. */
  item(value: unknown): void;
  /** A remark that is not the result. */
  note(text: string): void;
}

type Style = Parameters<typeof styleText>[0];
/** Colour where the terminal has it and NO_COLOR does not forbid it. */
export const style = (format: Style, text: string): string =>
  styleText(format, text, { stream: process.stdout });

export function newOutput(mode: Mode): Output {
  const { stdout, stderr } = process;
  const json = (value: unknown) => stdout.write(`${jsonText(value)}\n`);
  return {
    mode,
    live: mode === "text" && stdout.isTTY && process.env["TERM"] !== "dumb",
    width: stdout.columns ?? 100,
    height: stdout.rows ?? 24,
    line: (text = "") => void (mode === "text" && stdout.write(`${text}\n`)),
    document: (value) => void (mode !== "text" && json(value)),
    item: (value) => void (mode === "ndjson" && json(value)),
    note: (text) => void stderr.write(`${text}\n`),
  };
}

// oxlint-disable-next-line no-control-regex -- control characters are what is looked for.
const UNSAFE = /[\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g;

/** JSON escapes only the older control characters by itself; a terminal obeys others as well. */
export const jsonText = (value: unknown): string =>
  JSON.stringify(value, jsonValue).replace(
    UNSAFE,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );

/** Bytes print as base64; msgpack and JSON agree on everything else. */
const jsonValue = (_key: string, value: unknown): unknown =>
  value instanceof Uint8Array ? Buffer.from(value).toString("base64") : value;

/** Prints what went wrong where it is looked for, and says with which code the process ends. */
export function printError(thrown: unknown, mode: Mode): ExitCode {
  const error = asBomaError(thrown);
  const { code, message, hint } = error;
  if (mode !== "text") process.stdout.write(`${jsonText({ ok: false, error: { code, message, hint } })}\n`);
  const lines = [
    `${styleText("red", `error[${code}]`, { stream: process.stderr })}: ${escapeControl(message)}`,
  ];
  if (hint) lines.push(`  ${escapeControl(hint)}`);
  if (code === "internal" && process.env["BOMA_DEBUG"] && error.cause instanceof Error)
    lines.push(error.cause.stack ?? "");
  process.stderr.write(`${lines.join("\n")}\n`);
  return error.exit;
}
