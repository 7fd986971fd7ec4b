/** What the command line says about itself and about the fleet: help, completion, doc, events, status. */
import { execFile } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";

import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { Fleet, type ToldEvent } from "../support/fleet.ts";
import { run } from "../support/run.ts";

const execute = promisify(execFile);

let fleet: Fleet;
beforeAll(async () => {
  fleet = await Fleet.start();
  await fleet.emulate(3, "web");
});
afterAll(() => fleet?.[Symbol.asyncDispose]());

/** The names below `Commands:`. */
const subcommands = (help: string): string[] =>
  [...(help.split("\nCommands:\n")[1] ?? "").split("\n\n")[0]!.matchAll(/^ {2}([a-z_-]+)/gm)]
    .map(([, name]) => name!)
    .filter((name) => name !== "help");

describe("--help", () => {
  test("of every command, on every level, has an example, says what it does and ends with 0", async () => {
    const walk = async (path: readonly string[]): Promise<string[]> => {
      const { code, stdout, stderr } = await fleet.run(...path, "--help");
      expect({ path, code, stderr }).toEqual({ path, code: 0, stderr: "" });
      expect(stdout).toContain(`Usage: ${["boma-master", ...path].join(" ")}`);
      expect({ path, example: /\nExample:\n {2}\$ .*boma-master/.test(stdout) }).toEqual({
        path,
        example: true,
      });
      const below = await Promise.all(subcommands(stdout).map((name) => walk([...path, name])));
      return [path.join(" "), ...below.flat()];
    };
    const found = await walk([]);
    expect(found).toEqual(expect.arrayContaining(["run", "jobs attach", "token create", "enroll approve"]));
    expect(found.length).toBeGreaterThan(25);
    // Some sixty processes, one for each command.
  }, 180_000);
});

describe("completion", () => {
  test("is a script that bash can read", async () => {
    const { stdout } = await fleet.run("completion", "bash");
    const file = join(fleet.dir, "completion.bash");
    writeFileSync(file, stdout);
    await execute("bash", ["-n", file]);
    // What the script asks for is what the shell offers.
    const script = `boma-master() { printf 'run\\nrevoke\\n'; }; source ${file}; COMP_WORDS=(boma-master r); COMP_CWORD=1; _boma_master; echo "\${COMPREPLY[@]}"`;
    expect((await execute("bash", ["-c", script])).stdout).toBe("run revoke\n");
  });
  test("is there for zsh and fish as well, and for nothing else", async () => {
    for (const shell of ["zsh", "fish"])
      expect((await fleet.run("completion", shell)).stdout).toContain("__complete");
    expect(await fleet.run("completion", "tcsh")).toMatchObject({ code: 2 });
  });
  test("offers commands, subcommands, options and functions", async () => {
    const offered = async (...words: string[]) => (await fleet.ok("__complete", ...words)).trim().split("\n");
    expect(await offered("re")).toEqual(["reactor", "rekey", "restore", "revoke"]);
    expect(await offered("jobs", "")).toEqual(["attach", "cancel", "list", "show"]);
    expect(await offered("run", "*", "test.")).toEqual(["test.echo", "test.ping", "test.sleep"]);
    expect(await offered("run", "*", "test.ping", "--ma")).toEqual(["--max-fail"]);
    expect(await offered("doc", "grains.g")).toEqual(["grains.get"]);
  });
});

describe("doc", () => {
  test("lists every function, those of a module, and all about one", async () => {
    const all = await fleet.run("doc");
    expect(all).toMatchObject({ code: 0 });
    for (const name of ["cmd.run", "grains.items", "test.ping"]) expect(all.stdout).toContain(name);
    const grains = await fleet.json<{ name: string }[]>("doc", "grains");
    expect(grains.value.map(({ name }) => name)).toEqual(["grains.get", "grains.items"]);
    const one = await fleet.run("doc", "cmd.run");
    for (const word of ["command", "shell", "cwd", "env", "user", "stdin", "$ boma-master run"])
      expect(one.stdout).toContain(word);
    expect(await fleet.json("doc", "cmd.run")).toMatchObject({
      code: 0,
      value: { name: "cmd.run", effect: "write" },
    });
  });
  test("suggests the nearest name", async () => {
    const { code, stderr } = await fleet.run("doc", "cmd.rn");
    expect(code).toBe(2);
    expect(stderr).toContain("Did you mean cmd.run?");
  });
});

