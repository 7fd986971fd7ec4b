/** Goal: a site compiles to catalogs in a process of its own, and a fault in it is told with file, line and column. */
import { symlinkSync } from "node:fs";
import { join } from "node:path";

import { parseNodegroups } from "@boma/protocol";
import { Catalog, catalogHash } from "@boma/states";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

import type { Asked, Compiled, NodeInput } from "../../packages/master/src/site/site-compiler.ts";
import type { SiteError } from "../../packages/master/src/site/site-error.ts";
import { SitePaths } from "../../packages/master/src/site/site-paths.ts";
import { compileEntry } from "../../packages/master/src/site/top-entries.ts";
import {
  IMPORTS,
  TOP,
  treeOf,
  MOTD,
  node,
  open,
  one,
  compiled,
  placed,
  TestSite,
  type Opened,
} from "../support/site.ts";

describe("a site that is right", () => {
  test("gives each node the declarations that its grains and what was assigned to it make", async () => {
    await using opened = open({ "states/a.ts": treeOf(MOTD) });
    const results = await opened.compiler.compile([node("n1", { env: "dev" }), node("n2", { env: "prod" })]);
    const entries = [...results.values()].map((result) => (result as Compiled).catalog.entries);
    expect(entries.map(([entry]) => entry!.params["contents"])).toEqual(["n1 debian dev", "n2 debian prod"]);
    expect(entries[0]![0]!.origin).toMatchObject({ file: "states/a.ts", line: 3 });
  });

  test("gives the same hash for the same inputs, and a catalog that fits its schema", async () => {
    await using opened = open({ "states/a.ts": treeOf(MOTD) });
    await using again = open({ "states/a.ts": treeOf(MOTD) });
    const [first, second] = [await compiled(opened.compiler), await compiled(again.compiler)];
    expect(first.hash).toBe(second.hash);
    expect(first.hash).toBe(catalogHash(Catalog.parse(first.catalog)));
  });

  test("is evaluated anew once a file of it has changed", async () => {
    await using opened = open({ "states/a.ts": treeOf('return [file.managed("/etc/one", {})];') });
    expect((await compiled(opened.compiler)).catalog.entries[0]!.key).toBe("/etc/one");
    opened.site.write("states/a.ts", treeOf('return [file.managed("/etc/other", {})];'));
    expect((await compiled(opened.compiler)).catalog.entries[0]!.key).toBe("/etc/other");
  });

  test("chooses trees by id, assigned grains and nodegroups, and compiles named trees for whoever asks", async () => {
    await using opened = open({
      "top.ts": `${IMPORTS}\nexport default top({ "web*": "a", "N@lab and assigned.rack:r1": ["b/c"] });\n`,
      "nodegroups.yaml": "lab: env:lab\n",
      "states/a.ts": treeOf('return [file.managed("/a", {})];'),
      "states/b/c/index.ts": treeOf('return [file.managed("/c", {})];'),
      "states/d.yaml": "- file.managed: /d\n  contents: x\n",
    });
    const keys = async (of: NodeInput, asked?: Asked) =>
      (await compiled(opened.compiler, of, asked)).catalog.entries.map(({ key }) => key);
    expect(await keys(node("web1"))).toEqual(["/a"]);
    expect(await keys(node("web1", { env: "lab", rack: "r1" }))).toEqual(["/a", "/c"]);
    expect(await keys(node("db1", { env: "lab", rack: "r2" }))).toEqual([]);
    expect(await keys(node("db1"), { trees: ["d", "a"] })).toEqual(["/d", "/a"]);
    expect(await keys(node("db1"), { single: { state: "file.managed", key: "/s", params: {} } })).toEqual([
      "/s",
    ]);
  });

  test("reads its own files and fills templates, secrets in them included", async () => {
    await using opened = open({
      "files/x.conf": "one\n",
      "files/y.eta": "<%= it.port %> <%= it.password %>\n",
      "states/a.ts": `import { secret } from "@boma/states";\n${treeOf(
        'return [file.managed("/x", { contents: read("files/x.conf") }),',
        'file.managed("/y", { contents: template("files/y.eta", { port: 1, password: secret("env:P") }) })];',
      )}`,
    });
    const { catalog } = await compiled(opened.compiler);
    expect(catalog.entries[0]!.params["contents"]).toBe("one\n");
    expect(catalog.entries[1]!.params["contents"]).toEqual({ $text: ["1 ", { $secret: "env:P" }, "\n"] });
    expect(Object.keys(catalog.secrets)).toEqual(["env:P"]);
  });

  test("tells its own kinds of states from trees, and asks for the bundle only where one is used", async () => {
    const kind = `import { defineState } from "@boma/states";\nimport { z } from "zod";
export default defineState({ name: "acme.thing", summary: "A thing.", key: "name", params: z.strictObject({ name: z.string() }),
  check: async () => ({}), apply: async () => undefined, examples: [] });\n`;
    const asked: unknown[] = [];
    const bundle = async (kinds: unknown) => {
      asked.push(kinds);
      return "d".repeat(64);
    };
    await using opened = open(
      {
        "states/acme/thing.ts": kind,
        "states/a.ts": `import thing from "./acme/thing.ts";\n${treeOf('return node.id === "n1" ? [thing("x")] : [];')}`,
      },
      { bundle },
    );
    const results = await opened.compiler.compile([node("n1"), node("n2")]);
    expect([...results.values()].map((result) => (result as Compiled).catalog.bundle)).toEqual([
      "d".repeat(64),
      null,
    ]);
    expect(asked).toEqual([[{ name: "acme.thing", file: "states/acme/thing.ts" }]]);
    expect((await opened.compiler.load()).trees).toEqual(["a"]);
  });
});

