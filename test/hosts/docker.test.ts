/**
 * Goal: Docker is as it is declared: what it can take up while it runs it takes up, what it cannot waits for a restart that
 * containers outlive, and settings with which it does not run are taken back.
 * Method: a real dockerd and containerd under systemd, with containers from an image that is made on the spot.
 */
import type { RunReport } from "@boma/states";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { type Host, startHost } from "../support/host.ts";

const DAEMON = "docker.daemon";
const FILE = "/etc/docker/daemon.json";
const BUSYBOX = "/bin/busybox";

let host: Host;
beforeAll(async () => {
  host = await startHost({ name: "worker", docker: true });
  const pack = `mkdir -p /root/image/bin && cp ${BUSYBOX} /root/image/bin/ && tar -C /root/image -c . | docker import - busybox`;
  await host.must(["sh", "-ec", pack]);
}, 600_000);
afterAll(() => host?.[Symbol.asyncDispose]());

const docker = (...argv: string[]): Promise<string> => host.must(["docker", ...argv]);
const info = async (): Promise<Readonly<Record<string, unknown>>> =>
  JSON.parse(await docker("info", "--format", "{{json .}}")) as Record<string, unknown>;
const pidOf = async (unit: string): Promise<string> =>
  (await host.must(["systemctl", "show", "--value", "-p", "MainPID", unit])).trim();
const pidIn = async (container: string): Promise<string> =>
  (await docker("inspect", "--format", "{{.State.Pid}}", container)).trim();
const call = async (name: string, args: object = {}) => {
  const { stdout } = await host.node(`${import.meta.dirname}/call.ts`, [name, "job-1", JSON.stringify(args)]);
  return JSON.parse(stdout) as { result?: Record<string, unknown>; error?: { message: string } };
};

/** A tree of the kit alone, applied by the agent itself. */
async function applied(kit: object): Promise<RunReport> {
  const tree = `import { dockerKit, tree } from "@boma/states";\nexport default tree(() => dockerKit(${JSON.stringify(kit)}));\n`;
  await host.write("/root/docker.ts", tree);
  return host.apply("/root/docker.ts", [], { timeoutMs: 100_000 });
}
const briefOf = (report: RunReport): Readonly<Record<string, string>> =>
  Object.fromEntries(report.results.map(({ id, result }) => [id, result]));
const errorsOf = (report: RunReport): readonly string[] =>
  report.results.flatMap(({ error }) => (error ? [error.message] : []));
const AS_IT_IS = Array.from({ length: 6 }, () => "ok");

test("the kit makes it so in one run, and a second one changes nothing", async () => {
  const first = await applied({ restart: "now" });
  expect(errorsOf(first)).toEqual([]);
  expect(briefOf(first)).toMatchObject({
    "docker.installed(node)": "changed",
    "docker.daemon(node)": "changed",
  });
  expect(await info()).toMatchObject({ LiveRestoreEnabled: true, LoggingDriver: "local" });
  expect((await host.must(["apt-mark", "showhold"])).trim().split("\n")).toEqual(["containerd", "docker.io"]);
  expect(await host.exists("/var/lib/boma/docker/daemon-before.json")).toBe(false);
  expect(Object.values(briefOf(await applied({ restart: "now" })))).toEqual(AS_IT_IS);
});

