import { readFileSync } from "node:fs";
import { join, relative } from "node:path";

import { BomaError, escapeControl, ExitCode, parseInventory } from "@boma/protocol";
import type { Command } from "@commander-js/extra-typings";

import { type Output, style } from "../print/output.ts";
import type { CheckedNode, CheckItem, Finding } from "../site/check-site.ts";
import { asking, type CommonOptions, example, perform, withClient } from "./shell.ts";

interface Options extends CommonOptions {
  readonly site?: string | undefined;
  readonly inventory?: string | undefined;
  readonly types: boolean;
}
interface NodeResult {
  readonly id: string;
  readonly declarations: number;
  readonly warnings: readonly string[];
  readonly error?: Finding;
}
interface Checked {
  readonly site: string;
  readonly errors: readonly Finding[];
  readonly nodes: readonly NodeResult[];
  /** Why no node was compiled, where none was. */
  readonly remark?: string;
}

const ERRORS_SHOWN = 20;

export const check = (program: Command): unknown =>
  asking(program.command("check"))
    .summary("type-check the site and compile it for every node; nothing is sent")
    .description(
      "Checks the site: types, imports, trees, pillar, profiles, for every node that the master knows. Touches no node.",
    )
    .option("--no-types", "do not run the type checker")
    .option("--site <dir>", "check this directory, without asking the master")
    .option("--inventory <file>", "compile for the nodes of this JSON file, without asking the master")
    .addHelpText("after", example("boma-master check"))
    .action((options) =>
      perform(options, async (output) => {
        const compiled = await compile(options);
        const types = options.types ? await typesOf(compiled.site) : [];
        return show(output, { ...compiled, errors: [...types, ...compiled.errors] });
      }),
    );

async function typesOf(site: string): Promise<readonly Finding[]> {
  const { checkTypes } = await import("../site/site-types.ts");
  return checkTypes(site);
}

async function compile(options: Options): Promise<Checked> {
  if (options.site !== undefined || options.inventory !== undefined) return compileHere(options);
  try {
    return await withClient(options, (client) => gather(client.follow<CheckItem>("site.check")));
  } catch (thrown) {
    if (!(thrown instanceof BomaError) || thrown.exit !== ExitCode.unreachable) throw thrown;
    const remark = `no node was compiled, for no master runs (${thrown.message}); --inventory FILE names nodes`;
    return { ...(await compileHere(options)), remark };
  }
}

/** Without a master: the same code in the same kind of process, for the nodes of a file. */
async function compileHere({ home: homeOption, site, inventory }: Options): Promise<Checked> {
  const [{ homeAt }, { SiteCompiler }, { checkSite }, { assignedBy, requireProfile }] = await Promise.all([
    import("../home.ts"),
    import("../site/site-compiler.ts"),
    import("../site/check-site.ts"),
    import("../site/profile.ts"),
  ]);
  const dir = site ?? join(homeAt(homeOption).dir, "site");
  const nodes = inventory === undefined ? [] : nodesOf(inventory);
  const compiler = new SiteCompiler({
    site: dir,
    note: (text) => process.stderr.write(`${escapeControl(text)}\n`),
  });
  try {
    const { profiles } = await compiler.load();
    // A node of an inventory that names its profile has what the profile assigns, as when it joins.
    const profiled = nodes.map((node) => {
      const name = node.assigned["profile"];
      if (typeof name !== "string") return node;
      return { ...node, assigned: assignedBy(requireProfile(profiles, name), node.assigned) };
    });
    const checked = await gather(checkSite(compiler, profiled));
    return inventory === undefined
      ? { ...checked, remark: "no node was compiled; --inventory FILE names nodes" }
      : checked;
  } finally {
    await compiler.close();
  }
}

function nodesOf(inventory: string): CheckedNode[] {
  try {
    return parseInventory(JSON.parse(readFileSync(inventory, "utf8"))).nodes.map(
      ({ id, grains, assigned }) => ({
        key: id,
        id,
        grains: grains ?? {},
        assigned: (assigned ?? {}) as CheckedNode["assigned"],
      }),
    );
  } catch (cause) {
    if (cause instanceof BomaError) throw cause;
    throw new BomaError(
      "usage/file",
      `${inventory} cannot be read as an inventory: ${(cause as Error).message}`,
      { cause },
    );
  }
}

