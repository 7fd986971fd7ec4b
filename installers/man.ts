/** A manual page for a program and one for each of its commands, from their declarations. */
import type { Declared, DeclaredOption } from "./declared.ts";

export interface ManPage {
  /** `boma-master-run.1` */
  readonly name: string;
  readonly text: string;
}

interface Place {
  /** The words that lead to it. */
  readonly path: readonly string[];
  readonly version: string;
  /** The day of the commit. */
  readonly date: string;
}

export function manPages(program: Declared, facts: Omit<Place, "path">): readonly ManPage[] {
  const pages: ManPage[] = [];
  const visit = (command: Declared, path: readonly string[]): void => {
    pages.push({ name: `${path.join("-")}.1`, text: page(command, { ...facts, path }) });
    for (const child of command.commands) visit(child, [...path, child.name]);
  };
  visit(program, [program.name]);
  return pages;
}

function page(command: Declared, { path, version, date }: Place): string {
  const title = path.join("-");
  const first = command.summary === "" ? firstSentence(command.description) : command.summary;
  return [
    `.TH ${title.toUpperCase().replaceAll("-", "\\-")} 1 ${date} "boma ${version}" "boma"`,
    ".SH NAME",
    `${roff(title)} \\- ${roff(first)}`,
    ".SH SYNOPSIS",
    `.B ${roff(path.join(" "))}`,
    roff(usageOf(command)),
    ".SH DESCRIPTION",
    roff(command.description),
    ...section(
      "ARGUMENTS",
      command.arguments.map(({ name, description }) => item(`<${name}>`, description)),
    ),
    ...section(
      "OPTIONS",
      command.options.map((option) => item(option.flags, optionText(option))),
    ),
    ...section(
      "COMMANDS",
      command.commands.map((child) =>
        item(
          `${child.name}`,
          `${child.summary === "" ? firstSentence(child.description) : child.summary}; see ${[...path, child.name].join("-")}(1)`,
        ),
      ),
    ),
    ...section(
      "EXAMPLES",
      command.examples.map((line) => `.PP\n.EX\n${roff(line)}\n.EE`),
    ),
    ".SH EXIT STATUS",
    roff(
      "0: all as wished. 1: some node or state failed. 2: usage or syntax, nothing was sent. 3: the master or its bus cannot be reached. 4: no node matched. 5: not finished in time.",
    ),
    ...(path.length > 1 ? [".SH SEE ALSO", `.BR ${roff(path.slice(0, -1).join("-"))} (1)`] : []),
    "",
  ].join("\n");
}

const section = (title: string, parts: readonly string[]): readonly string[] =>
  parts.length === 0 ? [] : [`.SH ${title}`, ...parts];

const item = (head: string, text: string): string => `.TP\n.B ${roff(head)}\n${roff(text)}`;

function optionText({ description, default: preset, choices }: DeclaredOption): string {
  const more = [
    ...(choices.length > 0 ? [`one of ${choices.join(", ")}`] : []),
    ...(preset === undefined ? [] : [`default: ${preset}`]),
  ];
  return more.length === 0 ? description : `${description} (${more.join("; ")})`;
}

function usageOf({ options, commands, arguments: args }: Declared): string {
  const words = args.map(({ name, required, variadic }) => {
    const named = variadic ? `${name}...` : name;
    return required ? `<${named}>` : `[${named}]`;
  });
  return [
    ...(options.length > 0 ? ["[options]"] : []),
    ...(commands.length > 0 ? ["[command]"] : []),
    ...words,
  ].join(" ");
}

const firstSentence = (text: string): string => (/^[^.:]+/.exec(text)?.[0] ?? text).trim();

/** A dot or a quote at the start of a line would be an order, a backslash an escape, a bare hyphen a typographic one. */
export const roff = (text: string): string =>
  text
    .replaceAll("\\", "\\e")
    .replaceAll("-", "\\-")
    .replace(/^([.'])/gm, "\\&$1");
