import { BomaError, ExitCode, parseTarget } from "@boma/protocol";
import type { CatalogEntry } from "@boma/states/core";
import type { Command } from "@commander-js/extra-typings";

import type { DriftView } from "../api/verbs/drift.ts";
import type { Client } from "../client/client.ts";
import type { Output } from "../print/output.ts";
import { asking, example, performAsking, usage } from "./shell.ts";

export function drift(program: Command): void {
  const group = asking(program.command("drift"))
    .summary("which nodes are not as their catalogs say")
    .description(
      "Nodes look after the catalog that they were last given, and tell what differs. This prints what they told: who drifted, since when, and by whom where the system says that. Ends with 1 when a node has drifted, and with 0 when none has; what is in the mode `adopt` counts as known.",
    )
    .argument("[target]", "which nodes; all of them where it is not said")
    .option("--check", "let them look first")
    .option("--all", "show nodes that are in order, and all of every difference")
    .addHelpText(
      "after",
      example("boma-master drift\nboma-master drift 'env:dev' --check\nboma-master drift adopt web01"),
    )
    .action((target, options) =>
      performAsking(options, async (client, output) => {
        if (target !== undefined) parseTarget(target);
        const { driftText } = await import("../drift/drift-text.ts");
        const absent = options.check ? await lookFirst(client, target ?? "*") : [];
        const views = await listed(client, target);
        const drifted = views.filter(({ state }) => state === "drifted").length;
        output.document({
          ok: drifted === 0 && absent.length === 0,
          nodes: views,
          ...(options.check && { notChecked: absent }),
        });
        output.line(views.length === 0 ? "no nodes yet" : driftText(views, { all: options.all ?? false }));
        for (const { id, status } of absent) output.note(`${id} did not look now: ${status}`);
        if (drifted > 0) return ExitCode.failed;
        return absent.length > 0 ? ExitCode.incomplete : ExitCode.ok;
      }),
    );
  adopt(group as unknown as Command);
}

const listed = (client: Client, target: string | undefined): Promise<DriftView[]> =>
  client.ask<DriftView[]>("drift.list", target === undefined ? {} : { target });

const adopt = (group: Command): unknown =>
  asking(group.command("adopt"))
    .description(
      "Prints the declarations that would make a node right as it is, to be read and pasted into the site. It changes nothing.",
    )
    .argument("<node>", "the node's id")
    .argument(
      "[resource]",
      "one declaration, such as 'file.managed(/etc/motd)'; all that drifted where not said",
    )
    .addHelpText("after", example("boma-master drift adopt web01 'sysctl.set(vm.swappiness)'"))
    .action((node, resource, options) =>
      performAsking(options, async (client, output) => {
        const view = (await listed(client, `L@${node}`)).find(({ id }) => id === node);
        if (!view) throw new BomaError("node/unknown", `there is no node ${JSON.stringify(node)}`);
        return printAdoptions(client, output, view, resource);
      }),
    );

async function printAdoptions(
  client: Client,
  output: Output,
  { id, resources }: DriftView,
  wanted: string | undefined,
): Promise<ExitCode> {
  const chosen = resources.filter(({ resource }) => wanted === undefined || resource === wanted);
  if (wanted !== undefined && chosen.length === 0)
    throw usage(`${wanted} has not drifted on ${id}`, `\`boma-master drift ${id}\` shows what has.`);
  const { adoption } = await import("../drift/adoption.ts");
  const proposals: { resource: string; declaration: string }[] = [];
  const catalogs = new Map<string, readonly CatalogEntry[]>();
  for (const one of chosen) {
    const { resource, catalog: hash } = one;
    const entries = catalogs.get(hash) ?? (await entriesOf(client, id, hash));
    catalogs.set(hash, entries);
    const entry = entries.find((declared) => declared.id === resource);
    const declaration = entry
      ? adoption(entry, one)
      : `// ${JSON.stringify(resource)}: the catalog that it belongs to is not kept any more\n`;
    proposals.push({ resource, declaration });
  }
  output.document(proposals);
  if (proposals.length === 0) output.line(`// nothing has drifted on ${id}`);
  for (const { declaration } of proposals) output.line(declaration);
  return ExitCode.ok;
}

/** None, where the catalog is not kept any more. */
async function entriesOf(client: Client, node: string, hash: string): Promise<readonly CatalogEntry[]> {
  // The node says which one it is: whatever it says must not hide the rest of its drift.
  if (!/^[0-9a-f]{64}$/.test(hash)) return [];
  try {
    return (await client.ask<{ entries: CatalogEntry[] }>("catalog.show", { node, hash })).entries;
  } catch (thrown) {
    if (thrown instanceof BomaError && thrown.code === "usage/argument") return [];
    throw thrown;
  }
}

async function lookFirst(client: Client, target: string) {
  const { checkDrift } = await import("../client/check-drift.ts");
  return checkDrift(client, target);
}
