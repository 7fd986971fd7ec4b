/**
 * Goal: what Docker takes up while it runs disturbs nobody, what it cannot take up is told before it is written, and
 * whoever only looks never starts it. Whether a real dockerd sees it the same is in test/hosts.
 */
import { describe, expect, test } from "vitest";

import { compileCatalog } from "../../catalog/compile.ts";
import { checkParams } from "../../check-params.ts";
import { readHost, writeHost } from "../../host/host.ts";
import { dockerKit } from "../../kits/docker.ts";
import type { AnySpec } from "../../state-spec.ts";
import type { Given } from "../../testing/given.ts";
import { memoryHost } from "../../testing/memory-host.ts";
import { trial } from "../../testing/trial.ts";
import { tryState } from "../../testing/try-state.ts";
import running from "../service/running.ts";
import { partsOf } from "./change-class.ts";
import { type Daemon, settingsOf } from "./daemon-settings.ts";
import daemon from "./daemon.ts";
import { example, INFO } from "./example-engine.ts";
import installed from "./installed.ts";
import { BEFORE, FILE } from "./parameters.ts";
import ready from "./ready.ts";
import { untaken } from "./take-up.ts";

const wanted = (params: object): Daemon => checkParams(daemon.spec, { name: "node", ...params }) as Daemon;
const withInfo = (change: object): Given => ({
  ...example,
  http: { ...example.http, "GET http://docker/info": { body: { ...INFO, ...change } } },
});
const withFile = (settings: object, given: Given = example): Given => ({
  ...given,
  files: { [FILE]: `${JSON.stringify(settings)}\n` },
});

describe("settings", () => {
  test.each([
    ["hosts", ["tcp://0.0.0.0:2375"], /the unit passes this/],
    ["containerd", "/run/other.sock", /the unit passes this/],
    ["debug", true, /there is a parameter for it/],
    ["data-root", "/srv", /there is a parameter for it/],
    ["shutdown-timeout", "15", /expected number/],
    ["default-cgroupns-mode", "both", /expected one of/],
  ])("%s: %j is no extra", (name, value, why) => {
    expect(() => wanted({ extra: { [name]: value } })).toThrow(why);
  });

  test("that are live are said even where they are as they are by themselves: gone from the file they would stay", () => {
    expect(settingsOf(wanted({}))).toMatchObject({ debug: false, labels: [], "registry-mirrors": [] });
  });

  test("that are live and go belong to the next start", () => {
    const before = { "shutdown-timeout": 20, mtu: 1400 };
    expect(partsOf(before)).toEqual({ live: { "shutdown-timeout": 20 }, start: { mtu: 1400 } });
    expect(partsOf(before, { mtu: 1400 })).toEqual({ live: {}, start: before });
  });

  test("are taken up when the daemon says so of each that it tells", () => {
    const info = {
      ...INFO,
      Labels: ["a=1"],
      RegistryConfig: { ...INFO.RegistryConfig, Mirrors: ["https://m/"] },
    };
    expect(
      untaken(info, { labels: ["a=1"], "registry-mirrors": ["https://m"], "live-restore": true }),
    ).toEqual([]);
    const wrong = {
      debug: true,
      labels: ["b=2"],
      "registry-mirrors": ["https://n"],
      "insecure-registries": ["r:5000"],
    };
    expect(untaken(info, wrong)).toEqual(["debug", "labels", "registry-mirrors", "insecure-registries"]);
  });
});

