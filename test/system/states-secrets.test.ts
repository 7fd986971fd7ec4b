/**
 * Goal: a secret reaches the file that it is for, and nothing else: no stream, no
 * file of master or agent, no screen, no event, no plan, no command line, in no
 * encoding that programs use.
 * Method: a whole run with canaries, a real master, bus and agents; then everything is searched.
 */
import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

import type { RunReport } from "@boma/states";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";

import { newCanary } from "../support/canary.ts";
import { Fleet } from "../support/fleet.ts";
import type { RunDocument } from "../support/run.ts";

let fleet: Fleet;
const canary = newCanary();
beforeAll(async () => {
  fleet = await Fleet.start();
  await fleet.agent("web01", { env: "dev" });
  await fleet.agent("web02", { env: "dev" });
  write("secrets/db", `${canary.value}\n`);
  chmodSync(join(fleet.home, "secrets"), 0o700);
  chmodSync(join(fleet.home, "secrets/db"), 0o600);
});
afterAll(() => fleet?.[Symbol.asyncDispose]());

type Ended = RunDocument & { readonly nodes: Readonly<Record<string, { readonly return?: RunReport }>> };
const conf = (id: string): string => join(fleet.dir, id, "db.conf");

function write(name: string, text: string): void {
  const path = join(fleet.home, name);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
}

const reference = (): string => `file:${join(fleet.home, "secrets/db")}`;
const TOP = `import { top } from "@boma/states";\nexport default top({ "env:dev": ["db"] });\n`;
const tree = (more = ""): string => `import { file, secret, text, tree } from "@boma/states";
const password = secret(${JSON.stringify(reference())});
export default tree(() => [
  file.managed("/db.conf", { contents: text\`password = \${password}\\nagain = \${password}\\n\`, mode: "0600" }),
  ${more}
]);
`;

/** All that was printed since the test began. */
const screens: Record<string, string> = {};
async function on(
  ...words: readonly string[]
): Promise<{ code: number | null; stdout: string; stderr: string }> {
  const ended = await fleet.run(...words);
  screens[`${words.join(" ")} (${Object.keys(screens).length})`] = ended.stdout + ended.stderr;
  return ended;
}

beforeEach(() => {
  rmSync(join(fleet.home, "site"), { recursive: true, force: true });
  write("site/top.ts", TOP);
  write("site/states/db.ts", tree());
  for (const id of ["web01", "web02"]) rmSync(conf(id), { force: true });
});

test("a secret is in the file that it is for, and nowhere else after a whole run", async () => {
  expect(await on("check", "--no-types")).toMatchObject({ code: 0 });
  expect(await on("run", "env:dev", "state.apply", "--test", "--full")).toMatchObject({ code: 0 });
  expect(await on("plan", "env:dev", "--full")).toMatchObject({ code: 0 });
  expect(await on("run", "env:dev", "state.show", "--full", "--json")).toMatchObject({ code: 0 });
  const running = fleet.spawn("run", "env:dev", "state.apply", "--full");
  const pids = [fleet.master.pid, ...[...fleet.agents.values()].map(({ pid }) => pid)];
  const processes = canary.inProcesses(...pids);
  const { code, stdout, stderr } = await running.ended;
  screens["apply"] = stdout + stderr;
  expect(code).toBe(0);
  expect(readFileSync(conf("web01"), "utf8")).toBe(`password = ${canary.value}\nagain = ${canary.value}\n`);
  // It is replaced, so that an old value is in the diff of what was there.
  writeFileSync(conf("web01"), `password = ${canary.value}x\n`);
  expect(await on("run", "env:dev", "state.apply", "--json", "--full")).toMatchObject({ code: 0 });
  await on("events", "--since", "1h", "--json");
  await on("jobs", "list", "--json");
  await on("catalog", "show", "web01", "--json");
  await on("pillar", "show", "web01", "--json");
  for (const [id, agent] of fleet.agents) screens[`agent ${id}`] = agent.lines.join("\n");
  screens["master"] = fleet.master.lines.join("\n");
  rmSync(conf("web01"));
  rmSync(conf("web02"));
  rmSync(join(fleet.home, "secrets/db"));
  expect(canary.inTexts(screens)).toEqual([]);
  expect(processes).toEqual([]);
  expect(canary.inFiles(fleet.dir)).toEqual([]);
  write("secrets/db", `${canary.value}\n`);
  chmodSync(join(fleet.home, "secrets/db"), 0o600);
});

test("a state that fails with a secret in its hands does not tell it", async () => {
  write("site/states/db.ts", tree(`file.managed("/gone/db.conf", { contents: password }),`));
  const { code, stdout } = await on("run", "env:dev", "state.apply", "--json");
  expect(code).toBe(1);
  const { results } = (JSON.parse(stdout) as Ended).nodes["web01"]!.return!;
  expect(results.find(({ id }) => id === "file.managed(/gone/db.conf)")).toMatchObject({ result: "failed" });
  expect(canary.in(stdout)).toEqual([]);
});

test("another value is another catalog and another plan, though the site is the same", async () => {
  const planned = async () =>
    (await fleet.json<{ plan: string; nodes: Ended["nodes"] }>("plan", "env:dev")).value;
  const before = await planned();
  write("secrets/db", "another-value-of-it\n");
  const after = await planned();
  expect(after.plan).not.toBe(before.plan);
  expect(after.nodes["web01"]!.return!.catalog).not.toBe(before.nodes["web01"]!.return!.catalog);
  write("secrets/db", `${canary.value}\n`);
});

test("a secret that cannot be had refuses the job on its nodes, by the reference and not by a value", async () => {
  rmSync(join(fleet.home, "secrets/db"));
  const { code, stdout } = await on("run", "env:dev", "state.apply", "--json");
  expect(code).toBe(1);
  expect((JSON.parse(stdout) as Ended).nodes["web01"]).toMatchObject({ status: "refused" });
  expect(stdout).toContain(reference());
  expect(existsSync(conf("web01"))).toBe(false);
});

test("a program that prints the secrets it was given tells nobody, however long they are and wherever a line is cut", async () => {
  await fleet.agent("prog", { env: "prog", unconfined: true });
  const long = `begin${"k7Wq".repeat(5000)}`;
  write("secrets/long", long);
  write("secrets/lines", "z~1\nsecond-line-of-it\nqy3z\n");
  for (const name of ["long", "lines"]) chmodSync(join(fleet.home, "secrets", name), 0o600);
  const of = (name: string): string =>
    `secret(${JSON.stringify(`file:${join(fleet.home, "secrets", name)}`)})`;
  write("site/top.ts", TOP.replace("env:dev", "env:prog"));
  write(
    "site/states/db.ts",
    `import { cmd, secret, tree } from "@boma/states";
export default tree(() => [cmd.run("tell", {
  command: "printf '%6000s' x; sleep 0.3; printf '%s' \\"$LONG\\"; sleep 0.3; printf '%s\\\\n' \\"$LONG\\"; cat; cat /proc/self/environ >&2; exit 3",
  shell: true, env: { LONG: ${of("long")} }, stdin: ${of("lines")},
})]);
`,
  );
  const { code, stdout, stderr } = await fleet.run("run", "prog", "state.apply", "--full");
  expect(code).toBe(1);
  expect(stdout).toContain("exited with 3");
  const printed = [stdout, stderr, await fleet.ok("events", "--since", "1h", "--json")].join("\n");
  for (const piece of ["k7Wqk7Wq", "z~1", "second-line", "qy3z"]) expect(printed).not.toContain(piece);
});
