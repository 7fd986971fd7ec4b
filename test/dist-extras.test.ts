/** Goal: completion and manual pages say what the command line is: they come from its declarations, all of them. */
import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

import { afterAll, beforeAll, expect, test } from "vitest";

import { bashCompletion, fishCompletion, zshCompletion } from "../installers/completions.ts";
import { type Declared, declaredOf } from "../installers/declared.ts";
import { manPages, roff } from "../installers/man.ts";

const execute = promisify(execFile);
const dir = mkdtempSync(join(tmpdir(), "boma-extras-"));
let master: Declared;
let agent: Declared;
beforeAll(async () => {
  [master, agent] = await Promise.all([declaredOf("master"), declaredOf("agent")]);
});
afterAll(() => rmSync(dir, { recursive: true }));

/** What bash offers for the last word. */
async function offered(program: Declared, ...words: readonly string[]): Promise<readonly string[]> {
  const file = join(dir, `${program.name}.bash`);
  writeFileSync(file, bashCompletion(program));
  const script = `source "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _${program.name.replace("-", "_")}; printf '%s\\n' "\${COMPREPLY[@]}"`;
  const { stdout } = await execute("bash", ["-c", script, "bash", file, program.name, ...words]);
  return stdout.split("\n").filter(Boolean);
}

test("bash completes commands, commands of commands and options, wherever options stand before them", async () => {
  expect(await offered(master, "re")).toEqual(expect.arrayContaining(["rekey", "revoke", "reactor"]));
  expect(await offered(master, "jobs", "a")).toEqual(["attach"]);
  expect(await offered(master, "token", "create", "--us")).toEqual(["--uses"]);
  expect(await offered(agent, "run", "--token-f")).toEqual(["--token-file"]);
  expect(await offered(agent, "--home", "/x", "st")).toEqual(["status"]);
  expect(await offered(agent, "em")).toEqual([]);
});

test("zsh and fish get every command and option of every level", () => {
  const all = (command: Declared): readonly string[] => [
    ...command.options.flatMap(({ long }) => long ?? []),
    ...command.commands.flatMap((child) => [child.name, ...all(child)]),
  ];
  for (const program of [master, agent]) {
    const [zsh, fish] = [zshCompletion(program), fishCompletion(program)];
    expect(all(program).filter((word) => !zsh.includes(word))).toEqual([]);
    const inFish = (word: string) => fish.includes(word.startsWith("--") ? `-l ${word.slice(2)}` : word);
    expect(all(program).filter((word) => !inFish(word))).toEqual([]);
  }
});

test("each command has a manual page with its options and an example, and none says what is hidden", () => {
  const facts = { version: "1.0.0", date: "2026-01-01" };
  const pages = new Map(manPages(master, facts).map(({ name, text }) => [name, text]));
  for (const name of [
    "boma-master.1",
    "boma-master-run.1",
    "boma-master-enroll-approve.1",
    "boma-master-serve.1",
  ])
    expect([...pages.keys()]).toContain(name);
  const run = pages.get("boma-master-run.1")!;
  expect(run).toContain(roff("--max-fail"));
  for (const [name, text] of pages)
    expect({ name, has: text.includes(".SH EXAMPLES") }).toEqual({ name, has: true });
  const agents = manPages(agent, facts);
  expect(agents.map(({ name }) => name)).not.toContain("boma-agent-emulate.1");
  expect(agents.map(({ name }) => name)).toContain("boma-agent-status.1");
});

test("no line of a manual page is taken for an order that it is not", () => {
  expect(roff(".TH is text\n'and this\na\\b --c")).toBe("\\&.TH is text\n\\&'and this\na\\eb \\-\\-c");
  for (const { text } of manPages(master, { version: "1", date: "2026-01-01" }))
    for (const line of text.split("\n").filter((row) => /^[.']/.test(row)))
      expect(line).toMatch(/^\.(TH|SH|B|BR|TP|PP|EX|EE)( |$)/);
});
