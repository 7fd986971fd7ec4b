/**
 * Writes what follows from the sources: the catalogue of functions, docs/errors.md,
 * docs/functions.md. With --check it only compares, and fails when one is stale.
 */
import { globSync, readFileSync, writeFileSync } from "node:fs";

import { codes, ExitCode } from "@boma/protocol";

const root = new URL("../", import.meta.url);

function functionCatalogue(): string {
  const base = "packages/states/src/";
  const files = globSync(`${base}functions/*/*.ts`, { cwd: root })
    .map((file) => file.slice(base.length))
    .filter((file) => !file.endsWith(".test.ts"))
    .sort();
  const names = files.map((file) => file.slice("functions/".length, -".ts".length).replace("/", "."));
  const variable = (name: string) => name.replace(/[.-](\w)/g, (_, letter: string) => letter.toUpperCase());
  return [
    "// Written by `npm run gen`. Add a function by adding a file below functions/.",
    'import type { AnyFunction } from "./define-function.ts";',
    ...files.map((file, i) => `import ${variable(names[i]!)} from "./${file}";`),
    "",
    "export const functions: Readonly<Record<string, AnyFunction>> = {",
    ...names.map((name) => `  ${JSON.stringify(name)}: ${variable(name)},`),
    "};",
    "",
  ].join("\n");
}

function errorsPage(): string {
  const exits = Object.entries(ExitCode).map(
    ([name, code]) => `| ${code} | ${exitMeaning[name as keyof typeof ExitCode]} |`,
  );
  const rows = Object.entries(codes).map(
    ([code, { means, hint, exit }]) => `| \`${code}\` | ${exit} | ${means} | ${hint} |`,
  );
  return [
    "<!-- Written by `npm run gen` from packages/protocol/src/errors.ts. -->",
    "# Errors and exit codes",
    "",
    "With several reasons at once the exit code is the first of 2, 3, 4, 1, 5 that applies.",
    "",
    "| exit | meaning |",
    "|---|---|",
    ...exits,
    "",
    "| code | exit | what it means | what to do |",
    "|---|---|---|---|",
    ...rows,
    "",
  ].join("\n");
}

const exitMeaning = {
  ok: "All as wished.",
  failed: "Some node or state failed.",
  usage: "Usage, syntax or validation error; nothing was sent.",
  unreachable: "The master or the bus cannot be reached.",
  noMatch: "No node matched the target.",
  incomplete: "Time ran out, or some node has not answered yet.",
} as const;

function write(path: string, text: string): void {
  const file = new URL(path, root);
  if (!process.argv.includes("--check")) return writeFileSync(file, text);
  const held = readFileSync(file, "utf8");
  if (held !== text) {
    console.error(`${path} is stale: run \`npm run gen\``);
    process.exitCode = 1;
  }
}

write("packages/states/src/functions.gen.ts", functionCatalogue());
write("docs/errors.md", errorsPage());
// The page of functions reads the catalogue that was just written.
const { functionsPage } = await import("./functions-page.ts");
write("docs/functions.md", functionsPage());
