/**
 * Writes what follows from the sources: the catalogues of functions and states,
 * docs/errors.md, docs/functions.md, docs/states.md, docs/modules/, docs/events.md. With --check it only compares, and
 * fails when one is stale.
 */
import { existsSync, globSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";

import { codes, ExitCode } from "@boma/protocol";

const root = new URL("../", import.meta.url);

const base = "packages/states/src/";

/** The files below a folder that define something: `module/name.ts` with a default export. */
const definitions = (folder: string): { file: string; name: string }[] =>
  globSync(`${base}${folder}/*/*.ts`, { cwd: root })
    .filter((file) => !file.endsWith(".test.ts"))
    .filter((file) => readFileSync(new URL(file, root), "utf8").includes("export default "))
    .map((file) => file.slice(base.length))
    .map((file) => ({ file, name: file.slice(folder.length + 1, -".ts".length).replace("/", ".") }))
    .sort((a, b) => (a.name < b.name ? -1 : 1));

const camel = (name: string): string =>
  name.replace(/[.-](\w)/g, (_, letter: string) => letter.toUpperCase());

/** `file_managed` in one object by full name, and `file.managed(…)` as trees call it. */
function stateCatalogue(): string {
  const found = definitions("states").map(({ file, name }) => ({ file, name, variable: camel(name) }));
  const modules = Map.groupBy(found, ({ name }) => name.split(".")[0]!);
  return [
    "// Written by `npm run gen`. Add a state by adding a file below states/.",
    'import type { AnyState } from "./define-state.ts";',
    ...found.map(({ file, variable }) => `import ${variable} from "./${file}";`),
    "",
    ...[...modules].map(
      ([module, members]) =>
        `export const ${camel(module)} = { ${members.map(({ name, variable }) => `${camel(name.split(".")[1]!)}: ${variable}`).join(", ")} };`,
    ),
    "",
    "export const states: Readonly<Record<string, AnyState>> = {",
    ...found.map(({ name, variable }) => `  ${JSON.stringify(name)}: ${variable},`),
    "};",
    "",
  ].join("\n");
}

function functionCatalogue(): string {
  const found = definitions("functions");
  const files = found.map(({ file }) => file);
  const names = found.map(({ name }) => name);
  const variable = camel;
  return [
    "// Written by `npm run gen`. Add a function by adding a file below functions/.",
    'import type { AnyFunction } from "./define-function.ts";',
    ...files.map((file, i) => `import ${variable(names[i]!)} from "./${file}";`),
    "",
    "const table = {",
    ...names.map((name) => `  ${JSON.stringify(name)}: ${variable(name)},`),
    "};",
    "/** Each function by its name with its own types, for callers that name it in their source. */",
    "export type FunctionTable = typeof table;",
    "export const functions: Readonly<Record<string, AnyFunction>> = table;",
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
    "<!-- Written by `npm run gen` from packages/protocol/src/error-codes*.ts. -->",
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

const isCheck = process.argv.includes("--check");

function write(path: string, text: string): void {
  const file = new URL(path, root);
  if (!isCheck) return writeFileSync(file, text);
  if (!existsSync(file) || readFileSync(file, "utf8") !== text) stale(path);
}

/** All that a folder holds: what is of a module that is gone goes too. */
function writeFolder(path: string, pages: ReadonlyMap<string, string>): void {
  const folder = new URL(path, root);
  mkdirSync(folder, { recursive: true });
  for (const [name, text] of pages) write(path + name, text);
  for (const name of readdirSync(folder)) {
    if (pages.has(name)) continue;
    if (isCheck) stale(path + name);
    else rmSync(new URL(name, folder));
  }
}

function stale(path: string): void {
  console.error(`${path} is stale: run \`npm run gen\``);
  process.exitCode = 1;
}

write("packages/states/src/functions.gen.ts", functionCatalogue());
write("packages/states/src/states.gen.ts", stateCatalogue());
write("docs/errors.md", errorsPage());
// The pages read the catalogues that were just written.
const { functionsPage } = await import("./functions-page.ts");
write("docs/functions.md", functionsPage());
const { modulePages, statesPage } = await import("./states-page.ts");
write("docs/states.md", statesPage());
writeFolder("docs/modules/", modulePages());
const { eventsPage } = await import("./events-page.ts");
write("docs/events.md", eventsPage());