const CODE_FAULTS = [
  ["an error of the code", ["const x: any = undefined;", "return [x.y];"], { code: "site/broken", line: 4 }],
  ["what does not parse", ["return [", '  file.managed("/x" {}),', "];"], { code: "site/broken", line: 4 }],
  [
    "a parameter that there is not",
    ["return [", 'file.managed("/x", { contens: "" }),', "];"],
    { code: "state/params", line: 4 },
  ],
  ["process, which is not there", ["process.exit(3);", "return [];"], { code: "site/broken", line: 3 }],
  [
    "a changed prototype",
    ["(Object.prototype as any).evil = 1;", "return [];"],
    { code: "site/broken", line: 3 },
  ],
  [
    "an endless recursion",
    ["const f = (n: number): number => f(n) + 1;", "f(0);", "return [];"],
    { code: "site/broken", line: 3 },
  ],
  [
    "a file that is not there",
    ["", 'return [file.managed("/x", { contents: read("files/no") })];'],
    { code: "site/file", line: 4 },
  ],
  [
    "a path out of the site",
    ["", 'return [file.managed("/x", { contents: read("../top.ts") })];'],
    { code: "site/file", line: 4 },
  ],
] as const;
const IMPORT_FAULTS = [
  ['"node:fs"', "no access to the machine"],
  ['"fs"', "no access to the machine"],
  ['"zodd"', "none of the packages"],
  ['"../../etc/x.ts"', "outside of the site"],
  ['"./link.ts"', "outside of the site"],
  ['"./b"', "no such file"],
  ['"./data.json"', "only TypeScript and JavaScript"],
  ['"data:text/javascript,1"', "none of the packages"],
] as const;
const TARGET_FAULTS = [
  ["os:debian", "`assigned.os`"],
  ["claimed.env:dev", "grains.env"],
  ["env:dev and ram>1GiB", "grains.ram"],
  ["rol:web", "Did you mean `role`?"],
  ["S@10.0.0.0/8", "branch on the claim"],
  ["N@big", "grains.cpus"],
] as const;
const TEMPLATE_FAULTS = [
  ["a\nb <%= it.prot %>\n", "it.prot is not given", 2],
  ["a\nb <%= port %>\n", "port is not defined", 2],
  ["a\n\n<%= it.none %>\n", "prints null", 3],
  ["a\nb <%= it.port\n", "unclosed tag", 2],
] as const;

const templateBody = (name: string) =>
  `return [file.managed("/x", { contents: template("files/${name}", { port: 1, none: null }) })];`;
