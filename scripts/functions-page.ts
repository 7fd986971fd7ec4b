import { describeFunction, type FunctionDoc, functions } from "@boma/states";

export function functionsPage(): string {
  const docs = Object.values(functions).map(describeFunction);
  return [
    "<!-- Written by `npm run gen` from the functions' schemas. -->",
    "# Functions",
    "",
    ...docs.flatMap(section),
  ].join("\n");
}

function section(doc: FunctionDoc): string[] {
  const parameters = doc.parameters.map(
    ({ name, type, required, default: fallback, summary }) =>
      `| \`${name}\` | ${type.replaceAll("|", "\\|")} | ${required ? "required" : fallback === undefined ? "" : `\`${JSON.stringify(fallback)}\``} | ${summary ?? ""} |`,
  );
  const table =
    parameters.length === 0
      ? ["It takes no arguments."]
      : ["| argument | type | default | |", "|---|---|---|---|", ...parameters];
  const words =
    doc.positional.length === 0
      ? []
      : [`Without names: ${doc.positional.map((name) => `\`${name}\``).join(", ")}.`, ""];
  return [
    `## ${doc.name}`,
    "",
    `${doc.summary} (${doc.effect})`,
    "",
    ...table,
    "",
    ...words,
    "```console",
    ...doc.examples.map((example) => `$ ${example}`),
    "```",
    "",
  ];
}
