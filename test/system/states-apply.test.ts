/**
 * Goal: what the site says becomes true on the nodes, a plan says beforehand what
 * an apply does, and an apply that is bound to a plan does that or nothing.
 * Method: a real master with a real site, real agents confined below a root.
 */
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

import type { RunReport } from "@boma/states";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";

import { Fleet } from "../support/fleet.ts";
import { type RunDocument } from "../support/run.ts";

let fleet: Fleet;
beforeAll(async () => {
  fleet = await Fleet.start();
  await fleet.agent("web01", { env: "dev" });
  await fleet.agent("web02", { env: "dev" });
  await fleet.agent("db01", { env: "prod" });
});
afterAll(() => fleet?.[Symbol.asyncDispose]());

const site = (): string => join(fleet.home, "site");
const onNode = (id: string, path: string): string => join(fleet.dir, id, path);

type Ended = RunDocument & { readonly nodes: Readonly<Record<string, { readonly return?: RunReport }>> };
const run = (...words: readonly string[]) => fleet.json<Ended>("run", ...words);

function write(files: Readonly<Record<string, string>>): void {
  for (const [name, text] of Object.entries(files)) {
    const path = join(site(), name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
  }
}

const TOP = `import { top } from "@boma/states";
import motd from "./states/motd.ts";
export default top({ "env:dev": [motd] });
`;
const motd = (greeting: string): string => `import { file, tree } from "@boma/states";
export default tree(({ node, assigned }) => {
  const etc = file.directory("/etc");
  const motd = file.managed("/etc/motd", { contents: \`${greeting} \${node.id} in \${assigned.env}\\n\`, mode: "0644", require: etc });
  return [etc, motd];
});
`;

beforeEach(() => {
  rmSync(site(), { recursive: true, force: true });
  write({ "top.ts": TOP, "states/motd.ts": motd("welcome to") });
  for (const id of ["web01", "web02"]) rmSync(onNode(id, "etc/motd"), { force: true });
});

const apply = (...words: string[]) => run("env:dev", "state.apply", ...words);
const resultsOf = (report: RunReport | undefined) =>
  Object.fromEntries((report?.results ?? []).map(({ id, result }) => [id, result]));

describe("state.apply", () => {
  test("makes it so, says what was changed, and finds nothing to do the second time", async () => {
    const first = await apply();
    expect(first.code).toBe(0);
    expect(first.value.nodes["web01"]).toMatchObject({ status: "changed" });
    expect(resultsOf(first.value.nodes["web01"]!.return)["file.managed(/etc/motd)"]).toBe("changed");
    expect(readFileSync(onNode("web01", "etc/motd"), "utf8")).toBe("welcome to web01 in dev\n");
    expect(readFileSync(onNode("web02", "etc/motd"), "utf8")).toBe("welcome to web02 in dev\n");
    expect(existsSync(onNode("db01", "etc/motd"))).toBe(false);
    const second = await apply();
    expect(second.code).toBe(0);
    expect(second.value.nodes["web01"]).toMatchObject({ status: "ok" });
    expect(new Set(Object.values(resultsOf(second.value.nodes["web01"]!.return)))).toEqual(new Set(["ok"]));
  });

  test("with --test changes nothing, and says what it would", async () => {
    const { code, value } = await apply("--test");
    expect(code).toBe(0);
    const report = value.nodes["web01"]!.return!;
    expect(resultsOf(report)["file.managed(/etc/motd)"]).toBe("would-change");
    expect(existsSync(onNode("web01", "etc/motd"))).toBe(false);
  });

  test("of a site that does not compile is exit 2 with the place, and nothing is sent", async () => {
    write({ "states/motd.ts": motd("welcome to").replace("file.managed", "file.manged") });
    const { code, stderr } = await fleet.run("run", "env:dev", "state.apply");
    expect(code).toBe(2);
    expect(stderr).toMatch(/states\/motd\.ts:\d+/);
    expect(existsSync(onNode("web01", "etc/motd"))).toBe(false);
  });

  test("of one tree leaves the others alone, and a tree that is not there is named with the nearest", async () => {
    write({ "states/other.yaml": "- file.managed: /etc/other\n  contents: x\n" });
    const ended = await fleet.run("run", "env:dev", "state.apply", "mtd");
    expect(ended.code).toBe(2);
    expect(ended.stderr).toContain("motd");
  });

  test("is refused for a state that cannot be confined, and the others still run", async () => {
    write({
      "states/motd.ts": motd("hello")
        .replace("return [etc, motd];", 'return [etc, motd, cmd.run("true")];')
        .replace("import { file,", "import { cmd, file,"),
    });
    const { code, value } = await apply();
    expect(code).toBe(1);
    expect(resultsOf(value.nodes["web01"]!.return)).toMatchObject({
      "file.managed(/etc/motd)": "changed",
      "cmd.run(true)": "refused",
    });
  });
});

describe("a plan", () => {
  const plan = async () => {
    const { value } = await fleet.json<{ plan: string; ok: boolean }>("plan", "env:dev");
    expect(value).toMatchObject({ ok: true, plan: expect.stringMatching(/^[0-9a-f]{64}$/) });
    return value.plan;
  };

  test("is kept under a hash, and an apply that is bound to it does what it says", async () => {
    const hash = await plan();
    expect(existsSync(onNode("web01", "etc/motd"))).toBe(false);
    const { code, value } = await apply("--plan", hash.slice(0, 16));
    expect(code).toBe(0);
    expect(value.nodes["web01"]).toMatchObject({ status: "changed" });
    expect(readFileSync(onNode("web02", "etc/motd"), "utf8")).toContain("web02");
  });

  test("of nodes that did not move since is the same plan", async () => {
    expect(await plan()).toBe(await plan());
  });

  test("is refused by a node that has moved since, which names the difference; the others apply it", async () => {
    const hash = await plan();
    mkdirSync(onNode("web01", "etc"), { recursive: true });
    writeFileSync(onNode("web01", "etc/motd"), "somebody was here\n");
    const { code, value } = await apply("--plan", hash);
    expect(code).toBe(1);
    expect(value.nodes["web01"]).toMatchObject({ status: "refused", error: { code: "state/moved" } });
    expect(value.nodes["web01"]!.error!.message).toContain("file.managed(/etc/motd)");
    expect(readFileSync(onNode("web01", "etc/motd"), "utf8")).toBe("somebody was here\n");
    expect(value.nodes["web02"]).toMatchObject({ status: "changed" });
  });

  test("of one tree that is bound to an apply takes nothing else for gone: what others are owed stays owed", async () => {
    const note = onNode("web01", "boma/agent/states/pending.json");
    mkdirSync(dirname(note), { recursive: true });
    writeFileSync(note, '{"refresh":["service.running(other.service)"]}');
    const { value } = await fleet.json<{ plan: string }>("plan", "web01", "motd");
    expect((await run("web01", "state.apply", "--plan", value.plan)).code).toBe(0);
    expect(readFileSync(note, "utf8")).toContain("other.service");
    expect((await run("web01", "state.apply")).code).toBe(0);
    expect(readFileSync(note, "utf8")).not.toContain("other.service");
  });

  test("that a node has moved from is refused with --test as well", async () => {
    const hash = await plan();
    mkdirSync(onNode("web01", "etc"), { recursive: true });
    writeFileSync(onNode("web01", "etc/motd"), "somebody was here\n");
    const { code, value } = await apply("--plan", hash, "--test");
    expect(code).toBe(1);
    expect(value.nodes["web01"]).toMatchObject({ status: "refused", error: { code: "state/moved" } });
    expect(value.nodes["web02"]).toMatchObject({ status: "ok" });
  });

  test("is refused when the site says something else by now", async () => {
    const hash = await plan();
    write({ "states/motd.ts": motd("farewell from") });
    const { code, value } = await apply("--plan", hash);
    expect(code).toBe(1);
    expect(value.nodes["web01"]).toMatchObject({ status: "refused", error: { code: "state/moved" } });
    expect(existsSync(onNode("web01", "etc/motd"))).toBe(false);
  });

  test("does not cover nodes that were not in it, and one that is not there is exit 2", async () => {
    const hash = await plan();
    expect(await fleet.run("run", "*", "state.apply", "--plan", hash)).toMatchObject({ code: 2 });
    expect(await fleet.run("run", "env:dev", "state.apply", "--plan", "00000000")).toMatchObject({ code: 2 });
  });
});

describe("one state by its name", () => {
  test("is applied without the site, and asked with --test", async () => {
    const asked = await run("db01", "file.managed", "/motd", "contents=by hand", "--test");
    expect(resultsOf(asked.value.nodes["db01"]!.return)).toEqual({ "file.managed(/motd)": "would-change" });
    const done = await run("db01", "file.managed", "/motd", "contents=by hand");
    expect(done.value.nodes["db01"]).toMatchObject({ status: "changed" });
    expect(readFileSync(onNode("db01", "motd"), "utf8")).toBe("by hand");
  });

  test("with a parameter that it does not have is exit 2 with the nearest name", async () => {
    const { code, stderr } = await fleet.run("run", "db01", "file.managed", "/motd", "contens=x");
    expect(code).toBe(2);
    expect(stderr).toContain("contents");
  });
});

test("two catalogs of a node can be compared by their hashes", async () => {
  const before = (await apply()).value.nodes["web01"]!.return!.catalog;
  write({ "states/motd.ts": motd("farewell from") });
  const after = (await apply()).value.nodes["web01"]!.return!.catalog;
  expect(after).not.toBe(before);
  const { value } = await fleet.json<{ changed: { id: string }[] }>(
    "catalog",
    "diff",
    "web01",
    before.slice(0, 16),
    after.slice(0, 16),
  );
  expect(value.changed).toMatchObject([{ id: "file.managed(/etc/motd)" }]);
});