describe("with a container at work", () => {
  beforeAll(async () => {
    await docker(
      "run",
      "--detach",
      "--name",
      "web",
      "--publish",
      "8080:80",
      "busybox",
      BUSYBOX,
      "httpd",
      "-f",
    );
  });

  test("what it can take up it takes up, and stays the process that it is", async () => {
    const before = [await pidOf("docker"), await pidIn("web")];
    const labels = ["rack=a7"];
    const report = await applied({
      daemon: { debug: true, labels, downloads: 7, registryMirrors: ["https://mirror.example"] },
    });
    expect(errorsOf(report)).toEqual([]);
    expect(Object.entries(briefOf(report)).filter(([, result]) => result !== "ok")).toEqual([
      ["docker.daemon(node)", "changed"],
    ]);
    expect(report.results.find(({ pending }) => pending !== undefined)).toBeUndefined();
    expect(await info()).toMatchObject({
      Debug: true,
      Labels: labels,
      RegistryConfig: { Mirrors: ["https://mirror.example/"] },
    });
    expect([await pidOf("docker"), await pidIn("web")]).toEqual(before);
  });

  test("what needs a restart waits for it, and the container outlives that", async () => {
    const [daemon, web] = [await pidOf("docker"), await pidIn("web")];
    const pools = { addressPools: [{ base: "10.210.0.0/16", size: 24 }] };
    const waiting = await applied({ daemon: pools });
    expect(waiting.results.find(({ id }) => id === "service.running(docker.service)")?.pending).toContain(
      "in maintenance only",
    );
    expect(await pidOf("docker")).toBe(daemon);

    const now = await applied({ daemon: pools, restart: "now" });
    expect(errorsOf(now)).toEqual([]);
    expect(await pidOf("docker")).not.toBe(daemon);
    expect(await pidIn("web")).toBe(web);
    await docker("network", "create", "pooled");
    expect(await docker("network", "inspect", "pooled")).toContain("10.210.0.");
    expect(Object.values(briefOf(await applied({ daemon: pools, restart: "now" })))).toEqual(AS_IT_IS);
  });

  test("settings that it does not take up are taken back at once", async () => {
    const before = await host.read(FILE);
    const { error } = await host.converge(DAEMON, "node", { extra: { "default-runtime": "nonesuch" } });
    expect(error?.code).toBe("docker/config");
    expect(error?.message).toMatch(/nonesuch[^]*as it was before/);
    expect(await host.read(FILE)).toBe(before);
    expect(await info()).toMatchObject({ DefaultRuntime: "runc" });
  });

  test("settings with which it does not come up are taken back, and it comes up with those of before", async () => {
    const [before, web] = [await host.read(FILE), await pidIn("web")];
    const report = await applied({ daemon: { logOpts: { nonsense: "1" } }, restart: "now" });
    expect(errorsOf(report).join()).toMatch(
      /nonsense[^]*daemon\.json came back as before; with that docker.service is active/,
    );
    expect(await host.read(FILE)).toBe(before);
    expect(await pidIn("web")).toBe(web);
    const pools = { addressPools: [{ base: "10.210.0.0/16", size: 24 }] };
    expect(errorsOf(await applied({ daemon: pools, restart: "now" }))).toEqual([]);
  });

  test("a setting that it does not know does not come into the file", async () => {
    const before = await host.read(FILE);
    const unknown = await host.converge(DAEMON, "node", { extra: { "nonsense-level": 1 } });
    expect(unknown.error).toMatchObject({
      code: "docker/config",
      message: expect.stringContaining("nonsense-level: Docker 20.10"),
    });
    expect(await host.read(FILE)).toBe(before);
  });

  test("another way of keeping layers is refused while there is an image", async () => {
    const driver = await host.converge(DAEMON, "node", { storageDriver: "vfs" });
    expect(driver.error?.message).toMatch(/storage-driver from overlay2 to vfs would leave behind 1 images/);
  });

  test("settings of somebody else are named, and stay where that is said", async () => {
    const declared = await host.read(FILE);
    await host.write(
      FILE,
      JSON.stringify({ ...(JSON.parse(declared) as object), "dns-search": ["example.org"] }),
    );
    const { error } = await host.converge(DAEMON, "node");
    expect(error).toMatchObject({ code: "state/blocked", message: expect.stringContaining("dns-search") });
    const { left } = await host.converge(DAEMON, "node", { adopt: true });
    expect(left).toEqual({});
    expect(JSON.parse(await host.read(FILE))).toMatchObject({ "dns-search": ["example.org"] });
    await host.write(FILE, declared);
  });

  test("whoever empties all tables is found out by the gate, and a restart makes the rules anew", async () => {
    const gate = () => host.converge("docker.ready", "node", { within: "1s", every: "100ms" });
    expect((await call("docker.info")).result).toMatchObject({
      nat: "there",
      guarded: false,
      published: expect.arrayContaining([{ container: "web", address: "0.0.0.0", port: 8080, proto: "tcp" }]),
    });
    await host.must(["nft", "flush", "ruleset"]);
    const { error } = await gate();
    expect(error).toMatchObject({
      code: "gate/closed",
      message: expect.stringContaining("rules for ports are gone"),
    });
    const web = await pidIn("web");
    await host.must(["systemctl", "restart", "docker"]);
    expect((await gate()).first).toEqual({});
    expect(await host.must(["iptables", "-t", "nat", "-S", "DOCKER"])).toContain("--dport 8080");
    expect(await pidIn("web")).toBe(web);
  });
});

test("a gate does not start what somebody has stopped", async () => {
  await host.must(["systemctl", "stop", "docker"]);
  const { error } = await host.converge("docker.ready", "node", { within: "1s", every: "100ms" });
  expect(error?.message).toContain("down: docker.service is inactive");
  expect((await host.run(["systemctl", "is-active", "docker"])).stdout.trim()).toBe("inactive");
  await host.must(["systemctl", "start", "docker"]);
});

test("a prune takes what nobody needs, and no volume unless it is told to", async () => {
  await docker(
    "run",
    "--name",
    "ended",
    "--volume",
    "precious:/data",
    "busybox",
    BUSYBOX,
    "touch",
    "/data/it",
  );
  expect((await call("docker.prune")).result).toMatchObject({
    containers: { count: 1 },
    networks: { names: ["pooled"] },
    images: { count: 0 },
    volumes: { count: 0 },
  });
  expect(await docker("volume", "ls", "--quiet")).toBe("precious\n");
  expect((await call("docker.prune", { volumes: true })).result).toMatchObject({
    volumes: { names: ["precious"] },
  });
  expect(await docker("ps", "--quiet")).not.toBe("");
});
