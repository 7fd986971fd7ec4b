import { EVENT_KINDS, EVENTS, type EventKind } from "@boma/protocol";
import { z } from "zod";

/** A piece of a JSON schema, as far as a reader wants to know it. */
interface Piece {
  readonly type?: string | readonly string[];
  readonly description?: string;
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly anyOf?: readonly Piece[];
  readonly items?: Piece;
  readonly properties?: Readonly<Record<string, Piece>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: Piece | boolean;
}

export function eventsPage(): string {
  const families = Map.groupBy(EVENT_KINDS, (kind) => kind.split(".")[0]!);
  return [
    "<!-- Written by `npm run gen` from packages/protocol/src/events/. -->",
    "# Events",
    "",
    "What can happen, and what each event tells. How they are read and followed is in [the guide](guide/events.md).",
    "",
    "Every event also says `kind`, `sequence` (its place in the stream), `uid` (the same, however often it is delivered) and",
    "`at` (milliseconds since 1970, by the master's clock), and, where it is about one, `node` (the key), `id`, `job` and",
    "`operator`. One that a node told says when in `saidAt`, by the node's own clock; one that a reactor brought about names",
    "the reactors in `causes`. What a node may say it says of itself only; everything else the master alone says. A `?`",
    "marks what may be absent.",
    "",
    ...[...families].flatMap(([family, kinds]) => [`## ${family}`, "", ...kinds.flatMap(section)]),
  ].join("\n");
}

function section(kind: EventKind): string[] {
  const { summary, by, data } = EVENTS[kind];
  const schema = z.toJSONSchema(data, { io: "output", unrepresentable: "any" }) as Piece;
  const required = new Set(schema.required ?? []);
  const rows = Object.entries(schema.properties ?? {}).map(
    ([name, piece]) =>
      `| \`${name}${required.has(name) ? "" : "?"}\` | ${cell(typeOf(piece))} | ${cell(piece.description ?? "")} |`,
  );
  const told = rows.length > 0 ? ["| data | type | |", "|---|---|---|", ...rows] : [emptyText(schema)];
  const who = by === "node" ? "the node" : "the master";
  return [`### ${kind}`, "", `${summary} Said by ${who}.`, "", ...told, ""];
}

const emptyText = ({ additionalProperties }: Piece): string =>
  additionalProperties === undefined || additionalProperties === false
    ? "It tells nothing more."
    : "What it tells more has no fixed form.";

function typeOf(piece: Piece): string {
  if (piece.const !== undefined) return JSON.stringify(piece.const);
  if (piece.enum) return piece.enum.map((value) => JSON.stringify(value)).join(" | ");
  if (piece.anyOf) return [...new Set(piece.anyOf.map(typeOf))].join(" | ");
  if (piece.type === "array") return `list of ${piece.items ? typeOf(piece.items) : "anything"}`;
  if (piece.type === "object") return objectType(piece);
  return piece.type === undefined ? "anything" : [piece.type].flat().join(" | ");
}

function objectType({ properties, required = [], additionalProperties }: Piece): string {
  if (properties && Object.keys(properties).length > 0)
    return `{ ${Object.entries(properties)
      .map(([name, piece]) => `${name}${required.includes(name) ? "" : "?"}: ${typeOf(piece)}`)
      .join(", ")} }`;
  const values = typeof additionalProperties === "object" ? typeOf(additionalProperties) : "anything";
  return `names to ${values}`;
}

const cell = (text: string): string => text.replaceAll("|", "\\|").replaceAll("\n", " ");
