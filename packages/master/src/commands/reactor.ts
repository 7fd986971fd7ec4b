import { escapeLine } from "@boma/protocol";
import type { Command } from "@commander-js/extra-typings";

import type { Rights } from "../api/rights.ts";
import { style } from "../print/output.ts";
import { table } from "../print/table.ts";
import type { ReactorView } from "../reactors/reactors.ts";
import { readAssignRight, readRunRight, rightsText } from "./rights-text.ts";
import { asking, collect, example, perform, performAsking, usage, withClient } from "./shell.ts";

type Listed = ReactorView & { readonly rights?: Rights };
interface List {
  readonly reactors: readonly Listed[];
  readonly errors: readonly string[];
}

export function reactor(program: Command): void {
  const group = program
    .command("reactor")
    .summary("what the site does by itself when something happens: list, allow, stop, resume, test")
    .description(
      "Reactors are files below reactors/ of the site. Each acts with a role that an admin gives it.",
    )
    .addHelpText("after", example("boma-master reactor allow first-boot --run 'state.apply@env:dev'"));
  list(group);
  allow(group);
  stop(group);
  resume(group);
  test(group);
}

const STATE_COLOUR = { running: "green", stopped: "red", "not allowed": "yellow" } as const;

const list = (group: Command): unknown =>
  asking(group.command("list"))
    .description("Lists the site's reactors, where they stand in the events, and what they may do.")
    .addHelpText("after", example("boma-master reactor list"))
    .action((options) =>
      performAsking(options, async (client, output) => {
        const { reactors, errors } = await client.ask<List>("reactor.list");
        output.document({ reactors, errors });
        for (const error of errors) output.note(style("red", escapeLine(error)));
        if (reactors.length === 0)
          return output.line("no reactors; they are files below reactors/ of the site");
        output.line(
          table(reactors, [
            { head: "NAME", text: ({ name }) => name, colour: (text) => style("bold", text) },
            {
              head: "STATE",
              text: ({ state }) => state,
              colour: (text, { state }) => style(STATE_COLOUR[state], text),
            },
            { head: "ON", text: ({ kinds }) => kinds.join(",") },
            { head: "TARGET", text: ({ target }) => target ?? "" },
            { head: "PLACE", text: ({ position }) => String(position) },
            { head: "BEHIND", text: ({ behind }) => String(behind) },
            { head: "HANDLED", text: ({ handled }) => String(handled) },
            { head: "FAILED", text: ({ failed }) => String(failed) },
            { head: "MAY", text: ({ rights }) => (rights ? rightsText(rights) : "nothing") },
          ]),
        );
        for (const { name, stopped } of reactors)
          if (stopped)
            output.note(
              `${style("bold", name)} is stopped: ${escapeLine(stopped.why)}\n  go on  boma-master reactor resume ${name}`,
            );
        for (const { name, state } of reactors)
          if (state === "not allowed")
            output.note(
              `${style("bold", name)} may do nothing: boma-master reactor allow ${name.split("/", 1)[0]!} --run 'FUNCTION@TARGET'`,
            );
      }),
    );

const allow = (group: Command): unknown =>
  asking(group.command("allow"))
    .description("Says what a reactor may do. It replaces what was said before.")
    .argument("<name>", "the reactor's file, without its ending")
    .option("--run <functions@target>", "run these functions on these nodes (may be repeated)", collect, [])
    .option("--assign <grains@target>", "assign these grains to these nodes (may be repeated)", collect, [])
    .addHelpText("after", example("boma-master reactor allow first-boot --run 'state.apply@env:dev'"))
    .action((name, options) =>
      performAsking(options, async (client, output) => {
        const rights: Rights = {
          admin: false,
          read: false,
          run: options.run.map(readRunRight),
          ...(options.assign.length > 0 && { assign: options.assign.map(readAssignRight) }),
          events: [],
          audit: false,
        };
        const { role } = await client.ask<{ role: string }>("reactor.allow", { name, rights });
        output.document({ ok: true, role, rights });
        output.line(`${style("bold", role)} may ${rightsText(rights)}`);
      }),
    );

const stop = (group: Command): unknown =>
  asking(group.command("stop"))
    .description("Stops a reactor, until it is told to go on. It keeps its place.")
    .argument("<name>", "the reactor")
    .addHelpText("after", example("boma-master reactor stop first-boot"))
    .action((name, options) =>
      performAsking(options, async (client, output) => {
        await client.ask("reactor.stop", { name });
        output.document({ ok: true, name });
        output.line(`${style("red", "stopped")} ${name}`);
      }),
    );

const resume = (group: Command): unknown =>
  asking(group.command("resume"))
    .description("Lets a stopped reactor go on where it stood.")
    .argument("<name>", "the reactor")
    .option("--skip", "leave out what happened meanwhile")
    .addHelpText("after", example("boma-master reactor resume first-boot"))
    .action((name, options) =>
      performAsking(options, async (client, output) => {
        await client.ask("reactor.resume", { name, skip: options.skip ?? false });
        output.document({ ok: true, name });
        output.line(`${name} goes on`);
      }),
    );

const test = (group: Command): unknown =>
  asking(group.command("test"))
    .description(
      "Gives recorded events to the reactors of a file, here, and prints what they would do. Nothing is done.",
    )
    .argument("<file>", "a file of reactors; it need not be in use")
    .option("--since <when>", "events from a duration ago on", "1d")
    .option("--event <sequence>", "this event only")
    .addHelpText("after", example("boma-master reactor test site/reactors/first-boot.ts --since 2h"))
    .action((file, options) =>
      perform(options, async (output) => {
        const { event, since } = options;
        if (event !== undefined && !/^\d+$/.test(event))
          throw usage(
            `--event ${event} is not the number of an event`,
            "`boma-master events` prints them first in each line.",
          );
        const { tryReactors } = await import("../reactors/try-reactors.ts");
        return withClient(options, (client) =>
          tryReactors(client, output, {
            file,
            since,
            ...(event !== undefined && { sequence: Number(event) }),
          }),
        );
      }),
    );