describe("events", () => {
  const events = async (...words: string[]) => (await fleet.json<ToldEvent[]>("events", ...words)).value;

  test("are in order, and are read by kind, from a time and from a number on", async () => {
    const { value } = await run(fleet, "web-0001", "test.ping");
    const all = await events();
    expect(all.map(({ sequence }) => sequence)).toEqual(all.map((_, index) => all[0]!.sequence + index));
    const mine = await events("job.*");
    expect(mine.filter(({ job }) => job === value.job).map(({ kind }) => kind)).toEqual([
      "job.started",
      "job.returned",
      "job.finished",
    ]);
    const from = all.at(-2)!.sequence;
    expect((await events("*", "--since", String(from))).map(({ sequence }) => sequence)).toContain(from);
    expect((await events("*", "--since", String(from)))[0]!.sequence).toBe(from);
    expect(await events("*", "--since", "2100-01-01")).toEqual([]);
    expect(new Set((await events("node.enrolled", "--since", "1h")).map(({ id }) => id))).toEqual(
      new Set(["web-0001", "web-0002", "web-0003"]),
    );
  });

  test("are followed as they happen, a line each, also as JSON", async () => {
    await using following = fleet.spawn("events", "job.started", "--follow", "--json");
    await using plain = fleet.spawn("events", "job.*", "--follow", "--since", "1h");
    await plain.line(/ job\.finished /);
    // The second one runs, so the first has long asked; what it is told from now on is new.
    const { value } = await run(fleet, "web-0002", "test.ping");
    await plain.line((line) => line.includes("job.started") && line.includes(value.job));
    const line = await following.line((text) => text.includes(value.job));
    expect(JSON.parse(line)).toMatchObject({ kind: "job.started", operator: "local", data: { nodes: 1 } });
  });
});

describe("the state of things", () => {
  test("status tells how master, bus and fleet are", async () => {
    const { code, stdout } = await fleet.run("status");
    expect(code).toBe(0);
    expect(stdout).toMatch(/^master {3}up for \d+ (s|min), /m);
    expect(stdout).toMatch(/^bus {6}nats-server \d+\.\d+\.\d+, embedded, loopback without TLS: nats:/m);
    expect(stdout).toMatch(/^nodes {4}3 connected, 0 offline$/m);
    expect(await fleet.json("status")).toMatchObject({
      value: { ok: true, nodes: { approved: 3, connected: 3 } },
    });
  });
  test("doctor finds nothing wrong where nothing is, and a key that others can read where one is", async () => {
    expect(await fleet.json("doctor")).toMatchObject({ code: 0, value: { ok: true } });
    await execute("chmod", ["755", join(fleet.home, "master", "keys")]);
    try {
      const { code, stdout } = await fleet.run("doctor");
      expect(code).toBe(1);
      expect(stdout).toMatch(/^bad {2}keys +readable by others\n +chmod 700 /m);
    } finally {
      await execute("chmod", ["700", join(fleet.home, "master", "keys")]);
    }
  });
  test("grains and nodes are shown, and targets are resolved by the master", async () => {
    expect((await fleet.run("grains", "web-0001", "virtual")).stdout).toContain("emulated");
    const { value } = await fleet.json<{ id: string; connected: boolean }[]>("nodes", "web-000[12]");
    expect(value.map(({ id, connected }) => [id, connected])).toEqual([
      ["web-0001", true],
      ["web-0002", true],
    ]);
    expect(await fleet.json("target", "env:dev and not web-0002")).toEqual({
      code: 0,
      value: { matched: ["web-0001", "web-0003"], unknown: [] },
    });
  });
  test("the site's nodegroups are names for targets, from the moment they are written", async () => {
    const file = join(fleet.home, "site", "nodegroups.yaml");
    mkdirSync(join(fleet.home, "site"), { recursive: true });
    writeFileSync(file, "front: web-0001\nboth: N@front or web-0003\n");
    expect(await fleet.json("target", "N@both")).toMatchObject({
      value: { matched: ["web-0001", "web-0003"] },
    });
    expect(await run(fleet, "N@both and not N@front", "test.ping")).toMatchObject({
      code: 0,
      value: { expected: ["web-0003"] },
    });
    const unknown = await fleet.json("run", "N@bth", "test.ping");
    expect(unknown).toMatchObject({ code: 2, value: { ok: false, error: { code: "target/syntax" } } });
    writeFileSync(file, "front: [\n");
    expect(await fleet.json("target", "N@front")).toMatchObject({
      code: 2,
      value: { error: { code: "usage/file" } },
    });
  });
});
