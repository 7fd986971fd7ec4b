/**
 * Goal: what an operator types reaches a function as its schema wants it, and a
 * slip of the finger is an error before anything is sent. Method: the real
 * functions where they show it, and one of our own with every kind of parameter.
 */
import { BomaError, splitWords } from "@boma/protocol";
import { describe, expect, test } from "vitest";
import { z } from "zod";

import { readArguments } from "./arguments.ts";
import { type AnyFunction, checkArguments, defineFunction } from "./define-function.ts";
import { functions } from "./functions.gen.ts";

const named = (name: string): AnyFunction => functions[name]!;
const read = (name: string, line: string) => readArguments(named(name), splitWords(line));

function refusal(act: () => unknown): { code: string; message: string; hint: string } {
  try {
    act();
  } catch (thrown) {
    if (thrown instanceof BomaError) return thrown;
    throw thrown;
  }
  throw new Error("it was accepted");
}

const all = defineFunction({
  name: "test.all",
  summary: "One parameter of each kind.",
  params: z.strictObject({
    text: z.string(),
    count: z.int().optional(),
    deep: z.boolean().default(false),
    level: z.enum(["low", "high"]).optional(),
    either: z.union([z.string(), z.number()]).optional(),
    maybe: z.number().nullable().optional(),
    list: z.array(z.string()).optional(),
    sizes: z.array(z.number()).optional(),
    map: z.record(z.string(), z.string()).optional(),
    tree: z.strictObject({ a: z.number() }).optional(),
    free: z.unknown().optional(),
  }),
  positional: ["text", "count", "sizes"],
  result: z.null(),
  effect: "read",
  onRestart: "fail",
  examples: [],
  run: async () => null,
});
const readAll = (...words: string[]) => readArguments(all, words);

describe("a word becomes what the schema wants", () => {
  test.each<[string, Record<string, unknown>]>([
    ["test.echo 42", { text: "42" }],
    ["test.echo true", { text: "true" }],
    ["test.echo null", { text: "null" }],
    ["test.echo '{\"a\":1}'", { text: '{"a":1}' }],
    ["test.echo text=42", { text: "42" }],
    ["test.echo text=a=b", { text: "a=b" }],
    ["test.echo text=", { text: "" }],
    ["test.echo ''", { text: "" }],
    ["test.echo 'two words'", { text: "two words" }],
    ["test.echo a=b", { text: "a=b" }],
    ["test.sleep 5", { seconds: 5 }],
    ["test.sleep 0.5", { seconds: 0.5 }],
    ["test.sleep seconds=1e2", { seconds: 100 }],
    ["grains.get ram disks:sda", { keys: ["ram", "disks:sda"] }],
    ["grains.get keys=ram", { keys: ["ram"] }],
    ['grains.get \'keys=["ram","os"]\'', { keys: ["ram", "os"] }],
    ["test.ping", {}],
  ])("%s", (line, args) => {
    const [name, ...words] = splitWords(line);
    expect(readArguments(named(name!), words)).toEqual(args);
  });

  test("JSON is read only where text is not wanted", () => {
    expect(readAll("text=1", "count=1", "deep=true", "either=1", "maybe=null", "free=1")).toEqual({
      text: "1",
      count: 1,
      deep: true,
      either: "1",
      maybe: null,
      free: "1",
    });
    expect(readAll("x", 'map={"a":"b"}', 'tree={"a":1}', "level=high")).toMatchObject({
      map: { a: "b" },
      tree: { a: 1 },
      level: "high",
    });
  });

  test("a default stands where nothing is said", () => {
    expect(readAll("x")).toEqual({ text: "x", deep: false });
  });

  test("a list takes JSON, or one word as its only member", () => {
    expect(readAll("x", 'list=["a b","c"]').list).toEqual(["a b", "c"]);
    expect(readAll("x", "list=a b").list).toEqual(["a b"]);
    expect(readAll("x", "list=[not json").list).toEqual(["[not json"]);
    expect(readAll("x", "list=[]").list).toEqual([]);
  });

  test("a list of numbers at the end takes the words that are left, as numbers", () => {
    expect(readAll("x", "1", "2", "3")).toMatchObject({ count: 1, sizes: [2, 3] });
  });

  test("words stay text in a list that would take them as text or as something else", () => {
    const params = z.strictObject({ values: z.array(z.union([z.string(), z.number(), z.boolean()])) });
    const anything = defineFunction({ ...all, params, positional: ["values"], run: async () => null });
    expect(readArguments(anything, ["1", "true", "x"])).toEqual({ values: ["1", "true", "x"] });
  });

  test("a named value leaves its place to the next word", () => {
    expect(readAll("count=7", "x", "2")).toMatchObject({ text: "x", count: 7, sizes: [2] });
    expect(readAll("text=x", "7")).toMatchObject({ text: "x", count: 7 });
  });

  test("order does not matter between names and words", () => {
    expect(readAll("deep=true", "x", "level=low", "3")).toEqual(readAll("x", "3", "level=low", "deep=true"));
  });
});

