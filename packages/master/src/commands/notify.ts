import { ExitCode } from "@boma/protocol";
import type { Command } from "@commander-js/extra-typings";

import type { DeliveryRecord } from "../notify/deliveries.ts";
import type { ListedNotifier } from "../notify/notifications.ts";
import { style } from "../print/output.ts";
import { ago, span, table } from "../print/table.ts";
import { asking, example, performAsking, usage } from "./shell.ts";

export function notify(program: Command): void {
  const group = program
    .command("notify")
    .summary("who is told of what: list, dead, retry, test")
    .description("Shows how the notifiers of the site's notifications.ts fare.")
    .addHelpText("after", example("boma-master notify list\nboma-master notify test ops"));
  list(group);
  dead(group);
  retry(group);
  test(group);
}

/** The site is read anew first, and a receiver may take its time. */
const ANSWER_MS_MAX = 60_000;
const COLOUR = { ok: "green", failing: "yellow", down: "red" } as const;

const list = (group: Command): unknown =>
  asking(group.command("list"))
    .description("Lists the notifiers: where they stand, what they delivered, since when they fail.")
    .addHelpText("after", example("boma-master notify list"))
    .action((options) =>
      performAsking(options, async (client, output) => {
        const { notifiers, fault } = await client.ask<{ notifiers: ListedNotifier[]; fault?: string }>(
          "notify.list",
          {},
          ANSWER_MS_MAX,
        );
        const ok = fault === undefined;
        output.document({ ok, notifiers, ...(fault !== undefined && { fault }) });
        output.line(
          table(notifiers, [
            { head: "NAME", text: ({ name }) => name, colour: (text) => style("bold", text) },
            {
              head: "STATE",
              text: ({ state }) => state,
              colour: (text, { state }) => style(COLOUR[state], text),
            },
            { head: "TO", text: ({ to }) => to },
            { head: "BEHIND", text: ({ position, last }) => String(Math.max(0, last - position)) },
            { head: "DELIVERED", text: deliveredText },
            { head: "WAITING", text: ({ waiting, gathered }) => String(waiting + gathered) },
            {
              head: "DEAD",
              text: ({ dead: count, dropped }) => `${count}${dropped > 0 ? ` (+${dropped})` : ""}`,
            },
            { head: "LAST ERROR", text: errorText },
          ]),
        );
        if (fault !== undefined) output.line(`${style("red", "the site's file cannot be used")}: ${fault}`);
        return ok ? ExitCode.ok : ExitCode.failed;
      }),
    );

const deliveredText = ({ delivered, deliveredAt }: ListedNotifier): string =>
  deliveredAt === undefined ? String(delivered) : `${delivered}, ${ago(deliveredAt)}`;

const errorText = ({ failingSince, lastError }: ListedNotifier): string =>
  failingSince === undefined ? "" : `for ${span(failingSince)}: ${lastError ?? ""}`;

const dead = (group: Command): unknown =>
  asking(group.command("dead"))
    .description("Lists what was given up, the oldest first.")
    .addHelpText("after", example("boma-master notify dead"))
    .action((options) =>
      performAsking(options, async (client, output) => {
        const found: DeliveryRecord[] = [];
        for await (const one of client.follow<DeliveryRecord>("notify.dead", {})) found.push(one);
        output.document(found);
        output.line(
          table(found, [
            { head: "ID", text: ({ id }) => id, colour: (text) => style("bold", text) },
            { head: "NOTIFIER", text: ({ notifier }) => notifier },
            { head: "EVENT", text: ({ kind, sequence }) => `${kind} ${sequence}` },
            { head: "SINCE", text: ({ at }) => ago(at) },
            { head: "ATTEMPTS", text: ({ attempts }) => String(attempts) },
            { head: "LAST ERROR", text: ({ error }) => error },
          ]),
        );
      }),
    );

const retry = (group: Command): unknown =>
  asking(group.command("retry"))
    .description("Sends what was given up again, as often as it was tried before.")
    .argument("[id]", "one of them, as `notify dead` lists it")
    .option("--all", "all of them")
    .addHelpText("after", example("boma-master notify retry --all"))
    .action((id, options) =>
      performAsking(options, async (client, output) => {
        if ((id === undefined) === (options.all === undefined))
          throw usage("say which: an id, or --all", "`boma-master notify dead` lists them.");
        const done = await client.ask<{ again: number; gone: number }>(
          "notify.retry",
          id === undefined ? {} : { id },
          ANSWER_MS_MAX,
        );
        output.document({ ok: done.gone === 0, ...done });
        output.line(`${style("green", String(done.again))} will be sent again`);
        if (done.gone > 0) output.line(`${done.gone} stay: the site has no such notifier any more`);
        return done.gone === 0 ? ExitCode.ok : ExitCode.failed;
      }),
    );

const test = (group: Command): unknown =>
  asking(group.command("test"))
    .description("Sends a notification that says it is a test, now and once, and tells what came of it.")
    .argument("<name>", "the notifier")
    .addHelpText("after", example("boma-master notify test ops"))
    .action((name, options) =>
      performAsking(options, async (client, output) => {
        const done = await client.ask<{ to: string; ms: number }>("notify.test", { name }, ANSWER_MS_MAX);
        output.document({ ok: true, name, ...done });
        output.line(`${style("green", "delivered")} in ${done.ms} ms: ${name}, ${done.to}`);
      }),
    );
