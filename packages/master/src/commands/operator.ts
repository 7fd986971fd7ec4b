import { newNkey, newSigningKey } from "@boma/protocol";
import type { Command } from "@commander-js/extra-typings";

import type { Rights } from "../api/rights.ts";
import { style } from "../print/output.ts";
import { table } from "../print/table.ts";
import { readRunRight, rightsText } from "./rights-text.ts";
import { asking, collect, example, performAsking, usage } from "./shell.ts";

interface Listed {
  readonly name: string;
  readonly key: string;
  readonly rights: Rights;
  readonly addedBy: string;
  readonly you: boolean;
}

export function operator(program: Command): void {
  const group = program
    .command("operator")
    .summary("who may ask the master for what: list, add, remove")
    .description("Operators have keys of their own, and rights.")
    .addHelpText(
      "after",
      example("boma-master operator add ci --run 'test.*,grains.*@env:dev' --out ci.operator.json"),
    );
  list(group);
  add(group);
  remove(group);
}

const list = (group: Command): unknown =>
  asking(group.command("list"))
    .description("Lists the operators and their rights.")
    .addHelpText("after", example("boma-master operator list"))
    .action((options) =>
      performAsking(options, async (client, output) => {
        const found = await client.ask<Listed[]>("operator.list");
        output.document(found);
        output.line(
          table(found, [
            {
              head: "NAME",
              text: ({ name, you }) => (you ? `${name} (you)` : name),
              colour: (text) => style("bold", text),
            },
            { head: "MAY", text: ({ rights }) => rightsText(rights) },
            { head: "BY", text: ({ addedBy }) => addedBy },
          ]),
        );
      }),
    );

const add = (group: Command): unknown =>
  asking(group.command("add"))
    .description(
      "Makes an operator and writes the credential to a file; the keys are made here and never leave it.",
    )
    .argument("<name>", "who it is")
    .requiredOption("--out <file>", "where the credential goes")
    .option("--admin", "everything, operators included")
    .option("--read", "see nodes, grains, jobs and events")
    .option("--events <patterns>", "read events of these kinds only, such as 'job.*,drift.*'")
    .option("--audit", "read the audit")
    .option("--netboot", "serve machines that boot: for the boot service, and nobody else")
    .option(
      "--run <functions@target>",
      "run these functions on these nodes, such as 'test.*@env:dev' (may be repeated)",
      collect,
      [],
    )
    .addHelpText(
      "after",
      example("boma-master operator add alice --read --run 'cmd.run,test.*@env:dev' --out alice.json"),
    )
    .action((name, options) =>
      performAsking(options, async (client, output) => {
        const rights: Rights = {
          admin: options.admin ?? false,
          read: options.read ?? false,
          run: options.run.map(readRunRight),
          events: options.events?.split(",") ?? [],
          audit: options.audit ?? false,
          ...(options.netboot && { netboot: true }),
        };
        if (rightsText(rights) === "nothing")
          throw usage(
            "an operator without rights can do nothing",
            "Give --read, --events, --audit, --run or --admin.",
          );
        const { existsSync } = await import("node:fs");
        if (existsSync(options.out)) throw usage(`${options.out} is there already`);
        const user = newNkey.user();
        const sign = newSigningKey();
        const made = await client.ask<{
          credential: string;
          servers: string[];
          root: Uint8Array;
          ca?: string;
        }>("operator.add", {
          name,
          key: user.publicKey,
          sign: sign.publicKey,
          rights,
        });
        const { writeOperatorFile } = await import("../operator-file.ts");
        writeOperatorFile(options.out, { name, user, sign, ...made });
        output.document({ ok: true, name, rights, file: options.out });
        output.line(
          `${style("green", "added")} ${style("bold", name)}: may ${rightsText(rights)}; the credential is in ${options.out}`,
        );
      }),
    );

const remove = (group: Command): unknown =>
  asking(group.command("remove"))
    .description("Takes an operator's rights away and cuts the connection.")
    .argument("<name>")
    .addHelpText("after", example("boma-master operator remove anna"))
    .action((name, options) =>
      performAsking(options, async (client, output) => {
        await client.ask("operator.remove", { name });
        output.document({ ok: true, name });
        output.line(`${style("red", "removed")} ${name}`);
      }),
    );
