/**
 * Goal: `boma-agent apply` does what a tree says on this machine alone, and what it must not do it does not.
 * Method: the real program as a user starts it, confined below a temporary directory.
 */
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

import { afterEach, beforeEach, expect, test } from "vitest";

import { TestProcess } from "../support/process.ts";
import { program } from "../support/programs.ts";

let dir: string;
let root: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "boma-apply-"));
  root = join(dir, "root");
  mkdirSync(root);
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

function write(path: string, text: string): string {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
  return path;
}
const tree = (body: string, imports = ""): string =>
  write(
    join(dir, "tree.ts"),
    `import { cmd, defineState, diff, file, secret, tree } from "@boma/states";\n${imports}\nexport default tree(() => [${body}]);\n`,
  );
const start = (path: string, ...words: readonly string[]): TestProcess =>
  new TestProcess(process.execPath, [program("agent"), "apply", path, "--root", root, ...words]);
const apply = (path: string, ...words: readonly string[]) => start(path, ...words).ended;
const below = (name: string): string => join(root, name);

const OWN = `import { z } from "zod";
const word = defineState({
  name: "acme.word", summary: "A word.", key: "path", confinable: true,
  params: z.strictObject({ path: z.string(), word: z.string() }),
  async check({ path, word }, { files }) {
    return diff((await files.stat(path)) && { word: await files.readText(path) }, { word });
  },
  apply: ({ word }, { path }, { files }) => files.write(path, word.to),
  examples: [],
});`;

test("what only another declaration names is applied too, also where it is of the tree's own kind", async () => {
  const path = tree('file.managed("/last", { contents: "x", require: word("/first", { word: "w" }) })', OWN);
  expect(await apply(path)).toMatchObject({ code: 0 });
  expect(readFileSync(below("first"), "utf8")).toBe("w");
  expect(existsSync(below("last"))).toBe(true);
});

test("a secret is refused before anything is done, also in what only another declaration names", async () => {
  const path = tree(
    'file.managed("/first", { contents: "x" }), file.managed("/last", { contents: "x", require: file.managed("/s", { contents: secret("env:X") }) })',
  );
  const { code, stderr } = await apply(path);
  expect(code).toBe(2);
  expect(stderr).toContain("file.managed(/s) refers to env:X");
  expect(existsSync(below("first"))).toBe(false);
});

test("a state whose check does not give changes fails by itself, and what does not hang on it is applied", async () => {
  const path = tree(
    'word("/odd", { word: "w" }), file.managed("/other", { contents: "x" })',
    OWN.replace("return diff", "return { word: null }; return diff"),
  );
  const { code, stdout } = await apply(path, "--json");
  expect(code).toBe(1);
  const { results } = JSON.parse(stdout) as {
    results: { id: string; result: string; error?: { code: string } }[];
  };
  expect(results).toMatchObject([
    { id: "acme.word(/odd)", result: "failed", error: { code: "state/contract" } },
    { id: "file.managed(/other)", result: "changed" },
  ]);
});

test.each([".boma", ".boma/states"])("a link as %s does not lead out of the root", async (name) => {
  const outside = join(dir, "outside");
  mkdirSync(outside);
  mkdirSync(dirname(below(name)), { recursive: true });
  symlinkSync(outside, below(name));
  const { code, stderr } = await apply(tree('file.managed("/a", { contents: "x" })'));
  expect(code).not.toBe(0);
  expect(stderr).toContain("symbolic link");
  expect(existsSync(below("a"))).toBe(false);
});

test("a note of what is owed that cannot be read is told with its path, and nothing is begun", async () => {
  const note = write(below(".boma/states/pending.json"), '{"refresh":["serv');
  const { code, stderr } = await apply(tree('file.managed("/a", { contents: "x" })'));
  expect(code).toBe(1);
  expect(stderr).toContain("state/pending");
  expect(stderr).toContain(note);
  expect(existsSync(below("a"))).toBe(false);
});

test("a state that this node's policy denies is refused, and the others run", async () => {
  write(below("etc/boma/agent.d/deny.yaml"), "deny: [file.managed]\n");
  const path = tree('file.managed("/a", { contents: "x" }), file.directory("/d")');
  const { code, stdout } = await apply(path);
  expect(code).toBe(1);
  expect(stdout).toMatch(/refused +file\.managed\(\/a\)/);
  expect(existsSync(below("a"))).toBe(false);
  expect(existsSync(below("d"))).toBe(true);
});

test("one that is killed in the middle leaves nothing that keeps the next one from making it so", async () => {
  const many = 'Array.from({ length: 2000 }, (_, n) => file.managed("/f" + n, { contents: "x" }))';
  const path = tree(`...${many}`);
  const first = start(path);
  await expect.poll(() => existsSync(below("f20")), { interval: 1, timeout: 20_000 }).toBe(true);
  first.signal("SIGKILL");
  await first.ended;
  expect(existsSync(below("f1999"))).toBe(false);
  expect(await apply(path)).toMatchObject({ code: 0 });
  expect(existsSync(below("f1999"))).toBe(true);
});

test("two at once run one after the other, and the second says for whom it waits", async () => {
  const gated = tree(
    'word("/gate", { word: "w" }), file.managed("/after", { contents: "x" })',
    OWN.replace(
      "apply: ({ word }, { path }, { files }) =>",
      'apply: async ({ word }, { path }, { files }) => { await files.write("/began", ""); while (!(await files.stat("/open"))) await new Promise((go) => setTimeout(go, 20)); return',
    ).replace("word.to),", "word.to); },"),
  );
  const first = start(gated);
  await expect.poll(() => existsSync(below("began")), { timeout: 20_000 }).toBe(true);
  const second = start(
    write(
      join(dir, "second.ts"),
      readFileSync(gated, "utf8").replace('[word("/gate", { word: "w" }), ', "["),
    ),
  );
  await second.line(/waits for/);
  expect(existsSync(below("after"))).toBe(false);
  write(below("open"), "");
  expect(await first.ended).toMatchObject({ code: 0 });
  expect(await second.ended).toMatchObject({ code: 0 });
});
