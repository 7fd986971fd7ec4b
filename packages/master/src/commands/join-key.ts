import type { Command } from "@commander-js/extra-typings";

import type { JoinKeyRecord } from "../enrol/join-keys.ts";
import { style } from "../print/output.ts";
import { ago, table } from "../print/table.ts";
import { asking, example, performAsking, usage } from "./shell.ts";

type Listed = JoinKeyRecord & { readonly newest: boolean };

export function joinKey(program: Command): void {
  const group = program
    .command("join-key")
    .summary("the key in images, by which machines knock: list, new, retire")
    .description(
      "Every image, join file and token carries a key by which a machine may ask to join, and nothing else. An image that was stolen is shut out by retiring the key that it has.",
    )
    .addHelpText("after", example("boma-master join-key new && boma-master join-key retire 1"));
  list(group);
  make(group);
  retire(group);
}

const stateOf = ({ retiredAt, newest }: Listed): string =>
  retiredAt !== undefined ? `retired ${ago(retiredAt)}` : newest ? "newest" : "good";

const list = (group: Command): unknown =>
  asking(group.command("list"))
    .description("Lists the keys that there are, and which of them are good.")
    .addHelpText("after", example("boma-master join-key list"))
    .action((options) =>
      performAsking(options, async (client, output) => {
        const keys = await client.ask<Listed[]>("join-key.list");
        output.document(keys);
        output.line(
          table(keys, [
            { head: "KEY", text: ({ number }) => String(number), colour: (text) => style("bold", text) },
            {
              head: "STATE",
              text: stateOf,
              colour: (text, { retiredAt }) => style(retiredAt === undefined ? "green" : "dim", text),
            },
            { head: "MADE", text: ({ madeAt }) => (madeAt === undefined ? "" : ago(madeAt)) },
            { head: "BY", text: ({ madeBy }) => madeBy },
          ]),
        );
      }),
    );

const make = (group: Command): unknown =>
  asking(group.command("new"))
    .description("Makes another key, which all that is made from now on carries. The others stay good.")
    .addHelpText("after", example("boma-master join-key new"))
    .action((options) =>
      performAsking(options, async (client, output) => {
        const { number } = await client.ask<{ number: number }>("join-key.new");
        output.document({ ok: true, number });
        output.line(`${style("green", "made")} join key ${style("bold", String(number))}`);
        output.line("next: build your images anew, and bring them and the join file to where they are used;");
        output.line("then: boma-master join-key retire NUMBER, for the key that the old ones carry");
      }),
    );

const retire = (group: Command): unknown =>
  asking(group.command("retire"))
    .description(
      "Shuts out all that carries this key: images, join files, and tokens that nobody has used yet. Nodes are not touched.",
    )
    .argument("<key>", "its number")
    .addHelpText("after", example("boma-master join-key retire 1"))
    .action((key, options) =>
      performAsking(options, async (client, output) => {
        const number = Number(key);
        if (!Number.isInteger(number) || number < 1)
          throw usage(`${JSON.stringify(key)} is no number of a key`, "boma-master join-key list");
        await client.ask("join-key.retire", { number });
        output.document({ ok: true, number });
        output.line(
          `join key ${number} is ${style("red", "retired")}: who comes with it is not let in to ask`,
        );
      }),
    );
