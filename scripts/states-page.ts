/** One page for each module, from its schemas and examples and the runbook of its guide; and the page that lists them. */
import { existsSync, readFileSync } from "node:fs";

import { describeFunction, describeState, functions, type StateDoc, states } from "@boma/states";

const moduleOf = (name: string): string => name.split(".", 1)[0]!;
const anchorOf = (heading: string): string => heading.replaceAll(".", "");

const stateDocs = Map.groupBy(
  Object.values(states).map(({ spec }) => ({ doc: describeState(spec), stage: spec.stage })),
  ({ doc }) => moduleOf(doc.name),
);
const functionDocs = Map.groupBy(Object.values(functions).map(describeFunction), ({ name }) =>
  moduleOf(name),
);

interface Guide {
  readonly title: string;
  /** What to do when it breaks, with its heading. */
  readonly runbook: string;
}

function guideOf(module: string): Guide | undefined {
  const file = new URL(`../docs/guide/infra/${module}.md`, import.meta.url);
  if (!existsSync(file)) return undefined;
  const [head = "", ...sections] = readFileSync(file, "utf8").split(/^(?=## )/m);
  const runbook = sections.find((section) => /^## (When it breaks|Runbook)$/m.test(section));
  if (!runbook) throw new Error(`docs/guide/infra/${module}.md does not say what to do when it breaks`);
  return { title: /^# (.*)$/m.exec(head)![1]!, runbook: runbook.trimEnd() };
}

/** Modules that have states, and those of which there is nothing but functions and a guide. */
const modules = [...new Set([...stateDocs.keys(), ...[...functionDocs.keys()].filter(guideOf)])].sort();

export function statesPage(): string {
  const rows = modules.flatMap((module) =>
    (stateDocs.get(module) ?? []).map(
      ({ doc: { name, summary } }) =>
        `| [${name}](modules/${module}.md#${anchorOf(name)}) | ${summary.replaceAll("|", "\\|")} |`,
    ),
  );
  return [
    "<!-- Written by `npm run gen` from the states' schemas. -->",
    "# States",
    "",
    "Every declaration may also say `require`, `watch`, `onChanges`, `onFail`, `prereq`, `listen` (their `…Any` and `…In`",
    "forms), `unless`, `onlyIf`, `creates`, `retry`, `timeout`, `order` and `failHard`: see [the guide](guide/states.md).",
    "",
    "| state | |",
    "|---|---|",
    ...rows,
    "",
  ].join("\n");
}

/** By file name. */
export function modulePages(): ReadonlyMap<string, string> {
  return new Map(modules.map((module) => [`${module}.md`, modulePage(module)]));
}

function modulePage(module: string): string {
  const guide = guideOf(module);
  return [
    "<!-- Written by `npm run gen` from the module's schemas and examples, and from its guide. -->",
    `# ${module}`,
    "",
    ...(guide
      ? [`How it is used, and why it is so: [${guide.title}](../guide/infra/${module}.md).`, ""]
      : []),
    ...(stateDocs.get(module) ?? []).flatMap(stateSection),
    ...functionsSection(module),
    ...(guide ? [guide.runbook, ""] : []),
  ].join("\n");
}

function functionsSection(module: string): string[] {
  const found = functionDocs.get(module);
  if (!found) return [];
  const rows = found.map(
    ({ name, summary, effect }) =>
      `- [\`${name}\`](../functions.md#${anchorOf(name)}) (${effect}): ${summary}`,
  );
  return ["## Functions", "", ...rows, ""];
}

function stateSection({ doc, stage }: { doc: StateDoc; stage: string | undefined }): string[] {
  const parameters = doc.parameters.map(
    ({ name, type, required, default: fallback, summary }) =>
      `| \`${name}\`${name === doc.key ? " (key)" : ""} | ${type.replaceAll("|", "\\|")} | ${required ? "required" : fallback === undefined ? "" : `\`${JSON.stringify(fallback)}\``} | ${(summary ?? "").replaceAll("|", "\\|")} |`,
  );
  const notes = [
    stage === undefined ? "" : `It belongs to the stage \`${stage}\`.`,
    doc.refreshes ? "It can watch others, and is refreshed when they change." : "",
    doc.platforms.length > 0 ? `It works on ${doc.platforms.join(", ")}.` : "",
    doc.confinable ? "It works below `--root`." : "",
    doc.secretive.length > 0
      ? `A secret may stand in ${doc.secretive.map((name) => `\`${name}\``).join(", ")}.`
      : "",
  ].filter((note) => note !== "");
  return [
    `## ${doc.name}`,
    "",
    doc.summary,
    "",
    ...(notes.length > 0 ? [notes.join(" "), ""] : []),
    "| parameter | type | default | |",
    "|---|---|---|---|",
    ...parameters,
    "",
    ...doc.examples.flatMap(({ title, typescript, yaml }) => [
      `${title[0]!.toUpperCase()}${title.slice(1)}:`,
      "",
      "```ts",
      typescript,
      "```",
      "",
      "```yaml",
      yaml,
      "```",
      "",
    ]),
  ];
}
