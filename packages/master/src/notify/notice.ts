/** One event, or many at once, as it is told to people and programs. */
import { escapeLine, type SequencedEvent } from "@boma/protocol";
import { type Notification, parseTemplate } from "@boma/states/core";

import type { Digest } from "./digest.ts";
import { valueAt } from "./event-value.ts";

export type Level = "info" | "warning" | "alert";

export interface Notice {
  /** The same however often it is sent, so that a receiver can tell a repetition. */
  readonly id: string;
  readonly notifier: string;
  readonly title: string;
  readonly text: string;
  readonly level: Level;
  /** The kind of the event, `digest`, or `test`. */
  readonly kind: string;
  /** What a program gets. */
  readonly body: unknown;
}

const TITLE_LENGTH_MAX = 200;
const VALUE_LENGTH_MAX = 500;
const TEXT_LENGTH_MAX = 8000;
const BODY_BYTES_MAX = 256 * 1024;

const ALERTS = new Set<string>([
  "node.key-changed",
  "node.duplicate",
  "node.restored",
  "node.journal-corrupt",
  "bundle.refused",
  "master.alarm",
  "reactor.stopped",
  "notification.dead",
]);
const WARNING = /[.-](failed|refused|denied|missed|lost|dead|limited|found|halted|late|behind|disconnected)$/;
const GOOD = new Set(["ok", "changed"]);

export function levelOf({ kind, data }: SequencedEvent): Level {
  if (ALERTS.has(kind)) return "alert";
  const { level, statuses, status } = data as Record<string, unknown>;
  if (level === "raised" || level === "flapping") return "warning";
  if (typeof status === "string") return GOOD.has(status) ? "info" : "warning";
  if (kind === "job.finished" && Object.keys(statuses ?? {}).some((name) => !GOOD.has(name)))
    return "warning";
  return WARNING.test(kind) ? "warning" : "info";
}

export function noticeOf(
  { name, title, text }: Notification,
  { id, event }: { readonly id: string; readonly event: SequencedEvent },
): Notice {
  const fill = (template: string): string =>
    parseTemplate(template)
      .map((part) => (typeof part === "string" ? part : shown(placeIn(event, part.path, name))))
      .join("");
  return {
    id,
    notifier: name,
    title: oneLine(title === undefined ? titleOf(event) : fill(title)),
    text: (text === undefined ? textOf(event) : fill(text)).slice(0, TEXT_LENGTH_MAX),
    level: levelOf(event),
    kind: event.kind,
    body: bodyOf(event),
  };
}

export function digestNotice(
  { name }: Notification,
  { id, digest }: { readonly id: string; readonly digest: Digest },
): Notice {
  const { count, kinds, lines, from, to, level } = digest;
  const more = count - lines.length;
  const sums = Object.entries(kinds).map(([kind, times]) => `${kind}: ${times}`);
  return {
    id,
    notifier: name,
    title: oneLine(`boma: ${count} events at once`),
    text: [...lines, ...(more > 0 ? [`and ${more} more`] : []), "", ...sums]
      .join("\n")
      .slice(0, TEXT_LENGTH_MAX),
    level,
    kind: "digest",
    body: { digest: { count, kinds, from, to, lines } },
  };
}

export const testNotice = ({ name }: Notification, id: string): Notice => ({
  id,
  notifier: name,
  title: `boma: a test of ${name}`,
  text: "An operator asked for this notification to see whether it arrives. Nothing has happened.",
  level: "info",
  kind: "test",
  body: { test: true, notifier: name, at: Date.now() },
});

/** One line for a list of many. */
export const titleOf = (event: SequencedEvent): string =>
  oneLine(["boma:", event.kind, event.id ?? event.operator ?? event.job ?? ""].join(" ").trimEnd());

function textOf(event: SequencedEvent): string {
  const { kind, id, job, operator, at, data } = event;
  const about = { event: kind, node: id, job, operator, at: new Date(at).toISOString() };
  return [...Object.entries(about), ...Object.entries(data as object)]
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `${escapeLine(name)}: ${shown(value)}`)
    .join("\n");
}

const placeIn = (event: SequencedEvent, path: string, notifier: string): unknown =>
  path === "notifier" ? notifier : valueAt(event, path);

/** What nodes say may hold anything; a line of it stays a line. */
function shown(value: unknown): string {
  if (value === undefined || value === null) return "-";
  const text = typeof value === "string" ? value : jsonOf(value);
  return escapeLine(text.length > VALUE_LENGTH_MAX ? `${text.slice(0, VALUE_LENGTH_MAX)}…` : text);
}

const oneLine = (text: string): string => escapeLine(text).slice(0, TITLE_LENGTH_MAX);

export const jsonOf = (value: unknown): string =>
  JSON.stringify(value, (_key, member: unknown) =>
    member instanceof Uint8Array ? Buffer.from(member).toString("base64") : member,
  );

/** The event itself; of one that is too large everything but what it tells. */
function bodyOf(event: SequencedEvent): unknown {
  if (Buffer.byteLength(jsonOf(event)) <= BODY_BYTES_MAX) return event;
  return { ...event, data: {}, cut: true };
}
