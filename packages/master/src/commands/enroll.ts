import type { Command } from "@commander-js/extra-typings";

import type { WaitingView } from "../api/verbs/enroll.ts";
import type { AllowRule } from "../enrol/allow-list.ts";
import { style } from "../print/output.ts";
import { ago, grainText, table } from "../print/table.ts";
import { asking, collect, example, performAsking, readAssigned, usage } from "./shell.ts";

export function enroll(program: Command): void {
  const group = program
    .command("enroll")
    .summary("machines that ask to join: list, approve, deny, allow")
    .description("Decides which machines become nodes.")
    .addHelpText(
      "after",
      example("boma-master enroll approve web-01 --fingerprint 7QK2-M0XR-9D3E-TTFA --assign env=dev"),
    );
  list(group);
  approve(group);
  deny(group);
  allow(group);
}

const STATUS_COLOUR = {
  pending: "cyan",
  "changed-key": "red",
  "token-refused": "magenta",
  denied: "dim",
} as const;

const list = (group: Command): unknown =>
  asking(group.command("list"))
    .description("Lists the machines that wait for a decision.")
    .addHelpText("after", example("boma-master enroll list"))
    .action((options) =>
      performAsking(options, async (client, output) => {
        const { waiting, allowed } = await client.ask<{ waiting: WaitingView[]; allowed: AllowRule[] }>(
          "enroll.list",
        );
        output.document({ waiting, allowed });
        for (const { by, value, assigned } of allowed)
          output.line(style("dim", `allowed: ${by} ${value} ${grainText(assigned)}`));
        if (waiting.length === 0) return output.line("nobody asks to join");
        output.line(
          table(waiting, [
            { head: "ID", text: ({ id }) => id, colour: (text) => style("bold", text) },
            { head: "FINGERPRINT", text: ({ fingerprint }) => fingerprint },
            { head: "IN WORDS", text: ({ words }) => words },
            {
              head: "STATUS",
              text: ({ status }) => status,
              colour: (text, { status }) => style(STATUS_COLOUR[status], text),
            },
            {
              head: "HARDWARE",
              text: ({ claims }) =>
                [claims.model, claims.serial, claims.macs[0], claims.arch].filter(Boolean).join(" "),
            },
            { head: "WANTS", text: ({ claims }) => grainText(claims.wants) },
            { head: "SINCE", text: ({ since }) => ago(since) },
            { head: "", text: ({ reason }) => reason ?? "" },
          ]),
        );
        output.line(
          style(
            "dim",
            "\ncompare the fingerprint with the machine's console, then: boma-master enroll approve ID --fingerprint F --assign env=dev",
          ),
        );
      }),
    );

const approve = (group: Command): unknown =>
  asking(group.command("approve"))
    .description(
      "Makes a machine a node. A changed key needs its fingerprint, and revokes the old key in the same step.",
    )
    .argument("[id]", "the id that it asks for")
    .option("--fingerprint <f>", "what the machine shows on its console: the code, or its five words")
    .option("--as <id>", "give it another id")
    .option("--assign <key=value>", "an assigned grain (may be repeated)", collect, [])
    .option("--wanted", "assign what its boot line asks for, too")
    .addHelpText("after", example("boma-master enroll approve web-01 --assign env=dev --assign role=web"))
    .action((id, options) =>
      performAsking(options, async (client, output) => {
        const { fingerprint, as } = options;
        if (id === undefined && fingerprint === undefined) throw usage("name an id or a --fingerprint");
        const done = await client.ask<{ id: string; fingerprint: string; assurance: string }>(
          "enroll.approve",
          {
            ...(id !== undefined && { id }),
            ...(fingerprint !== undefined && { fingerprint }),
            ...(as !== undefined && { as }),
            assigned: readAssigned(options.assign),
            wanted: options.wanted ?? false,
          },
        );
        output.document({ ok: true, ...done });
        output.line(
          `${style("green", "approved")} ${style("bold", done.id)}  ${done.fingerprint}  ${style("dim", `assurance ${done.assurance}`)}`,
        );
      }),
    );

const deny = (group: Command): unknown =>
  asking(group.command("deny"))
    .description("Denies a machine. It goes on asking, and stays denied.")
    .argument("[id]", "the id that it asks for")
    .option("--fingerprint <f>", "which one, where several ask for the same id")
    .addHelpText("after", example("boma-master enroll deny web-07"))
    .action((id, options) =>
      performAsking(options, async (client, output) => {
        const { fingerprint } = options;
        if (id === undefined && fingerprint === undefined) throw usage("name an id or a --fingerprint");
        const which = { ...(id !== undefined && { id }), ...(fingerprint !== undefined && { fingerprint }) };
        const done = await client.ask<{ id: string; fingerprint: string }>("enroll.deny", which);
        output.document({ ok: true, ...done });
        output.line(`${style("red", "denied")} ${done.id}  ${done.fingerprint}`);
      }),
    );

const allow = (group: Command): unknown =>
  asking(group.command("allow"))
    .description(
      "Lets a machine join by what it claims to be. Claims can be copied: its assurance stays hardware-claim.",
    )
    .option("--mac <mac>")
    .option("--uuid <uuid>")
    .option("--serial <serial>")
    .option("--assign <key=value>", "an assigned grain (may be repeated)", collect, [])
    .option("--remove", "take it off the list")
    .addHelpText("after", example("boma-master enroll allow --mac 52:54:00:12:34:56 --assign env=dev"))
    .action((options) =>
      performAsking(options, async (client, output) => {
        const named = (["mac", "uuid", "serial"] as const).filter((by) => options[by] !== undefined);
        const [by] = named;
        if (named.length !== 1 || by === undefined) throw usage("name one of --mac, --uuid, --serial");
        const rule = {
          by,
          value: options[by]!,
          assigned: readAssigned(options.assign),
          remove: options.remove ?? false,
        };
        await client.ask("enroll.allow", rule);
        output.document({ ok: true, ...rule });
        output.line(`${by} ${rule.value} ${rule.remove ? "taken off the list" : "may join"}`);
      }),
    );