async function gather(items: AsyncIterable<CheckItem>): Promise<Checked> {
  let site = "";
  const errors: Finding[] = [];
  const nodes: NodeResult[] = [];
  for await (const item of items)
    if (item.kind === "site") {
      site = item.site;
      errors.push(...item.errors);
    } else {
      const { kind: _, ...node } = item;
      nodes.push(node);
    }
  return { site, errors, nodes };
}

function show(output: Output, { site, errors, nodes, remark }: Checked): ExitCode {
  const ok = errors.length === 0 && nodes.every(({ error }) => !error);
  output.document({ ok, site, errors, nodes, ...(remark !== undefined && { remark }) });
  const told = new Map<string, { error: Finding; ids: string[] }>();
  for (const error of errors) told.set(textOf(error), { error, ids: [] });
  for (const { id, error } of nodes) {
    if (!error) continue;
    const one = told.get(textOf(error)) ?? { error, ids: [] };
    told.set(textOf(error), one);
    one.ids.push(id);
  }
  for (const { error, ids } of [...told.values()].slice(0, ERRORS_SHOWN))
    showFinding(output, site, error, ids);
  if (told.size > ERRORS_SHOWN) output.line(`and ${told.size - ERRORS_SHOWN} more errors`);
  showWarnings(output, nodes);
  for (const { id, declarations, error } of nodes)
    output.line(
      `${style("bold", id)}  ${error ? style("red", "error") : `${declarations} declaration${declarations === 1 ? "" : "s"}`}`,
    );
  if (remark !== undefined) output.note(escapeControl(remark));
  const count = told.size === 1 ? "1 error" : `${told.size} errors`;
  output.line(ok ? `${style("green", "ok")}  ${site}` : `${style("red", count)} in ${site}`);
  return ok ? ExitCode.ok : ExitCode.usage;
}

const textOf = ({ what, place }: Finding): string => JSON.stringify([what, place]);

/** `file:line:column`, then the line itself with a caret. */
function showFinding(output: Output, site: string, error: Finding, ids: readonly string[]): void {
  const { what, hint, place, code } = error;
  const path = place && join(site, place.file);
  const near = path === undefined ? undefined : relative(process.cwd(), path);
  const file = near === undefined || near.startsWith("..") ? path : near;
  const at = place
    ? `${[file, place.line, place.column].filter((part) => part !== undefined).join(":")}: `
    : "";
  output.line(
    `${style("bold", escapeControl(at))}${style("red", `error[${escapeControl(code)}]`)}: ${escapeControl(what)}`,
  );
  const source = path === undefined ? undefined : lineOf(path, place!.line);
  if (source !== undefined) {
    output.line(`  ${escapeControl(source.replaceAll("\t", " "))}`);
    if (place!.column !== undefined) output.line(`  ${" ".repeat(place!.column - 1)}${style("red", "^")}`);
  }
  if (ids.length > 0)
    output.line(`  for ${ids.slice(0, 5).join(", ")}${ids.length > 5 ? ` and ${ids.length - 5} more` : ""}`);
  if (hint !== undefined) output.line(style("dim", `  ${escapeControl(hint)}`));
}

function lineOf(path: string, line: number | undefined): string | undefined {
  if (line === undefined) return undefined;
  try {
    return readFileSync(path, "utf8").split("\n")[line - 1]?.slice(0, 200);
  } catch {
    return undefined; // The master's site may lie on another machine.
  }
}

function showWarnings(output: Output, nodes: readonly NodeResult[]): void {
  const warned = new Map<string, number>();
  for (const { warnings } of nodes)
    for (const text of warnings) warned.set(text, (warned.get(text) ?? 0) + 1);
  for (const [text, count] of [...warned].slice(0, ERRORS_SHOWN))
    output.line(
      `${style("yellow", "warning")}: ${escapeControl(text)}${count > 1 ? ` (${count} nodes)` : ""}`,
    );
}
