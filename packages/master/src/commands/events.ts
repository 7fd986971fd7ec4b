import { closest, escapeLine, parseDuration } from "@boma/protocol";
import type { Command } from "@commander-js/extra-typings";

import type { Client } from "../client/client.ts";
import type { SequencedEvent } from "../events/events.ts";
import { EVENT_KINDS, kindPattern } from "../events/kinds.ts";
import { type Output, style } from "../print/output.ts";
import { asking, example, perform, usage, withClient } from "./shell.ts";

export const events = (program: Command): unknown =>
  asking(program.command("events"))
    .summary("read what happened, and follow what happens")
    .description(
      "Prints events from the stream. With --follow it goes on until it is stopped; with --json each event is a line then.",
    )
    .argument("[pattern]", "which kinds, such as `job.*` or `node.enrolled`", "*")
    .option(
      "--since <when>",
      "from a duration ago (1h), a moment (2026-11-21T10:00Z) or a sequence number on",
    )
    .option("--follow", "go on with what happens from now on")
    .addHelpText("after", example("boma-master events 'node.*' --since 1h --follow"))
    .action((pattern, options) =>
      perform(options, async (output) => {
        assertPattern(pattern);
        const args = {
          pattern,
          follow: options.follow ?? false,
          ...(options.since !== undefined && since(options.since)),
        };
        await withClient(options, (client) => print(client, output, args));
      }),
    );

async function print(client: Client, output: Output, args: { readonly follow: boolean }): Promise<void> {
  const lines = output.mode !== "text" && (args.follow || output.mode === "ndjson");
  const all: SequencedEvent[] = [];
  for await (const event of client.follow<SequencedEvent | { begin: true }>("events.read", args)) {
    if ("begin" in event) continue;
    if (lines) output.document(event);
    else if (output.mode === "json") all.push(event);
    else output.line(eventText(event));
  }
  if (output.mode === "json" && !args.follow) output.document(all);
}

function assertPattern(pattern: string): void {
  const kinds = Object.keys(EVENT_KINDS);
  if (kinds.some(kindPattern(pattern))) return;
  const near = closest(pattern, kinds);
  throw usage(
    `no kind of event fits ${JSON.stringify(pattern)}`,
    near === undefined ? `Kinds: ${kinds.join(", ")}` : `Did you mean ${near}?`,
  );
}

function since(text: string): { since: number } | { sequence: number } {
  if (/^\d+$/.test(text)) return { sequence: Math.max(1, Number(text)) };
  const moment = /^\d{4}-/.test(text) ? Date.parse(text) : Date.now() - parseDuration(text);
  if (Number.isNaN(moment)) throw usage(`--since ${text} is neither a duration, nor a moment, nor a number`);
  return { since: moment };
}

const KIND_COLOUR: Readonly<Record<string, Parameters<typeof style>[0]>> = {
  node: "cyan",
  job: "blue",
  message: "red",
  operator: "yellow",
};

function eventText({ sequence, kind, at, id, node, job, operator, data }: SequencedEvent): string {
  const about = [id ?? node?.slice(0, 12), job, operator]
    .filter((part) => part !== undefined)
    .map(escapeLine);
  const told = Object.entries(data).map(
    ([key, value]) => `${key}=${escapeLine(typeof value === "string" ? value : JSON.stringify(value))}`,
  );
  const colour = KIND_COLOUR[kind.split(".")[0]!] ?? "dim";
  return [
    style("dim", `${sequence} ${new Date(at).toISOString()}`),
    style(colour, kind),
    ...about,
    style("dim", told.join(" ")),
  ].join(" ");
}
