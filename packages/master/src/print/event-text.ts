/** An event as one line for people: when, what, about whom, and what it tells. */
import { escapeLine, type SequencedEvent } from "@boma/protocol";

import { style } from "./output.ts";

type Colour = Parameters<typeof style>[0];

const RED =
  /\.(?:[a-z-]*refused|denied|failed|dead|loop|stopped|duplicate|key-changed|journal-corrupt|alarm|events-lost|behind)$/;
const YELLOW = /\.(?:disconnected|asked|restored|missed|late|limited|cancelled|found|revoked|removed)$/;
const GREEN = /\.(?:connected|enrolled|healed|given)$/;
/** What comes in great numbers while a job runs. */
const QUIET = /^job\.(?:accepted|step|line)$/;

const BAD_STATUS = new Set(["failed", "refused", "timeout", "expired", "offline"]);

export function eventText(event: SequencedEvent, width?: number): string {
  const { sequence, kind, at, id, node, job, operator, data } = event;
  const whom = [id ?? node?.slice(0, 12), operator === undefined ? undefined : `by ${operator}`]
    .filter((part) => part !== undefined)
    .map(escapeLine)
    .join("  ");
  const words = Object.entries(data).map(
    ([key, value]) =>
      `${escapeLine(key)}=${escapeLine(typeof value === "string" ? value : (JSON.stringify(value) ?? ""))}`,
  );
  const place = `${String(sequence).padStart(6)}  ${momentText(at)}`;
  const name = escapeLine(kind).padEnd(19);
  const told = [...(job === undefined ? [] : [escapeLine(job)]), ...words].join(" ");
  const room = width === undefined ? Infinity : width - place.length - name.length - whom.length - 6;
  return [
    style("dim", place),
    style(colourOf(event), name),
    ...(whom === "" ? [] : [style("bold", whom)]),
    style("dim", cut(told, room)),
  ]
    .join("  ")
    .trimEnd();
}

const momentText = (at: number): string => new Date(at).toISOString().replace("T", " ").replace(/Z$/, "");

const cut = (text: string, room: number): string =>
  text.length <= room ? text : room < 1 ? "" : `${text.slice(0, room - 1)}…`;

function colourOf({ kind, data }: SequencedEvent): Colour {
  if (QUIET.test(kind)) return "dim";
  const { status, level } = data as { status?: unknown; level?: unknown };
  if (typeof status === "string") return BAD_STATUS.has(status) ? "red" : "green";
  if (level === "raised" || level === "flapping") return "yellow";
  if (level === "cleared") return "green";
  if (RED.test(kind)) return "red";
  if (YELLOW.test(kind)) return "yellow";
  return GREEN.test(kind) ? "green" : "cyan";
}
