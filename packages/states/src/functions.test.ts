/** What every function promises, checked for all of them: a new one is held to it by being there. */
import { pack, splitWords, unpackHostile } from "@boma/protocol";
import { describe, expect, test } from "vitest";
import { z } from "zod";

import { readArguments } from "./arguments.ts";
import type { AnyFunction, Call } from "./define-function.ts";
import { describeFunction } from "./describe.ts";
import type { FunctionHost } from "./function-host.ts";
import { functions } from "./functions.gen.ts";
import { DriftSettings } from "./host/drift.ts";
import { writeHost } from "./host/host.ts";
import { memoryHost } from "./testing/memory-host.ts";

const catalogue: [string, AnyFunction][] = Object.entries(functions);

test("the catalogue is not empty and its names are sorted", () => {
  expect(Object.keys(functions)).toContain("test.ping");
  expect(Object.keys(functions)).toEqual(Object.keys(functions).toSorted());
});

/** What the command line takes for itself before the function sees the rest. */
const withoutOptions = (example: string): string => example.replace(/ --(test|batch \S+)(?= |$)/g, "");

describe.each(catalogue)("%s", (name, spec) => {
  // That each file is in the catalogue is what `npm run gen -- --check` says, in test/tidy.test.ts.
  test("is in the file of its name", async () => {
    expect(spec.name).toBe(name);
    const path = `./functions/${name.replace(".", "/")}.ts`;
    const file = (await import(/* @vite-ignore */ path)) as { default: AnyFunction };
    expect(file.default).toBe(spec);
  });

  test("has a summary that is a sentence, and no parameter without words", () => {
    expect(spec.summary).toMatch(/^[A-Z].*\.$/);
    for (const { name: parameter, summary } of describeFunction(spec).parameters)
      expect(summary, parameter).toMatch(/\.$/);
  });

  test("has schemas that can be shown, and refuses unknown arguments", () => {
    const params = z.toJSONSchema(spec.params as z.ZodObject, { io: "input" });
    expect(params).toMatchObject({ type: "object", additionalProperties: false });
    expect(z.toJSONSchema(spec.result as z.ZodType)).toHaveProperty("$schema");
  });

  test("has positional parameters that exist, a list only at the end", () => {
    const { positional, parameters } = describeFunction(spec);
    const types = positional.map((place) => parameters.find((parameter) => parameter.name === place)?.type);
    expect(types).not.toContain(undefined);
    expect(types.slice(0, -1).filter((type) => type?.startsWith("list of"))).toEqual([]);
  });

  test("has examples that work as they stand", () => {
    expect(spec.examples.length).toBeGreaterThan(0);
    for (const example of spec.examples) {
      const [command, verb, target, called, ...words] = splitWords(withoutOptions(example));
      expect([command, verb, called], example).toEqual(["boma-master", "run", name]);
      expect(target, example).toBeTruthy();
      expect(() => readArguments(spec, words), example).not.toThrow();
    }
  });

  test("has a time limit of more than nothing, where it names one", () => {
    expect(spec.timeoutMs ?? 1).toBeGreaterThan(0);
  });
});

const machine = writeHost(memoryHost().ports);
const host: FunctionHost = {
  ...machine,
  grains: { collect: async () => ({ os: "Debian", interfaces: { eth0: { mac: "aa" } } }) },
  commands: {
    ...machine.commands,
    run: async ({ argv, shell, ...rest }) => {
      const said = { argv, shell, ...rest };
      return { exitCode: 0, signal: null, stdout: JSON.stringify(said), stderr: "", cut: false };
    },
  },
  drift: {
    look: async () => ({ catalog: "c0ffee", checked: 1, drifted: [], failed: [], more: 0, ms: 1 }),
    status: async () => ({
      catalog: null,
      problem: null,
      settings: DriftSettings.parse({ name: "node" }),
      lookedAt: null,
      drifted: [],
      failed: [],
      stopped: [],
      watched: 0,
      unwatched: 0,
    }),
    reset: async (ids) => ids ?? [],
  },
  beacons: { list: () => [] },
  stages: undefined as never,
  maintenance: undefined as never,
  permits: undefined as never,
  schedules: {
    list: () => [
      { name: "nightly", function: "test.ping", enabled: true, running: false, missed: 0, nextDue: 0 },
    ],
    run: async () => ({ due: 0, startedAt: 0, ms: 1, status: "changed", comment: "1 changed" }),
  },
  agent: {
    status: () => ({
      id: "web01",
      version: "0.1.0",
      node: "26.0.0",
      pid: 1,
      uptimeMs: 1,
      rssBytes: 1,
      running: [{ job: "j", function: "f", ms: 1 }],
      queued: 0,
      journalBytes: 0,
      clockOffsetMs: 0,
      confined: false,
    }),
  },
};
const never = new AbortController().signal;

