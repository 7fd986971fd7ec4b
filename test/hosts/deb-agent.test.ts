/**
 * Goal: the package of the agent on a clean Debian: it waits for its configuration and says so, begins by itself, is upgraded
 * without losing a job, goes back when the new one does not work, and leaves nothing behind.
 * Method: packages built here, installed with apt-get in a real systemd machine, against a real master.
 */
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { ExitCode } from "@boma/protocol";
import type { RunReport } from "@boma/states";
import { afterAll, beforeAll, expect, test } from "vitest";

import { type AgentBuild, buildAgents } from "../support/debs.ts";
import { Fleet } from "../support/fleet.ts";
import { type Host, onBridge, startHost } from "../support/host.ts";
import { run } from "../support/run.ts";

let host: Host;
let fleet: Fleet;
let debs: AgentBuild;
beforeAll(async () => {
  debs = await buildAgents();
  host = await startHost({ name: "node" });
  fleet = await Fleet.start(await onBridge());
}, 600_000);
afterAll(async () => {
  await fleet?.[Symbol.asyncDispose]();
  await host?.[Symbol.asyncDispose]();
  if (debs) rmSync(debs.dir, { recursive: true, force: true });
});

const POLL = { timeout: 180_000, interval: 250 };
const apt = (...words: string[]) =>
  host.must(["apt-get", "--yes", "--quiet", ...words], {
    env: { DEBIAN_FRONTEND: "noninteractive" },
    timeoutMs: 120_000,
  });
const install = (path: string) =>
  apt("-o", "Dpkg::Options::=--force-confold", "--allow-downgrades", "install", path);
const status = async (): Promise<string> => (await host.run(["boma-agent", "status"])).stdout;
const version = async (): Promise<string | undefined> =>
  /state +connected[^]*version +(\S+)/.exec(await status())?.[1];
const unit = async (name: string, property: string): Promise<string> =>
  (await host.run(["systemctl", "show", "--property", property, "--value", name])).stdout.trim();
const DROPIN = "/etc/systemd/system/boma-agent.service.d/50-rolled-back.conf";
const PENDING = "/var/lib/boma/upgrade/pending";
async function proven(): Promise<void> {
  await expect.poll(() => host.exists(PENDING), POLL).toBe(false);
}
/** A program that a job waits with, until the test says so. */
const until = (path: string): string => `touch ${path}.waits; while [ ! -e ${path} ]; do sleep 0.2; done`;
async function waiting(path: string): Promise<void> {
  await expect.poll(() => host.exists(`${path}.waits`), POLL).toBe(true);
}
const options = (text: string) => host.write("/etc/default/boma-agent", `BOMA_AGENT_OPTIONS=""\n${text}`);

function site(body: string): void {
  mkdirSync(join(fleet.home, "site"), { recursive: true });
  writeFileSync(
    join(fleet.home, "site/top.ts"),
    `import { beacon, cmd, file, pkg, top, tree } from "@boma/states";
export default top({ "*": [tree(() => [beacon.service("cron.service", {}), ${body}])] });
`,
  );
}

/** The one return of an apply that has ended. */
async function applied(job: { readonly ended: Promise<{ code: number | null; stdout: string }> }) {
  const { code, stdout } = await job.ended;
  const document = JSON.parse(stdout) as { job: string; nodes?: Record<string, { return?: RunReport }> };
  if (!document.nodes) throw new Error(`it was not run: ${stdout}`);
  return {
    code,
    job: document.job,
    results: document.nodes["node"]?.return?.results.map(({ result }) => result),
  };
}

// One machine's life: each test goes on where the one before it ended.
test("installed on a clean Debian it waits, says for what wherever one looks, and begins by itself when it is there", async () => {
  await install(debs.good("1.0.0"));
  await expect.poll(status, POLL).toContain("unconfigured");
  expect(await status()).toMatch(
    /reason +put what `boma-master token create` prints into \/etc\/boma\/token/,
  );
  expect((await host.run(["boma-agent", "status"])).exitCode).toBe(5);
  await expect.poll(() => unit("boma-agent", "StatusText"), POLL).toContain("/etc/boma/token");
  await host.write("/etc/boma/token", "no token at all\n");
  await expect.poll(status, POLL).toContain("correct it");
  const { joinToken } = await fleet.token("--env", "dev");
  await host.write("/etc/boma/token", joinToken);
  await expect.poll(version, POLL).toBe("1.0.0");
  expect(await unit("boma-agent", "NRestarts")).toBe("0");
  await expect.poll(() => unit("boma-agent", "StatusText"), POLL).toBe("connected");
});

