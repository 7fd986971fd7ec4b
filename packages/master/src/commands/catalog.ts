import { escapeLine, ExitCode } from "@boma/protocol";
import type { Catalog, CatalogDiff } from "@boma/states/core";
import type { Command } from "@commander-js/extra-typings";

import { style } from "../print/output.ts";
import { ago } from "../print/table.ts";
import { valueText } from "../print/value.ts";
import { asking, example, performAsking } from "./shell.ts";

export function catalog(program: Command): void {
  const group = program.command("catalog").summary("look at what was compiled for a node");
  group.description(
    "What the site says of one node, as declarations in the order in which they run. Secrets are references.",
  );
  group.addHelpText(
    "after",
    example("boma-master catalog show web01\nboma-master catalog diff web01 3fa2 91cc"),
  );
  show(group as unknown as Command);
  list(group as unknown as Command);
  diff(group as unknown as Command);
}

const show = (group: Command): unknown =>
  asking(group.command("show"))
    .description("The catalog of a node as the site has it now, or one that it was sent before.")
    .argument("<node>", "the node's id")
    .argument("[hash]", "the beginning of a catalog's hash")
    .addHelpText("after", example("boma-master catalog show web01"))
    .action((node, hash, options) =>
      performAsking(options, async (client, output) => {
        const found = await client.ask<Catalog>("catalog.show", {
          node,
          ...(hash !== undefined && { hash }),
        });
        output.document(found);
        for (const { id, params, requisites, origin } of found.entries) {
          const at = origin ? style("dim", `  ${origin.file}:${origin.line}`) : "";
          output.line(`${style("bold", escapeLine(id))}${at}`);
          output.line(valueText({ ...params, ...requisites }).replace(/^/gm, "    "));
        }
      }),
    );

const list = (group: Command): unknown =>
  asking(group.command("list"))
    .description("The catalogs that a node was sent, the newest first.")
    .argument("<node>", "the node's id")
    .addHelpText("after", example("boma-master catalog list web01"))
    .action((node, options) =>
      performAsking(options, async (client, output) => {
        const found = await client.ask<{ hash: string; at: number }[]>("catalog.list", { node });
        output.document(found);
        if (found.length === 0) output.line(`${node} was sent no catalog yet`);
        for (const { hash, at } of found) output.line(`${hash.slice(0, 16)}  ${style("dim", ago(at))}`);
      }),
    );

const diff = (group: Command): unknown =>
  asking(group.command("diff"))
    .description("What changed between two catalogs of a node.")
    .argument("<node>", "the node's id")
    .argument("<old>", "the beginning of a catalog's hash")
    .argument("<new>", "the beginning of the other's")
    .addHelpText("after", example("boma-master catalog diff web01 3fa2 91cc"))
    .action((node, from, to, options) =>
      performAsking(options, async (client, output) => {
        const found = await client.ask<CatalogDiff>("catalog.diff", { node, from, to });
        output.document(found);
        for (const id of found.added) output.line(style("green", `+ ${escapeLine(id)}`));
        for (const id of found.removed) output.line(style("red", `- ${escapeLine(id)}`));
        for (const { id, changes } of found.changed) {
          output.line(style("yellow", `~ ${escapeLine(id)}`));
          output.line(valueText(changes).replace(/^/gm, "    "));
        }
        for (const id of found.moved) output.line(style("dim", `  ${escapeLine(id)} runs in another place`));
        return ExitCode.ok;
      }),
    );