/** One site with every fault, each in a tree of its own: one process tells them all. */
const FAULTY: Record<string, string> = {
  "states/b.ts": "export default 1;",
  "states/data.json": "{}",
  ...Object.fromEntries(CODE_FAULTS.map(([, body], at) => [`states/code-${at}.ts`, treeOf(...body)])),
  ...Object.fromEntries(
    IMPORT_FAULTS.map(([specifier], at) => [
      `states/import-${at}.ts`,
      `\nimport x from ${specifier};\n${treeOf("return [x];")}`,
    ]),
  ),
  ...Object.fromEntries(
    TEMPLATE_FAULTS.flatMap(([text], at) => [
      [`files/${at}.eta`, text],
      [`states/template-${at}.ts`, treeOf(templateBody(`${at}.eta`))],
    ]),
  ),
  "states/yaml.yaml": "- file.managed: /x\n  contens: a\n",
  "states/late.ts": `${IMPORTS}\nexport default tree(async () => [] as any);\n`,
  "states/waits.ts": `${IMPORTS}\nawait 1;\nexport default tree(() => []);\n`,
  "states/webserver.ts": treeOf("return [];"),
  "top.ts": TOP.replace('"a"', '"webservr"'),
};
const numbered = <R extends readonly unknown[]>(rows: readonly R[]) =>
  rows.map((row, at) => ({ at, row, toString: () => String(row[0]) }));

describe("a fault is told at its place:", () => {
  let opened: Opened;
  beforeAll(() => {
    opened = open(FAULTY);
    symlinkSync(import.meta.filename, join(opened.site.dir, "states/link.ts"));
  });
  afterAll(() => opened[Symbol.asyncDispose]());
  const faultOf = async (tree: string) =>
    (await one(opened.compiler, node("n1"), { trees: [tree] })) as SiteError;

  test.each(numbered(CODE_FAULTS))("$row.0", async ({ at, row: [, , wanted] }) => {
    const error = await faultOf(`code-${at}`);
    expect(placed(error)).toMatchObject({ file: `states/code-${at}.ts`, ...wanted });
    expect(error.message).toMatch(new RegExp(`^states/code-${at}\\.ts:${wanted.line}:\\d+: `));
  });

  test.each(numbered(IMPORT_FAULTS))("an import of $row.0", async ({ at, row: [, why] }) => {
    const error = await faultOf(`import-${at}`);
    expect(placed(error)).toEqual({
      code: "site/import",
      file: `states/import-${at}.ts`,
      line: 2,
      column: 15,
    });
    expect(error.what).toContain(why);
  });

  test.each(numbered(TEMPLATE_FAULTS))("a template, $row.0", async ({ at, row: [, what, line] }) => {
    const error = await faultOf(`template-${at}`);
    expect(error.what).toContain(what);
    expect(error.place).toMatchObject({ file: `files/${at}.eta`, line });
  });

  test("a tree's name that there is not, with the one that was meant", async () => {
    const error = (await one(opened.compiler)) as SiteError;
    expect(placed(error)).toMatchObject({ code: "site/missing", file: "top.ts", line: 2 });
    expect(error.hint).toContain("`webserver`");
  });

  test("a tree in YAML, without its place being told twice", async () => {
    const error = await faultOf("yaml");
    expect(placed(error)).toEqual({ code: "site/yaml", file: "states/yaml.yaml", line: 2, column: 3 });
    expect(error.message.match(/states\/yaml\.yaml/g)).toHaveLength(1);
    expect(error.hint).toContain("contents");
  });

  test("a tree that gives a promise, or waits at its top", async () => {
    expect((await faultOf("late")).message).toContain("states/late.ts: the tree gives a promise");
    expect((await faultOf("waits")).message).toContain("states/waits.ts: a file of a site cannot wait");
  });

  test.each(TARGET_FAULTS)("a target that asks for a claim, %s", (target, hint) => {
    using site = new TestSite({
      "top.ts": `${IMPORTS}\nexport default top({\n  "*": "a",\n  "${target}": "a",\n});\n`,
    });
    const world = { paths: new SitePaths(site.dir), nodegroups: parseNodegroups({ big: "cpus>8" }) };
    const error = thrownBy(() => compileEntry(world, "top.ts", target, []));
    expect(placed(error)).toEqual({ code: "site/target", file: "top.ts", line: 4, column: 3 });
    expect(error.hint).toContain(hint);
  });
});

function thrownBy(work: () => unknown): SiteError {
  try {
    work();
  } catch (thrown) {
    return thrown as SiteError;
  }
  throw new Error("it was accepted");
}