test("an upgrade in the middle of a job lets it end with its own result, though the agent always has a program beside it", async () => {
  site("");
  const first = await run(fleet, "node", "state.apply");
  expect(first.code, JSON.stringify(first.value)).toBe(0);
  await expect.poll(async () => (await host.run(["pgrep", "-x", "journalctl"])).exitCode, POLL).toBe(0);
  await options("BOMA_UPGRADE_TRIAL=60\n");
  const words = `${until("/run/one")}; echo it went on`;
  const job = fleet.spawn("run", "node", "cmd.run", words, "shell=true", "--timeout", "170s", "--json");
  await waiting("/run/one");
  await install(debs.good("2.0.0"));
  await host.write("/run/one", "");
  const { code, stdout } = await job.ended;
  expect({ code, stdout }).toMatchObject({
    code: 0,
    stdout: expect.stringContaining("it went on") as string,
  });
  await expect.poll(version, POLL).toBe("2.0.0");
  await proven();
  expect(await host.exists(DROPIN)).toBe(false);
  // A conffile that somebody changed.
  expect(await host.read("/etc/default/boma-agent")).toContain("BOMA_UPGRADE_TRIAL=60");
});

test("an apply for which the upgrade does not wait is taken up by the new version, and does nothing twice", async () => {
  await options("BOMA_UPGRADE_TRIAL=60\nBOMA_UPGRADE_PATIENCE=0\n");
  site(`
    cmd.run("first", { command: "echo first >> /root/first", shell: true, once: true }),
    cmd.run("slow", { command: ${JSON.stringify(`echo slow >> /root/slow; ${until("/run/two")}`)}, shell: true, once: true }),
    file.managed("/root/last", { contents: "last" })`);
  const job = fleet.spawn("run", "node", "state.apply", "--timeout", "170s", "--json");
  await waiting("/run/two");
  await install(debs.good("3.0.0"));
  await expect.poll(version, POLL).toBe("3.0.0");
  await expect.poll(() => host.read("/root/slow"), POLL).toBe("slow\nslow\n");
  await host.write("/run/two", "");
  expect(await applied(job)).toMatchObject({ code: 0, results: ["ok", "ok", "changed", "changed"] });
  expect(await host.read("/root/first")).toBe("first\n");
  expect(await host.read("/root/last")).toBe("last");
  await proven();
});

test("an agent that installs its own next version in an apply ends that apply, and then gives way to it", async () => {
  await options("BOMA_UPGRADE_TRIAL=60\n");
  await host.write("/etc/apt/sources.list.d/boma.list", debs.source);
  await apt("update");
  site(`pkg.installed("boma-agent", { version: "4.0.0" }),
    cmd.run("after", { command: "pidof -s boma-agent > /root/after", shell: true, once: true })`);
  const pid = await unit("boma-agent", "MainPID");
  const job = fleet.spawn("run", "node", "state.apply", "--timeout", "170s", "--json");
  expect(await applied(job)).toMatchObject({ code: 0, results: ["ok", "changed", "changed"] });
  // What came after the package was done by the same process.
  expect(await host.read("/root/after")).toBe(`${pid}\n`);
  await expect.poll(version, POLL).toBe("4.0.0");
  await proven();
  expect(await applied(fleet.spawn("run", "node", "state.apply", "--json"))).toMatchObject({
    code: 0,
    results: ["ok", "ok", "ok"],
  });
  await host.must(["rm", "/etc/apt/sources.list.d/boma.list"]);
});

