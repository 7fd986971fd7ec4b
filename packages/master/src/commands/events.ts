import { parseDuration } from "@boma/protocol";
import type { Command } from "@commander-js/extra-typings";

import type { Start } from "../events/place.ts";
import type { Output } from "../print/output.ts";
import { asking, type CommonOptions, example, perform, performAsking, usage, withClient } from "./shell.ts";

interface EventsOptions extends CommonOptions {
  readonly target?: string | undefined;
  readonly since?: string | undefined;
  readonly follow?: true | undefined;
  readonly durable?: string | undefined;
  readonly limit?: string | undefined;
}

export function events(program: Command): void {
  const group = program.command("events").enablePositionalOptions();
  durables(group);
  forget(group);
  asking(group)
    .summary("read what happened, and follow what happens")
    .description(
      "Prints events from the stream, oldest first. With --follow it goes on until it is stopped, over restarts of the master and the bus; as JSON each event is a line then. With --durable the master keeps the place: the next one of this name goes on where this one stopped, wherever it was killed.",
    )
    .argument("[patterns...]", "which kinds, such as `job.*` or `node.enrolled`; all without one")
    .option("--target <expression>", "only about nodes that match, as they are known now")
    .option(
      "--since <when>",
      "from a duration ago (1h), a moment (2026-11-21T10:00Z) or a sequence number on",
    )
    .option("--follow", "go on with what happens from now on")
    .option("--durable <name>", "keep the place under this name; --since counts for its first use only")
    .option("--limit <n>", "stop after so many events")
    .addHelpText(
      "after",
      example(
        "boma-master events 'node.*' --since 1h --follow\nboma-master events 'job.*' 'state.changed' --follow --json --durable cmdb >> events.ndjson",
      ),
    )
    .action((patterns, options) => read(patterns.length === 0 ? ["*"] : patterns, options));
}

async function read(patterns: readonly string[], options: EventsOptions): Promise<void> {
  const { stdoutIsFile } = await import("../print/event-sink.ts");
  const intoFile = options.durable !== undefined && stdoutIsFile();
  const json = options.json === true || (options.output ?? "text") !== "text";
  // Only events stand in a file that says where its reader is: what goes wrong is told beside it.
  const told = intoFile ? { ...options, json: undefined, output: undefined } : options;
  await perform(told, async (output) => {
    const { assertPatterns } = await import("../events/patterns.ts");
    assertPatterns(patterns);
    if (intoFile && !json)
      throw usage(
        "a durable reader that writes into a file needs --json: only such lines say where it stands",
      );
    const start = startOf(options);
    const limit = options.limit === undefined ? undefined : count(options.limit);
    await withClient(options, async (client) => {
      const { printEvents } = await import("../client/print-events.ts");
      const asked = { ...options, patterns, start, limit, follow: options.follow ?? false, intoFile };
      await printEvents(client, output, { ...asked, form: formOf(options, json) });
    });
  });
}

/** Whoever goes on for ever, or wants to go on later, needs lines; one document ends. */
function formOf({ output, follow, durable }: EventsOptions, json: boolean): "text" | "lines" | "list" {
  if (!json) return "text";
  return output === "ndjson" || follow || durable !== undefined ? "lines" : "list";
}

function startOf({ since, follow, durable }: EventsOptions): Start {
  if (since === undefined) return { from: follow || durable !== undefined ? "now" : "first" };
  if (/^\d+$/.test(since)) return { after: Math.max(0, Number(since) - 1) };
  const moment = /^\d{4}-/.test(since) ? Date.parse(since) : Date.now() - parseDuration(since);
  if (Number.isNaN(moment)) throw usage(`--since ${since} is neither a duration, nor a moment, nor a number`);
  return { since: Math.max(0, moment) };
}

function count(text: string): number {
  if (/^[1-9]\d{0,8}$/.test(text)) return Number(text);
  throw usage(`--limit ${text} is not a number of events`);
}

interface Listed {
  readonly name: string;
  readonly kind: string;
  readonly owner: string;
  readonly patterns: readonly string[];
  readonly position: number;
  readonly at: number;
  readonly behind: number;
}

const durables = (group: Command): unknown =>
  asking(group.command("durables"))
    .summary("who reads under a name, and where they stand")
    .description("Lists the durable readers, the site's own reactors and notifiers among them.")
    .addHelpText("after", example("boma-master events durables"))
    .action((options) =>
      performAsking(options, async (client, output) => {
        const found = await client.ask<Listed[]>("subscriber.list");
        output.document(found);
        if (found.length === 0) return output.line("nobody reads under a name");
        await printListed(found, output);
      }),
    );

async function printListed(found: readonly Listed[], output: Output): Promise<void> {
  const [{ table }, { style }] = await Promise.all([
    import("../print/table.ts"),
    import("../print/output.ts"),
  ]);
  output.line(
    table(found, [
      { head: "NAME", text: ({ name }) => name, colour: (text) => style("bold", text) },
      { head: "KIND", text: ({ kind }) => kind },
      { head: "OF", text: ({ owner }) => owner },
      { head: "READS", text: ({ patterns }) => patterns.join(" ") },
      { head: "STANDS AT", text: ({ position }) => String(position) },
      { head: "BEHIND", text: ({ behind }) => String(behind) },
      { head: "SINCE", text: ({ at }) => new Date(at).toISOString().slice(0, 19).replace("T", " ") },
    ]),
  );
}

const forget = (group: Command): unknown =>
  asking(group.command("forget"))
    .summary("remove a durable reader")
    .description("Forgets where a durable reader stands. Whoever reads under this name now is ended.")
    .argument("<name>")
    .addHelpText("after", example("boma-master events forget cmdb"))
    .action((name, options) =>
      performAsking(options, async (client, output) => {
        await client.ask("subscriber.remove", { name });
        output.document({ ok: true, name });
        output.line(`forgot ${name}`);
      }),
    );
