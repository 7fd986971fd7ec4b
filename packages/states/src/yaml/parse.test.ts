/** Goal: YAML gives the declarations that TypeScript gives, and a slip of the pen is told at its place. */
import { BomaError } from "@boma/protocol";
import { describe, expect, test } from "vitest";
import { z } from "zod";

import { originOf } from "../declaration.ts";
import { defineState } from "../define-state.ts";
import { secret, text } from "../secret.ts";
import { file } from "../states.gen.ts";
import type { Known } from "../tree.ts";
import { parseTree } from "./parse.ts";
import { treeSchema } from "./schema.ts";

const service = defineState({
  name: "test.service",
  summary: "A service that does nothing.",
  key: "unit",
  params: z.strictObject({
    unit: z.string().describe("Which."),
    ports: z.array(z.int()).optional().describe("Ports."),
    enable: z.boolean().default(false).describe("At boot."),
    env: z
      .strictObject({ level: z.enum(["low", "high"]) })
      .optional()
      .describe("Variables."),
  }),
  check: async () => ({}),
  apply: async () => undefined,
  refresh: async () => undefined,
  examples: [],
});
const states = { "file.managed": file.managed.spec, "test.service": service.spec };
const known: Known = {
  grains: { os: "Debian" },
  assigned: { env: "dev" },
  node: { id: "web01" },
  pillar: { web: { port: 8080, hosts: ["a", "b"], name: "site" }, token: secret("env:TOKEN") },
};
const read = (yaml: string) => parseTree(yaml, "states/web.yaml", states)(known);

function refusal(yaml: string): { message: string; hint: string } {
  try {
    read(yaml);
  } catch (thrown) {
    if (thrown instanceof BomaError) return thrown;
    throw thrown;
  }
  throw new Error("it was accepted");
}

describe("a YAML tree", () => {
  test("gives the declarations that the same calls give", () => {
    const [managed, running] = read(
      [
        "- file.managed: /etc/site.conf",
        '  contents: "listen ${pillar.web.port};\\n"',
        '  mode: "0600"',
        "- test.service: nginx",
        "  enable: true",
        "  watch: file.managed(/etc/site.conf)",
        "  unless: [test -e /off, [test, -e, /gone]]",
      ].join("\n"),
    );
    expect(managed).toEqual(file.managed("/etc/site.conf", { contents: "listen 8080;\n", mode: "0600" }));
    expect(running).toEqual(
      service("nginx", {
        enable: true,
        watch: "file.managed(/etc/site.conf)",
        unless: ["test -e /off", ["test", "-e", "/gone"]],
      }),
    );
  });

  test("an empty file is an empty tree", () => {
    expect(read("")).toEqual([]);
    expect(read("# only a remark\n")).toEqual([]);
  });

  test("a value that stands alone keeps its kind", () => {
    const [one] = read("- test.service: ${pillar.web.name}\n  ports:\n    - ${pillar.web.port}\n");
    expect(one).toMatchObject({ id: "test.service(site)", params: { ports: [8080] } });
  });

  test("$${ is ${ itself, and other dollars are left alone", () => {
    const [one] = read('- file.managed: /x\n  contents: "$${HOME} $HOME ${node.id} ${assigned.env}"\n');
    expect(one!.params["contents"]).toBe("${HOME} $HOME web01 dev");
  });

  test("secrets stay references, alone, within a text and from the pillar", () => {
    const [tagged, inside, pillar] = read(
      [
        "- file.managed: /a",
        "  contents: !secret env:TOKEN",
        "- file.managed: /b",
        '  contents: "token=${secret:env:TOKEN}\\n"',
        "- file.managed: /c",
        '  contents: "token=${pillar.token}\\n"',
      ].join("\n"),
    );
    expect(tagged!.params["contents"]).toEqual({ $secret: "env:TOKEN" });
    expect(inside!.params["contents"]).toEqual(text`token=${secret("env:TOKEN")}\n`);
    expect(pillar!.params["contents"]).toEqual(inside!.params["contents"]);
  });

  test("each declaration knows its line", () => {
    const [, second] = read("- file.managed: /a\n\n- file.managed: /b\n");
    expect(originOf(second!)).toEqual({ file: "states/web.yaml", line: 3, column: 3 });
  });
});