test("a new version that does not stay alive, and one that its master does not understand, give way to the one before, which tells it", async () => {
  for (const [path, is, why] of [
    [debs.broken, "5.0.0", "did not stay alive"],
    [debs.foreign, "6.0.0", "did not reach its master"],
  ] as const) {
    await options("BOMA_UPGRADE_TRIAL=20\n");
    await install(path);
    const told = await fleet.event("node.rolled-back", ({ data }) => data["from"] === is);
    expect(told).toMatchObject({
      id: "node",
      data: { from: is, to: "4.0.0", why: expect.stringContaining(why) as string },
    });
    await expect.poll(version, POLL).toBe("4.0.0");
    expect(await host.read(DROPIN)).toContain(`boma-agent ${is} failed`);
    await expect.poll(() => host.exists("/var/lib/boma/upgrade/rolled-back"), POLL).toBe(false);
  }
  expect((await run(fleet, "node", "test.ping")).code).toBe(0);
});

test("the version before runs on after a reboot, and the next good one takes its place between two jobs", async () => {
  await options("BOMA_UPGRADE_TRIAL=60\n");
  await host.reboot();
  await expect.poll(version, POLL).toBe("4.0.0");
  let done = 0;
  let isOver = false;
  const jobs = (async () => {
    for (; !isOver; done++) {
      const end = await fleet.run("run", "node", "cmd.run", "sleep 0.5; echo it >> /root/jobs", "shell=true");
      // While no agent is there it waits in the mailbox.
      if (end.code !== ExitCode.ok && end.code !== ExitCode.incomplete) throw new Error(end.stdout);
    }
  })();
  jobs.catch(() => undefined);
  await install(debs.good("7.0.0"));
  await expect.poll(version, POLL).toBe("7.0.0");
  await proven();
  isOver = true;
  await jobs;
  // As many as there were, none lost, none twice.
  await expect.poll(() => host.read("/root/jobs"), POLL).toBe("it\n".repeat(done));
  await fleet.ok("run", "node", "test.ping");
  expect(await host.read("/root/jobs")).toBe("it\n".repeat(done));
  expect(await host.exists(DROPIN)).toBe(false);
});

test("one that somebody stopped stays so over an upgrade", async () => {
  await host.must(["systemctl", "stop", "boma-agent"]);
  await install(debs.good("1.0.0"));
  await install(debs.good("7.0.0"));
  expect(await unit("boma-agent", "ActiveState")).toBe("inactive");
  expect(await host.exists(PENDING)).toBe(false);
  await host.must(["systemctl", "start", "boma-agent"]);
  await expect.poll(version, POLL).toBe("7.0.0");
});

test("an upgrade that a power cut ended half way is on trial with the next boot, as any other", async () => {
  await host.must(["dpkg", "--unpack", debs.broken]);
  await host.powerCut();
  await host.boot();
  const isTold = ({ data }: { data: Record<string, unknown> }) => data["to"] === "7.0.0";
  expect((await fleet.event("node.rolled-back", isTold)).data).toMatchObject({ from: "5.0.0" });
  await expect.poll(version, POLL).toBe("7.0.0");
  await install(debs.good("7.0.0"));
  await proven();
  expect(await host.exists(DROPIN)).toBe(false);
});

test("removed it is stopped and keeps who it is; installed again it is the same node; purged it leaves nothing but what states noted of the machine", async () => {
  const identity = async (): Promise<string> =>
    (JSON.parse(await host.must(["boma-agent", "enroll", "--json"])) as { node: string }).node;
  const before = await identity();
  await apt("remove", "boma-agent");
  expect(await unit("boma-agent", "ActiveState")).toBe("inactive");
  await install(debs.good("7.0.0"));
  await expect.poll(version, POLL).toBe("7.0.0");
  expect(await identity()).toBe(before);
  await host.must(["rm", "/etc/boma/token"]);
  await apt("remove", "boma-agent");
  await apt("purge", "boma-agent");
  for (const path of [
    "/var/lib/boma/agent",
    "/var/lib/boma/upgrade",
    "/var/cache/boma",
    "/usr/lib/boma-agent",
    "/usr/bin/boma-agent",
    "/etc/boma",
    "/etc/default/boma-agent",
    DROPIN,
  ])
    expect({ path, there: await host.exists(path) }).toEqual({ path, there: false });
  expect(await host.must(["ls", "/var/lib/boma"])).toBe("once\n");
  expect(await unit("boma-agent", "LoadState")).toBe("not-found");
  expect((await host.must(["sh", "-c", "find /etc/systemd /var/lib/systemd -name 'boma*'"])).trim()).toBe("");
});
