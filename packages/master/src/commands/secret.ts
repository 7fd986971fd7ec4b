import type { Command } from "@commander-js/extra-typings";

import { style } from "../print/output.ts";
import { ago, table } from "../print/table.ts";
import { asking, example, homeOption, jsonOption, perform, performAsking } from "./shell.ts";

interface Listed {
  readonly name: string;
  readonly node?: string;
  readonly length: number;
  readonly encoding: string;
  readonly madeAt: number;
}

export function secret(program: Command): void {
  const group = program
    .command("secret")
    .summary("secrets: try a reference, list and forget what was generated")
    .description("Works with the secrets that states refer to. No command ever shows a value.")
    .addHelpText("after", example("boma-master secret check 'vault:kv/data/web#password' --node web-01"));
  check(group);
  list(group);
  forget(group);
  identity(group);
}

const check = (group: Command): unknown =>
  asking(group.command("check"))
    .description("Says whether a reference leads to a secret, and whether a node may have it.")
    .argument("<reference>", 'as in secret("…")')
    .option("--node <id>", "for this node")
    .addHelpText("after", example("boma-master secret check 'age:secrets/web.age#password'"))
    .action((reference, options) =>
      performAsking(options, async (client, output) => {
        const forNode = options.node === undefined ? {} : { node: options.node };
        const done = await client.ask<object>("secret.check", { reference, ...forNode });
        output.document({ ok: true, ...done });
        const who = options.node === undefined ? "" : `, and ${options.node} may have it`;
        output.line(`${style("green", "resolves")}  ${reference}${who}`);
      }),
    );

const list = (group: Command): unknown =>
  asking(group.command("list"))
    .description("Lists the secrets that were generated (gen:), without their values.")
    .addHelpText("after", example("boma-master secret list"))
    .action((options) =>
      performAsking(options, async (client, output) => {
        const listed = await client.ask<Listed[]>("secret.list");
        output.document(listed);
        if (listed.length === 0) return output.line("no secret was generated yet");
        output.line(
          table(listed, [
            { head: "NAME", text: ({ name }) => name },
            { head: "NODE", text: ({ node }) => node ?? "" },
            { head: "FORM", text: ({ length, encoding }) => `len=${length}&enc=${encoding}` },
            { head: "MADE", text: ({ madeAt }) => ago(madeAt) },
          ]),
        );
      }),
    );

const forget = (group: Command): unknown =>
  asking(group.command("forget"))
    .description("Lets go of a generated secret: the next job that needs it makes a new one.")
    .argument("<name>", "as `secret list` shows it")
    .option("--node <id>", "the one of this node")
    .addHelpText("after", example("boma-master secret forget web/cookie"))
    .action((name, options) =>
      performAsking(options, async (client, output) => {
        const ofNode = options.node === undefined ? {} : { node: options.node };
        const done = await client.ask<object>("secret.forget", { name, ...ofNode });
        output.document({ ok: true, ...done });
        output.line(`${name} is forgotten; the next job that needs it makes a new one`);
      }),
    );

const identity = (group: Command): unknown =>
  group
    .command("identity")
    .description(
      "Shows to whom files for age: are encrypted; makes the master's identity where there is none.",
    )
    .addOption(homeOption())
    .addOption(jsonOption())
    .addHelpText("after", example('age -r "$(boma-master secret identity)" -o secrets/web.age web.txt'))
    .action((options) =>
      perform(options, async (output) => {
        const [{ homeAt, assertInitialised }, { ageRecipient }] = await Promise.all([
          import("../home.ts"),
          import("../secrets/age-identity.ts"),
        ]);
        const home = homeAt(options.home);
        assertInitialised(home);
        const recipient = await ageRecipient(home);
        output.document({ ok: true, recipient });
        output.line(recipient);
      }),
    );