describe("a slip of the pen is told at its place, with the nearest name", () => {
  test.each([
    [
      "a state's name",
      "- file.manged: /a\n",
      '1:3: there is no state "file.manged"',
      "Did you mean file.managed?",
    ],
    [
      "a parameter's name",
      "- file.managed: /a\n  contens: x\n",
      "2:3: file.managed has no parameter `contens`",
      "`contents`",
    ],
    ["a parameter's value", "- file.managed: /a\n  mode: 644\n", "2:9: `mode`", "doc file.managed"],
    [
      "a value inside a map",
      "- test.service: a\n  env:\n    level: medium\n",
      "3:12: `env`",
      "doc test.service",
    ],
    ["a member of a list", "- test.service: a\n  ports:\n    - 1\n    - x\n", "4:7: `ports`", ""],
    ["a key", "- file.managed: etc/a\n", "1:17: `path`", ""],
    [
      "a value of the pillar",
      "- file.managed: /a\n  contents: ${pillar.web.prt}\n",
      "2:13: ${pillar.web.prt}: pillar.web has no `prt`",
      "`port`",
    ],
    ["what a value begins with", "- file.managed: /a\n  contents: ${piller.web}\n", "2:13:", "$${"],
    ["a list inside a text", '- file.managed: /a\n  contents: "x ${pillar.web.hosts}"\n', "2:13:", ""],
    ["a reference to a secret", "- file.managed: /a\n  contents: ${secret:valt:x}\n", "2:13:", ""],
    ["a secret where none may stand", "- file.managed: /a\n  mode: ${pillar.token}\n", "", "contents"],
    ["what is no list", "file.managed: /a\n", "1:1: a tree is a list", "- state.name"],
    ["what is no declaration", "- just words\n", "1:3: a declaration", ""],
    ["a key that is there twice", "- file.managed: /a\n  mode: '0644'\n  mode: '0600'\n", "3:3:", ""],
    ["YAML itself", "- file.managed: [\n", ":", ""],
    ["a watch on what cannot refresh", "- file.managed: /a\n  watch: test.service(x)\n", "1:3:", "onChanges"],
    [
      "a requisite written as a map",
      "- file.managed: /a\n  require:\n    - file.managed: /b\n",
      "3:7: a requisite names",
      "pkg.installed(nginx)",
    ],
    ["a duration", "- test.service: a\n  timeout: soon\n", "1:3:", ""],
  ])("%s", (_what, yaml, message, hint) => {
    const found = refusal(yaml);
    expect(found.message).toContain(`states/web.yaml:`);
    expect(found.message).toContain(message);
    expect(found.hint).toContain(hint);
  });

  test("a bomb of aliases is refused before anything is made of it", () => {
    const bomb = [
      "- &a [x,x,x,x,x,x,x,x,x]",
      ...Array.from(
        { length: 8 },
        (_, i) => `- &${"bcdefghi"[i]} [${Array(9).fill(`*${"abcdefgh"[i]}`).join(",")}]`,
      ),
    ].join("\n");
    expect(() => read(bomb)).toThrow();
  });
});

test("the schema for editors takes what the parser takes", () => {
  const schema = treeSchema(states) as { items: { anyOf: { properties: object; required: string[] }[] } };
  const [managed, running] = schema.items.anyOf;
  expect(Object.keys(managed!.properties)).toEqual(
    expect.arrayContaining(["file.managed", "contents", "require"]),
  );
  expect(Object.keys(managed!.properties)).not.toContain("watch");
  expect(Object.keys(running!.properties)).toContain("watch");
  expect(running!.required).toEqual(["test.service"]);
});