describe("cmd.run", () => {
  test.each<[string, Record<string, unknown>]>([
    ["'uname -a'", { command: ["uname -a"] }],
    ["uname -a", { command: ["uname", "-a"] }],
    ["uptime shell=true", { command: ["uptime"], shell: true }],
    ["cwd=/tmp ls -l", { command: ["ls", "-l"], cwd: "/tmp" }],
    ["'FOO=1 make'", { command: ["FOO=1 make"] }],
    ["env FOO=1 make", { command: ["env", "FOO=1", "make"] }],
    ["dd if=/dev/zero of=/tmp/x", { command: ["dd", "if=/dev/zero", "of=/tmp/x"] }],
    ["ls --color=never", { command: ["ls", "--color=never"] }],
    ["-- systemctl status nginx", { command: ["systemctl", "status", "nginx"] }],
    ["cwd=/tmp -- env cwd=/x usr=me --", { command: ["env", "cwd=/x", "usr=me", "--"], cwd: "/tmp" }],
    ['\'env={"A":"1"}\' printenv', { command: ["printenv"], env: { A: "1" } }],
    ['\'command=["a b","c"]\'', { command: ["a b", "c"] }],
  ])("%s", (line, args) => {
    expect(read("cmd.run", line)).toEqual({ shell: false, ...args });
  });

  test.each([
    ["nothing at all", "", "command"],
    ["no word behind the dashes", "--", "command"],
    ["a relative directory", "ls cwd=tmp", "cwd"],
    ["a truth value that is none", "ls shell=yes", "shell"],
    ["an environment that is no map", "ls env=A=1", "env"],
  ])("refuses %s and names the argument", (_, line, argument) => {
    expect(refusal(() => read("cmd.run", line))).toMatchObject({
      code: "function/arguments",
      message: expect.stringContaining(`at ${argument}`),
    });
  });
});

describe("a slip is an error that names the remedy", () => {
  test.each([
    ["test.echo txt=hello", "`txt`", "Did you mean `text`?"],
    ["test.sleep second=5", "`second`", "Did you mean `seconds`?"],
    ["cmd.run ls shel=true", "`shel`", "Did you mean `shell`?"],
    ["cmd.run ls use=root", "`use`", "Did you mean `user`?"],
    ["test.ping wait=1", "`wait`", "test.ping takes no arguments."],
  ])("%s", (line, name, remedy) => {
    const [called, ...words] = splitWords(line);
    const found = refusal(() => readArguments(named(called!), words));
    expect(found.code).toBe("function/arguments");
    expect(found.message).toContain(`no argument ${name}`);
    expect(found.hint).toContain(remedy);
  });

  test("the hint lists what the function takes", () => {
    expect(refusal(() => read("cmd.run", "ls shel=1")).hint).toContain(
      "cmd.run takes: command, shell, cwd, env, user, stdin.",
    );
  });

  test("one word too many is named", () => {
    const found = refusal(() => read("test.echo", "one two"));
    expect(found.message).toContain('does not take the word "two"');
    expect(found.hint).toContain("text");
    expect(refusal(() => read("test.ping", "now")).hint).toContain("doc test.ping");
    expect(refusal(() => read("test.echo", "text=one two")).message).toContain('"two"');
  });

  test("an argument that is given twice is an error, not a choice", () => {
    expect(refusal(() => read("test.echo", "text=a text=b")).message).toContain("`text` twice");
  });

  test("a missing argument, a wrong type and a bound are told by their names", () => {
    expect(refusal(() => read("test.echo", "")).message).toContain("at text");
    expect(refusal(() => read("test.sleep", "soon")).message).toContain("at seconds");
    expect(refusal(() => read("test.sleep", "-1")).message).toContain("at seconds");
    expect(refusal(() => read("test.sleep", "86401")).message).toContain("at seconds");
    expect(refusal(() => readAll("x", "level=middle")).message).toContain("at level");
  });

  test("the names of every object are no arguments", () => {
    for (const name of ["__proto__", "constructor", "toString", "hasOwnProperty"])
      expect(refusal(() => read("test.ping", `${name}=1`)).code).toBe("function/arguments");
    expect(read("test.echo", "constructor=1")).toEqual({ text: "constructor=1" });
    expect(({} as Record<string, unknown>)["1"]).toBeUndefined();
  });
});

describe("arguments that come over the wire", () => {
  test("are checked against the same schema, and unknown ones are refused", () => {
    expect(checkArguments(named("test.echo"), { text: "x" })).toEqual({ text: "x" });
    for (const args of [{ text: 1 }, {}, { text: "x", more: 1 }, null, [], "x"])
      expect(refusal(() => checkArguments(named("test.echo"), args)).code, JSON.stringify(args)).toBe(
        "function/arguments",
      );
  });
});