describe("the file", () => {
  const refusal = async (params: object, given: Given): Promise<string> =>
    (await daemon.spec.blocked!(wanted(params), readHost(memoryHost(given).ports))) ?? "(nothing)";

  test.each([
    ["settings that nobody declared", {}, withFile({ "dns-search": ["a"] }), /nobody declared: dns-search/],
    [
      "settings of the unit, whoever adopts them",
      { adopt: true },
      withFile({ hosts: [] }),
      /has hosts, which the unit/,
    ],
    ["what is no JSON", {}, { ...example, files: { [FILE]: "{" } }, /is no JSON/],
    ["a swarm that cannot have it", {}, withInfo({ Swarm: { LocalNodeState: "active" } }), /in a swarm/],
    [
      "another storage with images there",
      { storageDriver: "btrfs" },
      example,
      /from overlay2 to btrfs would leave/,
    ],
    [
      "nothing, where there is nothing to lose",
      { storageDriver: "btrfs" },
      withInfo({ Images: 0, Containers: 0 }),
      /nothing/,
    ],
    [
      "nothing, where others' settings are left",
      { adopt: true },
      withFile({ "dns-search": ["a"] }),
      /nothing/,
    ],
  ])("is refused for %s", async (_, params, given, why) => {
    expect(await refusal(params, given)).toMatch(why);
  });

  test("counts the images on the disk where nobody can be asked", async () => {
    const image = "/var/lib/docker/image/overlay2/imagedb/content/sha256/abc";
    expect(await refusal({ dataRoot: "/srv/docker" }, { files: { [image]: "{}" } })).toMatch(
      /leave behind 1 images/,
    );
  });

  test("of before is kept while a newer one waits for its restart, and is not overwritten by a third", async () => {
    const first = await tryState(
      daemon,
      "node",
      { mtu: 1400 },
      withFile({ mtu: 1300, "live-restore": true }, example),
    );
    expect(first.left).toEqual({});
    expect(await first.read(BEFORE)).toContain("1300");
    const second = await tryState(daemon, "node", { mtu: 1450 }, first.host);
    expect(await second.read(BEFORE)).toContain("1300");
    expect(await second.read(FILE)).toContain("1450");
  });

  test("takes nothing for a stranger's that was declared once, also where it has come back", async () => {
    const given = withFile(settingsOf(wanted({ mtu: 1400 })));
    const { host } = await tryState(daemon, "node", { mtu: 1400 }, given);
    const { host: after } = await tryState(daemon, "node", {}, host);
    await after.ports.files.write.write(FILE, await after.ports.files.read.readText(BEFORE));
    const { left, read } = await tryState(daemon, "node", {}, after);
    expect(left).toEqual({});
    expect(await read(FILE)).not.toContain("mtu");
  });
});

describe("its unit", () => {
  const states = { "docker.daemon": daemon.spec, "service.running": running.spec };
  const tree = (params: object) => {
    const settings = daemon("node", params);
    return [settings, running("docker", { watch: settings, takesBack: [{ file: FILE, before: BEFORE }] })];
  };

  test("is left alone by what is live, and restarted for what is not", async () => {
    const { run } = trial(withInfo({ Debug: true }));
    const settled = await run(tree({ debug: true }), { states });
    expect(settled.brief["node"]).toBe("changed");
    const live = await run(tree({ debug: true, downloads: 7 }), { states });
    expect([live.of("node").result, live.of("docker").refreshed]).toEqual(["changed", undefined]);
    const plan = await run(tree({ debug: true, downloads: 9 }), { states, mode: "plan" });
    expect([plan.of("node").result, plan.of("docker").result]).toEqual(["would-change", "ok"]);
    const start = await run(tree({ debug: true, downloads: 7, mtu: 1400 }), { states });
    expect(start.of("docker")).toMatchObject({ result: "changed", refreshed: true });
  });

  test("that does not come up has its file of before again, and says so", async () => {
    const given: Given = {
      services: { docker: { active: true, enabled: true, flaps: true } },
      files: { [FILE]: '{"mtu":1}', [BEFORE]: '{"mtu":1400}' },
    };
    const { ports } = memoryHost(given);
    const want = checkParams(running.spec, { unit: "docker", takesBack: [{ file: FILE, before: BEFORE }] });
    const spec: AnySpec = running.spec;
    await expect(spec.refresh!(want, writeHost(ports))).rejects.toThrow(/daemon\.json came back as before/);
    expect(await ports.files.read.readText(FILE)).toBe('{"mtu":1400}');
    expect(await ports.files.read.stat(BEFORE)).toBeUndefined();
  });
});

