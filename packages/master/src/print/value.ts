/** A function's result as text for people. */
import { escapeControl } from "@boma/protocol";

interface CommandResult {
  readonly exitCode: number | null;
  readonly signal: string | null;
  readonly stdout: string;
  readonly stderr: string;
  readonly cut: boolean;
}

const isCommandResult = (value: unknown): value is CommandResult =>
  typeof value === "object" &&
  value !== null &&
  "exitCode" in value &&
  "stdout" in value &&
  "stderr" in value;

type Scalar = string | number | bigint | boolean;

export function valueText(value: unknown): string {
  if (value === undefined || value === null) return "";
  if (typeof value === "string") return escapeControl(value.replace(/\n$/, ""));
  if (isCommandResult(value)) return commandText(value);
  if (typeof value === "object") return lines(value, "").join("\n");
  return String(value as Scalar);
}

function commandText({ exitCode, signal, stdout, stderr, cut }: CommandResult): string {
  const parts = [stdout, stderr]
    .map((text) => escapeControl(text.replace(/\n$/, "")))
    .filter((text) => text !== "");
  if (exitCode !== 0) parts.push(signal === null ? `exit code ${exitCode}` : `ended by ${signal}`);
  if (cut) parts.push("(the output was longer, and was cut)");
  return parts.join("\n");
}

/** Maps and lists in the look of YAML, which people read without being taught. */
function lines(value: object, indent: string): string[] {
  const entries = Array.isArray(value)
    ? value.map((item): [string, unknown] => ["-", item])
    : Object.entries(value).map(([key, item]): [string, unknown] => [`${escapeControl(key)}:`, item]);
  if (entries.length === 0) return [`${indent}${Array.isArray(value) ? "[]" : "{}"}`];
  return entries.flatMap(([head, item]) => {
    if (typeof item !== "object" || item === null || item instanceof Uint8Array)
      return `${indent}${head} ${scalar(item)}`;
    if (Object.keys(item).length === 0) return `${indent}${head} ${Array.isArray(item) ? "[]" : "{}"}`;
    if (Array.isArray(item) && item.every((one) => typeof one !== "object"))
      return `${indent}${head} ${item.map(scalar).join(", ")}`;
    return [`${indent}${head}`, ...lines(item, `${indent}  `)];
  });
}

const scalar = (value: unknown): string =>
  typeof value === "string"
    ? escapeControl(value.replaceAll("\n", "\\n"))
    : value instanceof Uint8Array
      ? `<${value.length} bytes>`
      : String(value);