function call(name: string, args: unknown, change: Partial<Call> = {}): Promise<unknown> {
  const spec = functions[name]!;
  const params = (spec.params as z.ZodObject).parse(args);
  return spec.run(params, {
    job: "j",
    host,
    signal: never,
    line: () => {},
    test: false,
    functions,
    ...change,
  });
}

describe("on a host of memory", () => {
  test.each<[string, unknown, unknown]>([
    ["test.ping", {}, true],
    ["test.echo", { text: "hello" }, "hello"],
    ["test.sleep", { seconds: 0 }, { seconds: 0 }],
    ["grains.items", {}, { os: "Debian", interfaces: { eth0: { mac: "aa" } } }],
    [
      "grains.get",
      { keys: ["os", "interfaces:eth0:mac", "none"] },
      { os: "Debian", "interfaces:eth0:mac": "aa", none: null },
    ],
    ["sys.list", {}, Object.keys(functions)],
    ["sys.doc", { name: "test.ping" }, expect.objectContaining({ name: "test.ping", positional: [] })],
    [
      "schedule.list",
      {},
      [expect.objectContaining({ name: "nightly", nextDue: "1970-01-01T00:00:00.000Z" })],
    ],
    [
      "schedule.run",
      { name: "nightly" },
      { schedule: "nightly", status: "changed", ms: 1, comment: "1 changed" },
    ],
    ["drift.check", {}, expect.objectContaining({ checked: 1 })],
    [
      "drift.status",
      {},
      expect.objectContaining({ catalog: null, settings: expect.objectContaining({ mode: "observe" }) }),
    ],
    ["drift.reset", { resources: ["a.b(c)"] }, { resumed: ["a.b(c)"] }],
    ["agent.status", {}, expect.objectContaining({ id: "web01", confined: false })],
  ])("%s gives its result, of its kind and fit to travel", async (name, args, result) => {
    const given = await call(name, args);
    expect(given).toEqual(result);
    expect((functions[name]!.result as z.ZodType).safeParse(given).error).toBeUndefined();
    expect(unpackHostile(pack(given))).toEqual(given);
  });

  const argvOf = async (args: unknown): Promise<unknown> => {
    const { stdout } = (await call("cmd.run", args)) as { stdout: string };
    return (JSON.parse(stdout) as { argv: unknown }).argv;
  };

  test("cmd.run splits one text into words and leaves a list of words alone", async () => {
    expect(await argvOf({ command: ["printf '%s %s' a"] })).toEqual(["printf", "%s %s", "a"]);
    expect(await argvOf({ command: ["printf", "%s %s", "a"] })).toEqual(["printf", "%s %s", "a"]);
    expect(await argvOf({ command: ["a | b > c; d"] })).toEqual(["a", "|", "b", ">", "c;", "d"]);
  });

  test("cmd.run gives a shell one text, and only one", async () => {
    expect(await argvOf({ command: ["a | b"], shell: true })).toEqual(["a | b"]);
    expect(() => call("cmd.run", { command: ["a", "b"], shell: true })).toThrow("one text");
    expect(() => call("cmd.run", { command: ["  "] })).toThrow("empty command");
  });

  test("cmd.run counts as failed when its program does, by exit code or by signal", () => {
    const spec = functions["cmd.run"]!;
    const exit = { signal: null, stdout: "", stderr: "", cut: false };
    expect([0, 1, null].map((exitCode) => spec.outcome?.({ ...exit, exitCode }))).toEqual([
      "ok",
      "failed",
      "failed",
    ]);
  });

  test("test.sleep ends when the call does", async () => {
    const stop = new AbortController();
    const asleep = call("test.sleep", { seconds: 3600 }, { signal: stop.signal });
    stop.abort();
    await expect(asleep).rejects.toThrow("aborted");
  });

  test("sys.doc of what is not there is an unknown function, of every object's names too", async () => {
    for (const name of ["test.pong", "__proto__", "constructor"])
      await expect(call("sys.doc", { name })).rejects.toThrow(
        expect.objectContaining({ code: "function/unknown" }),
      );
  });
});
