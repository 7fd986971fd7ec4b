import { execFileSync } from "node:child_process";
import { join } from "node:path";

import { expect, test } from "vitest";

import { readGrainFiles } from "./files.ts";
import { plantTree, type Tree } from "./fixture.ts";
import { parseGrainFile } from "./parse-file.ts";

const read = async (tree: Tree) => {
  const root = await plantTree(tree);
  const { grains, problems } = await readGrainFiles(root);
  return { grains, messages: problems.map((problem) => problem.message.replaceAll(root, "D")) };
};

test("a folder that is not there is no problem", async () => {
  expect(await readGrainFiles("/nonexistent/grains.d")).toEqual({ grains: {}, problems: [] });
});

test("files are read by name, and others are left alone", async () => {
  expect(
    await read({
      "20-b.json": '{\n\t"rack": "B",\n\t"list": [1, 2]\n}\n',
      "10-a.yml": "rack: A\nroom: 7\n",
      "30-empty.yaml": "# nothing yet\n",
      ".hidden.yaml": ":::",
      "c.yaml~": ":::",
      README: ":::",
    }),
  ).toEqual({ grains: { rack: "B", room: 7, list: [1, 2] }, messages: [] });
});

test("a bad file says where, and the good ones count", async () => {
  const { grains, messages } = await read({
    "1.yaml": "good: 1\nbad: [1, 2\n",
    "2.json": '{\n  "a": 1,\n  "b": x\n}\n',
    "3.json": '{"a": 1,',
    "4.yaml": "rack:\n  row: .nan\n",
    "5.yaml": "- a\n- b\n",
    "6.yaml": "a: 1\na: 2\n",
    "7.json": '{"a": 1,\n "a": 2}',
    "8.yaml": `deep: ${"[".repeat(40)}${"]".repeat(40)}\n`,
    "9.yaml": "x: !ruby/object:Gem a\n",
    "a.json": "{a: 1}",
    "z.yaml": "fine: true\n",
  });
  expect(grains).toEqual({ fine: true });
  expect(messages).toEqual([
    expect.stringMatching(/^D\/1\.yaml:3:1: /),
    expect.stringMatching(/^D\/2\.json:3:8: Unexpected token/),
    expect.stringMatching(/^D\/3\.json:1:\d+: /),
    expect.stringMatching(/^D\/4\.yaml:2:8: rack:row: /),
    "D/5.yaml:1:1: grains are a map from names to values",
    expect.stringMatching(/^D\/6\.yaml:2:1: .*unique/),
    expect.stringMatching(/^D\/7\.json:2:2: .*unique/),
    expect.stringMatching(/^D\/8\.yaml:1:1: nested deeper/),
    expect.stringMatching(/^D\/9\.yaml:1:4: Unresolved tag/),
    expect.stringMatching(/^D\/a\.json:1:2: /),
  ]);
});

test("files made to harm are refused", async () => {
  const bomb = ["a: &a [x,x,x,x,x,x,x,x,x]"];
  for (let level = 98; level < 106; level += 1) {
    const [below, here] = [String.fromCharCode(level - 1), String.fromCharCode(level)];
    bomb.push(`${here}: &${here} [${Array.from({ length: 9 }, () => `*${below}`).join(",")}]`);
  }
  const { grains, messages } = await read({
    "bomb.yaml": bomb.join("\n"),
    "brackets.json": "[".repeat(60_000),
    "brackets.yaml": "[".repeat(60_000),
    "large.yaml": `a: ${"x".repeat(70_000)}`,
    "long.yaml": `ok: 1\na: ${"x".repeat(5000)}\n`,
    "loop.yaml": { link: "loop.yaml" },
    "proto.json": '{"a": {"__proto__": {"x": 1}}}',
    "utf8.yaml": new Uint8Array([0x61, 0x3a, 0x20, 0xff]),
    "folder.yaml": null,
  });
  expect(grains).toEqual({});
  expect(messages.map((message) => message.split(":")[0])).toEqual(
    [
      "bomb.yaml",
      "brackets.json",
      "brackets.yaml",
      "folder.yaml",
      "large.yaml",
      "long.yaml",
      "loop.yaml",
      "proto.json",
      "utf8.yaml",
    ].map((name) => `D/${name}`),
  );
  expect(messages[0]).toMatch(/alias/);
  expect(messages[5]).toMatch(/^D\/long\.yaml:2:4: a: /);
  expect(messages[6]).toMatch(/ELOOP/);
});

test("a pipe does not hold the agent", async () => {
  const root = await plantTree({ "good.yaml": "a: 1\n" });
  execFileSync("/usr/bin/mkfifo", [join(root, "pipe.yaml")]);
  const { grains, problems } = await readGrainFiles(root);
  expect(grains).toEqual({ a: 1 });
  expect(problems).toEqual([{ collector: "grains.d", message: `${root}/pipe.yaml: not a regular file` }]);
});

test("a link to a file is followed", async () => {
  expect(await read({ "target.txt": "a: 1\n", "a.yaml": { link: "target.txt" } })).toEqual({
    grains: { a: 1 },
    messages: [],
  });
});

test("anchors are allowed in reason", () => {
  expect(parseGrainFile("a: &x {n: 1}\nb: *x\n", "f.yaml")).toEqual({ a: { n: 1 }, b: { n: 1 } });
});