describe("its gate", () => {
  const said = async (given: Given): Promise<string> =>
    (await trial(given).run([ready("node")], { mode: "plan", states: { "docker.ready": ready.spec } })).of(
      "node",
    ).changes["state"]?.from as string;
  const unit = (name: string, service: object): Given => ({
    ...example,
    services: { ...example.services, [name]: service },
  });

  test.each([
    ["there is no Docker", { ...example, services: {} }, /^down: there is no containerd\.service/],
    [
      "containerd is down, though Docker answers",
      unit("containerd", {}),
      /^down: containerd\.service is inactive/,
    ],
    [
      "somebody has stopped it, though its socket answers",
      unit("docker", {}),
      /^down: docker\.service is inactive/,
    ],
    ["it is masked", unit("docker", { masked: true }), /^misconfigured: docker\.service is masked/],
    [
      "it cannot start",
      unit("docker", {
        active: true,
        flaps: true,
        logs: ["starting", "failed to start daemon: unknown log opt"],
      }),
      /^misconfigured: docker\.service restarts again and again.*unknown log opt/,
    ],
    [
      "it does not answer yet",
      { ...example, http: {} },
      /^starting: docker\.service runs and does not answer/,
    ],
    [
      "its rules were taken away",
      { ...example, commands: { ...example.commands, "nft list table ip nat": { exitCode: 1 } } },
      /^misconfigured: Docker's rules for ports are gone/,
    ],
  ])("says why, where %s", async (_, given, why) => {
    expect(await said(given)).toMatch(why);
  });

  test.each([
    ["-N DOCKER\n-A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER\n", undefined],
    ["-N DOCKER-USER\n-A PREROUTING -j DOCKER-USER\n", expect.stringContaining("are gone")],
  ])("asks the older iptables itself: %j", async (stdout, expected) => {
    const commands = { "iptables --version": { stdout: "iptables v1.8.9 (legacy)\n" }, iptables: { stdout } };
    expect(await said({ ...example, commands })).toEqual(expected);
  });

  test("does not miss rules that Docker was told not to make", async () => {
    const given = { ...withFile({ iptables: false }), commands: { iptables: {}, nft: { exitCode: 1 } } };
    expect(await said(given)).toBeUndefined();
  });
});

test("the packages are not changed under containers that would end with the daemon", async () => {
  const given: Given = {
    ...withInfo({ LiveRestoreEnabled: false }),
    packages: { "docker.io": "1", containerd: "1" },
  };
  const params = { version: "2", containerd: "2" };
  await expect(tryState(installed, "node", params, given)).rejects.toThrow(/1 containers run, and would end/);
  await tryState(installed, "node", params, { ...example, packages: { "docker.io": "1", containerd: "1" } });
});

test("the kit stops in the order in which nobody can start it again, and restarts in maintenance", () => {
  const { catalog, warnings } = compileCatalog(dockerKit({ equalToRoot: ["cowboy"] }));
  expect(warnings).toEqual([]);
  const units = catalog.entries.filter(({ state }) => state === "service.running");
  expect(units.map(({ params }) => params["unit"])).toEqual([
    "containerd.service",
    "docker.socket",
    "docker.service",
  ]);
  expect(units.every(({ stage }) => stage === "docker")).toBe(true);
  expect(units.map(({ params }) => params["restart"])).toEqual(["window", "now", "window"]);
  expect(catalog.entries.at(-1)?.state).toBe("docker.ready");
  expect(catalog.entries.find(({ state }) => state === "group.present")?.params).toMatchObject({
    members: ["cowboy"],
    exclusiveMembers: true,
  });
});
