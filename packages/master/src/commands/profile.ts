import type { Command } from "@commander-js/extra-typings";

import { style } from "../print/output.ts";
import { grainText, table } from "../print/table.ts";
import { asking, example, performAsking, usage } from "./shell.ts";

interface Listed {
  readonly name: string;
  readonly file: string;
  readonly roles: readonly string[];
  readonly assign: Readonly<Record<string, string | string[]>>;
  readonly match: { readonly mac?: readonly string[]; readonly hostname?: readonly string[] };
  readonly default: boolean;
  readonly nodes: readonly string[];
}
interface List {
  readonly profiles: readonly Listed[];
  readonly errors: readonly string[];
}
interface Explained {
  readonly id: string;
  readonly frozen?: string;
  readonly chosen?: string;
  readonly steps: readonly {
    readonly rule: string;
    readonly found: readonly string[];
    readonly text: string;
  }[];
}

export function profile(program: Command): void {
  const group = program
    .command("profile")
    .summary("profiles: list, show, explain, set")
    .description(
      "A profile says what a machine becomes: its roles and assigned grains. It is chosen once, when the machine is approved.",
    )
    .addHelpText("after", example("boma-master profile explain web-01"));
  list(group);
  show(group);
  explain(group);
  set(group);
}

const rulesText = ({ match: { mac = [], hostname = [] }, default: isDefault }: Listed): string =>
  [
    ...mac.map((one) => `mac ${one}`),
    ...hostname.map((glob) => `hostname ${glob}`),
    ...(isDefault ? ["default"] : []),
  ].join(", ");

const list = (group: Command): unknown =>
  asking(group.command("list"))
    .description("Lists the site's profiles, whom they match, and how many nodes have them.")
    .addHelpText("after", example("boma-master profile list"))
    .action((options) =>
      performAsking(options, async (client, output) => {
        const { profiles, errors } = await client.ask<List>("profile.list");
        output.document({ profiles, errors });
        for (const error of errors) output.note(style("red", error));
        if (profiles.length === 0)
          return output.line("no profiles; they are files below profiles/ of the site");
        output.line(
          table(profiles, [
            { head: "NAME", text: ({ name }) => name, colour: (text) => style("bold", text) },
            { head: "ROLES", text: ({ roles }) => roles.join(",") },
            { head: "ASSIGNS", text: ({ assign }) => grainText(assign) },
            { head: "MATCHES", text: rulesText },
            { head: "NODES", text: ({ nodes }) => String(nodes.length) },
          ]),
        );
      }),
    );

const show = (group: Command): unknown =>
  asking(group.command("show"))
    .description("Shows one profile and the nodes that have it.")
    .argument("<name>", "the profile's name")
    .addHelpText("after", example("boma-master profile show web"))
    .action((name, options) =>
      performAsking(options, async (client, output) => {
        const { profiles } = await client.ask<List>("profile.list");
        const found = profiles.find((one) => one.name === name);
        if (!found)
          throw usage(
            `there is no profile ${JSON.stringify(name)}`,
            `There are: ${profiles.map((one) => one.name).join(", ") || "none"}.`,
          );
        output.document(found);
        output.line(`${style("bold", found.name)}  ${style("dim", found.file)}`);
        output.line(`roles    ${found.roles.join(", ")}`);
        output.line(`assigns  ${grainText(found.assign)}`);
        output.line(`matches  ${rulesText(found)}`);
        output.line(`nodes    ${found.nodes.join(", ")}`);
      }),
    );

const explain = (group: Command): unknown =>
  asking(group.command("explain"))
    .description("Says step by step which profile a node would get now, and which one it has.")
    .argument("<node>", "the node's id")
    .addHelpText("after", example("boma-master profile explain web-01"))
    .action((id, options) =>
      performAsking(options, async (client, output) => {
        const explained = await client.ask<Explained>("profile.explain", { id });
        output.document(explained);
        for (const { rule, found, text } of explained.steps)
          output.line(
            `${rule.padEnd(9)} ${text}: ${found.length === 0 ? "no profile" : style("bold", found.join(", "))}`,
          );
        output.line(`would get ${explained.chosen ?? "no profile"}`);
        output.line(
          `has       ${explained.frozen ?? "no profile"}${explained.frozen === undefined ? "" : " (since it was approved or set)"}`,
        );
        if (explained.frozen !== explained.chosen && explained.chosen !== undefined)
          output.line(style("dim", `next: boma-master profile set ${id} ${explained.chosen}`));
      }),
    );

const set = (group: Command): unknown =>
  asking(group.command("set"))
    .description("Gives a node a profile: its roles and assigned grains replace those of the one before.")
    .argument("<node>", "the node's id")
    .argument("<name>", "the profile's name")
    .addHelpText("after", example("boma-master profile set web-01 web"))
    .action((id, name, options) =>
      performAsking(options, async (client, output) => {
        const done = await client.ask<{ assigned: Record<string, string> }>("profile.set", {
          id,
          profile: name,
        });
        output.document(done);
        output.line(`${style("bold", id)}  ${grainText(done.assigned)}`);
      }),
    );
