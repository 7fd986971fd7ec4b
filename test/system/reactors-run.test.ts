/** Goal: what the site says happens by itself, as the role that was given, once, and never in a circle. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

import { afterAll, beforeAll, describe, expect, test } from "vitest";

import type { ReactorView } from "../../packages/master/src/reactors/reactors.ts";
import { Fleet, type ToldEvent } from "../support/fleet.ts";

const IMPORT = 'import { on } from "@boma/states";\n';

const SITE: Readonly<Record<string, string>> = {
  "top.ts": 'import { top } from "@boma/states";\nexport default top({ "env:dev": ["dev"] });\n',
  "states/dev.yaml": '- file.managed: /base\n  contents: "${node.id}\\n"\n',
  "pillar/top.ts": 'import { pillarTop } from "@boma/states";\nexport default pillarTop({});\n',
  "reactors/first-boot.ts": `${IMPORT}export default on("node.enrolled", { target: "env:dev" }, async (event, boma) => {
  const { ok, nodes } = await boma.run(event.node, "state.apply");
  boma.log(\`\${event.id}: \${JSON.stringify(nodes)} \${ok}\`);
});
`,
};

function writeSite(fleet: Fleet, files: Readonly<Record<string, string>>): void {
  for (const [name, text] of Object.entries(files)) {
    const path = join(fleet.home, "site", name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
  }
}

interface List {
  readonly reactors: readonly ReactorView[];
  readonly errors: readonly string[];
}

describe("a site with reactors", () => {
  let fleet: Fleet;
  beforeAll(async () => {
    fleet = await Fleet.prepare();
    writeSite(fleet, SITE);
    await fleet.serve();
  });
  afterAll(() => fleet[Symbol.asyncDispose]());

  /** Writes a reactor and waits until the master has it. */
  async function reactor(name: string, text: string, ...allowed: readonly string[]): Promise<void> {
    writeSite(fleet, { [`reactors/${name}.ts`]: IMPORT + text });
    if (allowed.length > 0) await fleet.ok("reactor", "allow", name, ...allowed);
    const { value } = await fleet.json<List>("reactor", "list");
    expect(value.errors).toEqual([]);
    expect(value.reactors.map((one) => one.file)).toContain(`reactors/${name}.ts`);
  }
  const listed = async (name: string): Promise<ReactorView> => {
    const { value } = await fleet.json<List>("reactor", "list");
    return value.reactors.find((one) => one.name === name)!;
  };
  const of = (name: string) => (event: ToldEvent) => event.data["reactor"] === name;

  test("brings a machine from its first boot to its base state, and nobody types anything", async () => {
    await fleet.ok("reactor", "allow", "first-boot", "--run", "state.apply@env:dev");
    await fleet.ok("reactor", "list");
    await fleet.agent("n1", { env: "dev" });
    const fired = await fleet.event("reactor.fired", of("first-boot"));
    expect(readFileSync(join(fleet.dir, "n1/base"), "utf8")).toBe("n1\n");
    expect(fired).toMatchObject({ id: "n1", causes: ["first-boot"], data: { kind: "node.enrolled" } });
    const started = await fleet.event("job.started", ({ operator }) => operator === "reactor.first-boot");
    expect(started).toMatchObject({ causes: ["first-boot"], data: { function: "state.apply", nodes: 1 } });
    const changed = await fleet.event("state.changed", ({ job }) => job === started.job);
    expect(changed.causes).toEqual(["first-boot"]);
  });

  test("leaves nodes alone that its target does not mean", async () => {
    await fleet.agent("other", { env: "prod" });
    await fleet.agent("n2", { env: "dev" });
    await fleet.event("reactor.fired", (event) => event.id === "n2");
    const { handled } = await listed("first-boot");
    expect(handled).toBe(2);
    expect(existsSync(join(fleet.dir, "other/base"))).toBe(false);
  });

  test("is refused without a role, told the command that gives it one, and does it when it has", async () => {
    await reactor(
      "pinger",
      'export default on("node.assigned", async (event, boma) => { await boma.run(event.node, "test.ping"); });',
    );
    expect((await listed("pinger")).state).toBe("not allowed");
    await fleet.ok("assign", "n1", "rack=a");
    const failed = await fleet.event("reactor.failed", of("pinger"));
    expect(failed.data).toMatchObject({ attempt: 1, givenUp: true });
    expect(failed.data["error"]).toContain("boma-master reactor allow pinger --run 'test.ping@TARGET'");
    const denied = await fleet.event("operator.denied", ({ operator }) => operator === "reactor.pinger");
    expect(denied.causes).toEqual(["pinger"]);
    await fleet.ok("reactor", "allow", "pinger", "--run", "test.*@env:dev");
    await fleet.ok("assign", "n1", "rack=b");
    const fired = await fleet.event("reactor.fired", of("pinger"));
    expect(fired.data["did"]).toEqual([expect.stringContaining("run test.ping on")]);
    await fleet.ok("assign", "other", "rack=b");
    const outside = await fleet.event(
      "reactor.failed",
      (event) => of("pinger")(event) && event.id === "other",
    );
    expect(outside.data["error"]).toContain("may not run test.ping on other");
  });

  test("is stopped when it sets itself off, named with the chain, also after a restart, until it is resumed", async () => {
    await reactor(
      "circle",
      'export default on("node.assigned", async (event, boma) => { await boma.assign(event.node, { turns: String(event.data.revision) }); });',
      "--assign",
      "turns@*",
    );
    await fleet.ok("reactor", "stop", "pinger");
    await fleet.ok("assign", "n2", "rack=c");
    const stopped = await fleet.event("reactor.stopped", of("circle"));
    expect(stopped.data).toMatchObject({
      chain: ["circle", "circle"],
      why: expect.stringContaining("circle → circle"),
    });
    const again = await fleet.json<{ assigned: Record<string, string>; id: string }[]>("nodes", "n2");
    await fleet.master.stop();
    await fleet.serve();
    expect(await listed("circle")).toMatchObject({ state: "stopped" });
    expect(await listed("pinger")).toMatchObject({ state: "stopped" });
    const now = await fleet.json<{ assigned: Record<string, string> }[]>("nodes", "n2");
    expect(now.value[0]!.assigned).toEqual(again.value[0]!.assigned);
    await fleet.ok("reactor", "resume", "circle");
    expect((await listed("circle")).state).toBe("running");
    await fleet.ok("reactor", "stop", "circle");
  });

  test("is stopped when two of them set each other off", async () => {
    const says = (mine: string, other: string) =>
      `export default on("reactor.said", { where: (event) => event.data.name === "${mine}" }, async (event, boma) => { await boma.tell("${other}"); });`;
    await reactor("ping", says("ping", "pong"), "--run", "test.ping@env:dev");
    await reactor("pong", says("pong", "ping"), "--run", "test.ping@env:dev");
    await reactor(
      "begin",
      'export default on("node.assigned", async (event, boma) => { await boma.tell("ping", { of: event.id }); });',
      "--run",
      "test.ping@env:dev",
    );
    await fleet.ok("assign", "n1", "rack=d");
    const stopped = await fleet.event("reactor.stopped", of("ping"));
    expect(stopped.data["chain"]).toEqual(["begin", "ping", "pong", "ping"]);
    expect((await listed("pong")).state).toBe("running");
    await fleet.ok("reactor", "stop", "begin");
  });

  test("is tried again when it hangs, given up and named, and the others go on", async () => {
    await reactor(
      "hangs",
      'export default on("node.assigned", { timeout: "1s", attempts: 2 }, async () => { await new Promise(() => undefined); });',
      "--run",
      "test.ping@env:dev",
    );
    await reactor(
      "works",
      'export default on("node.assigned", async (event, boma) => { await boma.tell("worked", event.data.assigned); });',
      "--run",
      "test.ping@env:dev",
    );
    await fleet.ok("assign", "n1", "rack=e");
    const said = await fleet.event("reactor.said", ({ data }) => data["name"] === "worked");
    expect(said).toMatchObject({ causes: ["works"], data: { reactor: "works", value: { rack: "e" } } });
    const failed = await fleet.event(
      "reactor.failed",
      (event) => of("hangs")(event) && event.data["givenUp"] === true,
    );
    expect(failed.data).toMatchObject({ attempt: 2, error: expect.stringContaining("1000 ms") });
    expect(await listed("hangs")).toMatchObject({ state: "running", failed: 1, behind: 0 });
    await fleet.ok("reactor", "stop", "hangs");
  });

  test("waits when it has done as much as it may, and tells so once", async () => {
    await reactor(
      "paced",
      'export default on("node.assigned", { limit: "2/s" }, async (event, boma) => { await boma.tell("paced"); });',
      "--run",
      "test.ping@env:dev",
    );
    for (const rack of ["1", "2", "3", "4", "5"]) await fleet.ok("assign", "*", `rack=${rack}`);
    const limited = await fleet.event("reactor.limited", of("paced"));
    expect(limited.data["limit"]).toBe("2/s");
    const last = await fleet.event("reactor.fired", (event) => of("paced")(event) && event.id === "other");
    expect(last.sequence).toBeGreaterThan(0);
    await fleet.ok("reactor", "stop", "paced");
  });

  test("can be tried against what was recorded, in a file that is not in use, and nothing is done", async () => {
    const file = join(fleet.dir, "new.ts");
    writeFileSync(
      file,
      `${IMPORT}export default on("node.enrolled", { where: (event) => event.id !== "other" }, async (event, boma) => {
  const { nodes } = await boma.run(event.node, "cmd.run", { command: ["true"] });
  await boma.tell(\`\${Object.keys(nodes).length}\`);
});
`,
    );
    const before = (await fleet.json<{ sequence: number }[]>("events", "job.*")).value.length;
    const { code, value } = await fleet.json<{
      events: number;
      tried: { id: string; would: { text: string; nodes: string[]; denied?: string }[] }[];
    }>("reactor", "test", file, "--since", "1h");
    expect([code, value.events]).toEqual([0, 3]);
    expect(value.tried.map(({ id }) => id)).toEqual(["n1", "n2"]);
    expect(value.tried[0]!.would).toEqual([
      {
        text: 'run cmd.run {"command":["true"]}',
        nodes: ["n1"],
        denied: "reactor.new may not run cmd.run anywhere",
      },
      { text: "tell 1 undefined", nodes: [] },
    ]);
    expect((await fleet.json<{ sequence: number }[]>("events", "job.*")).value.length).toBe(before);
    const shown = await fleet.run("reactor", "test", file, "--event", "1");
    expect([shown.code, shown.stderr]).toEqual([2, expect.stringContaining("1 is no event of the kind")]);
  });

  test("says in `check` what is wrong with a reactor, and the others stay at work", async () => {
    writeSite(fleet, {
      "reactors/bad.ts": `${IMPORT}export default on("node.enroled" as never, () => undefined);\n`,
    });
    const { code, value } = await fleet.json<{ errors: { what: string; hint: string; place: object }[] }>(
      "check",
      "--no-types",
    );
    expect(code).toBe(2);
    expect(value.errors).toMatchObject([
      {
        what: 'there is no kind of event "node.enroled"',
        hint: "Did you mean `node.enrolled`? docs/events.md lists them all.",
        place: { file: "reactors/bad.ts", line: 2 },
      },
    ]);
    const { value: list } = await fleet.json<List>("reactor", "list");
    expect(list.errors).toEqual([expect.stringContaining("reactors/bad.ts:2")]);
    expect(list.reactors.map(({ name }) => name)).toContain("first-boot");
  });

  test("cannot have an operator in its name, nor can anybody else tell its events", async () => {
    const { code, stderr } = await fleet.run(
      "operator",
      "add",
      "reactor.x",
      "--read",
      "--out",
      join(fleet.dir, "x"),
    );
    expect([code, stderr]).toEqual([2, expect.stringContaining("boma-master reactor allow x")]);
  });
});
