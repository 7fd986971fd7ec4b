import { describeState, type StateDoc, states } from "@boma/states";

export function statesPage(): string {
  const docs = Object.values(states).map(({ spec }) => describeState(spec));
  return [
    "<!-- Written by `npm run gen` from the states' schemas and examples. -->",
    "# States",
    "",
    "Every declaration may also say `require`, `watch`, `onChanges`, `onFail`, `prereq`, `listen` (their `…Any` and `…In`",
    "forms), `unless`, `onlyIf`, `creates`, `retry`, `timeout`, `order` and `failHard`: see [the guide](guide/states.md).",
    "",
    ...docs.flatMap(section),
  ].join("\n");
}

function section(doc: StateDoc): string[] {
  const parameters = doc.parameters.map(
    ({ name, type, required, default: fallback, summary }) =>
      `| \`${name}\`${name === doc.key ? " (key)" : ""} | ${type.replaceAll("|", "\\|")} | ${required ? "required" : fallback === undefined ? "" : `\`${JSON.stringify(fallback)}\``} | ${(summary ?? "").replaceAll("|", "\\|")} |`,
  );
  const notes = [
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
