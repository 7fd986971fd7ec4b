/**
 * Goal: an operator writes a site, has it checked before anything is sent, sees
 * what a node's pillar holds and why, and machines become what profiles say.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

import { afterAll, beforeAll, describe, expect, test } from "vitest";

import type { JobItem } from "../../packages/master/src/jobs/watch.ts";
import { Fleet } from "../support/fleet.ts";
import { clientOf } from "../support/traffic.ts";

let fleet: Fleet;
beforeAll(async () => {
  fleet = await Fleet.start();
  write("profiles/web.yaml", 'roles: [web]\nassign: { env: lab, rack: r1 }\nmatch: { hostname: "*" }\n');
  write("profiles/db.ts", 'export default { roles: ["db", "backup"], assign: { env: "prod" } };\n');
  await fleet.agent("n1");
  await fleet.agent("n2", { env: "dev" });
}, 120_000);
afterAll(() => fleet[Symbol.asyncDispose]());

function write(name: string, text: string): void {
  const path = join(fleet.home, "site", name);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
}

interface Checked {
  readonly ok: boolean;
  readonly errors: readonly { readonly code: string; readonly what: string; readonly place?: object }[];
  readonly nodes: readonly { readonly id: string; readonly declarations: number; readonly error?: object }[];
}
interface Node {
  readonly id: string;
  readonly assigned: Readonly<Record<string, unknown>>;
}

describe("check", () => {
  test("finds nothing wrong with the site that init makes, types included, and says what each node has", async () => {
    const { code, value } = await fleet.json<Checked>("check");
    expect(value).toMatchObject({ ok: true, errors: [] });
    expect(value.nodes).toMatchObject([
      { id: "n1", declarations: 1 },
      { id: "n2", declarations: 1 },
    ]);
    expect(code).toBe(0);
  });

  test("tells a type that is wrong at its place, with the line and a caret, and ends with 2", async () => {
    write(
      "states/typed.ts",
      'import { file, tree } from "@boma/states";\nexport default tree(() => [file.managed("/x", { contens: "a" })]);\n',
    );
    const { code, stdout } = await fleet.run("check");
    expect(stdout).toMatch(/states\/typed\.ts:2:\d+: error\[TS\d+\]: .*contens/);
    expect(stdout).toMatch(/\n {2}export default tree\(\(\) => .*\n {2} +\^\n/);
    expect(code).toBe(2);
    write("states/typed.ts", "export {};\n");
  });

  test("tells what fails for which nodes, without the type checker as well", async () => {
    write("top.ts", 'import { top } from "@boma/states";\nexport default top({ "os:debian": ["base"] });\n');
    const { code, stdout } = await fleet.run("check", "--no-types");
    expect(stdout).toMatch(/top\.ts:2:\d+: error\[site\/target\]: os:debian asks for `os`/);
    expect(stdout).toContain("assigned.os");
    expect(code).toBe(2);
    write("top.ts", 'import { top } from "@boma/states";\nexport default top({ "*": ["base"] });\n');
  });

  test("compiles for the nodes of an inventory without a master", async () => {
    const inventory = join(fleet.dir, "inventory.json");
    writeFileSync(
      inventory,
      '{"nodes": {"lab-01": {"grains": {"os": "debian"}, "assigned": {"env": "lab"}}}}',
    );
    const { value } = await fleet.json<Checked>("check", "--no-types", "--inventory", inventory);
    expect(value).toMatchObject({ ok: true, nodes: [{ id: "lab-01", declarations: 1 }] });
  });

  test("finds two profiles that match by the same rule", async () => {
    write("profiles/again.yaml", 'match: { hostname: "*" }\n');
    const { value, code } = await fleet.json<Checked>("check", "--no-types");
    expect(value.errors.map(({ what }) => what)).toContain(
      "the profiles again and web both match by hostname *",
    );
    expect(code).toBe(2);
    write("profiles/again.yaml", "roles: [again]\n");
  });
});

describe("pillar show", () => {
  test("prints each value with its origin, the later entry's winning, and secrets as references", async () => {
    write(
      "pillar/top.ts",
      [
        'import { pillarTop } from "@boma/states";',
        'export default pillarTop({ "*": ["common", { web: { port: 80, tls: false } }],',
        '  "env:dev": ["dev"] });',
      ].join("\n"),
    );
    write(
      "pillar/dev.yaml",
      "web:\n  port: 8080\ntoken: !secret file:/etc/boma/token\nurl: x${secret:env:U}y\n",
    );
    const { value } = await fleet.json<{ values: readonly object[] }>("pillar", "show", "n2");
    expect(value.values).toEqual([
      { path: "motd", value: expect.stringContaining("boma") as string, file: "pillar/common.yaml", line: 2 },
      { path: "web:port", value: 8080, file: "pillar/dev.yaml", line: 2 },
      { path: "web:tls", value: false, file: "pillar/top.ts", line: 2 },
      { path: "token", value: "(secret file:/etc/boma/token)", file: "pillar/dev.yaml", line: 3 },
      { path: "url", value: "x(secret env:U)y", file: "pillar/dev.yaml", line: 4 },
    ]);
    expect(await fleet.ok("pillar", "show", "n2")).toContain("pillar/dev.yaml:2");
  });

  test("refuses what the schema of the pillar refuses, at the value's own place", async () => {
    write(
      "pillar/schema.ts",
      'import { z } from "zod";\nexport default z.object({ web: z.object({ port: z.int().max(100) }) }).loose();\n',
    );
    const { code, stderr } = await fleet.run("pillar", "show", "n2");
    expect(stderr).toContain("error[site/pillar]: pillar/dev.yaml:2: the pillar of n2 does not fit");
    expect(code).toBe(2);
    write(
      "pillar/schema.ts",
      'import { z } from "zod";\nexport default z.looseObject({ extra: z.int().default(7) });\n',
    );
    expect(await fleet.ok("pillar", "show", "n1")).toMatch(/extra +7 +pillar\/schema\.ts/);
  });
});

describe("profiles", () => {
  const assigned = async (id: string) => (await fleet.json<Node[]>("nodes", id)).value[0]!.assigned;

  test("are given at approval, but what the operator said stands over them", async () => {
    expect(await assigned("n2")).toEqual({ env: "dev", rack: "r1", role: "web", profile: "web" });
  });

  test("explain themselves step by step, and stay as they are until they are set", async () => {
    write(
      "profiles/web.yaml",
      'roles: [web]\nassign: { env: lab, rack: r1 }\nmatch: { hostname: "none-*" }\n',
    );
    write("profiles/again.yaml", "default: true\n");
    const { value } = await fleet.json<{
      frozen: string;
      chosen: string;
      steps: readonly { rule: string; found: string[] }[];
    }>("profile", "explain", "n2");
    expect(value).toMatchObject({ frozen: "web", chosen: "again" });
    expect(value.steps.map(({ rule, found }) => [rule, ...found])).toEqual([
      ["override"],
      ["mac"],
      ["hostname"],
      ["default", "again"],
    ]);
    expect((await assigned("n2"))["profile"]).toBe("web");
    await fleet.ok("profile", "set", "n2", "db");
    expect(await assigned("n2")).toEqual({ env: "prod", role: ["db", "backup"], profile: "db" });
  });

  test("that are written wrongly are told with the name that was meant", async () => {
    write("profiles/again.yaml", "rols: [x]\n");
    const { stdout, code } = await fleet.run("check", "--no-types");
    expect(stdout).toMatch(/profiles\/again\.yaml:1:1: error\[site\/profile\]/);
    expect(stdout).toContain("Did you mean `roles`?");
    expect(code).toBe(2);
    const { stderr } = await fleet.run("profile", "set", "n2", "wbe");
    expect(stderr).toContain('there is no profile "wbe"');
  });
});

const PATIENCE_MS = 6_000;
const APPLY = { target: "n1", function: "state.apply", test: false, allowEmpty: false, watch: true };

test("a job whose catalogs take longer than its operator waits for an answer begins all the same, or says why not", async () => {
  const slowly = (end: string) =>
    `import { file, tree } from "@boma/states";
export default tree(() => {
  for (const end = Date.now() + ${PATIENCE_MS}; Date.now() < end;);
  ${end}
});
`;
  write("states/slow.ts", slowly('return [file.managed("/slow", { contents: "at last\\n" })];'));
  write("states/broken.ts", slowly('throw new Error("after all");'));
  await using client = await clientOf(fleet);
  const apply = (name: string) =>
    client.follow<JobItem>("job.start", { ...APPLY, args: { trees: [name] } }, PATIENCE_MS - 500);
  const items = await Array.fromAsync(apply("slow"));
  expect(items.at(0)).toMatchObject({ type: "job", record: { function: "state.apply" } });
  expect(items).toContainEqual(expect.objectContaining({ type: "ending", id: "n1", status: "changed" }));
  await expect(Array.fromAsync(apply("broken"))).rejects.toMatchObject({
    message: expect.stringContaining("after all"),
  });
});
