/** The files of an agent are proved before they are in place; what runs is not cut off; jobs are compared by Nomad itself. */
import { describe, expect, test } from "vitest";

import type { Exit } from "../../host/commands.ts";
import { standsOn } from "../../stages.ts";
import { type Given, memoryHost } from "../../testing/index.ts";
import { tryState } from "../../testing/try-state.ts";
import agent from "./agent.ts";
import { type ChangeClass, changeClass } from "./change-class.ts";
import eligible from "./eligible.ts";
import ready from "./ready.ts";

const API = "http://127.0.0.1:4646/v1";
const UUID = "7d5dd5a5-6e0f-4f0a-9a8c-0e6c9b1f2a33";
const KEY = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
const CLIENT = { mode: "client", servers: ["10.0.0.11"] };
const SERVER = { mode: "server", bootstrapExpect: 1 };
const given = (more: Given = {}): Given => ({
  commands: { nomad: {} },
  ...more,
  files: { "/etc/nomad.d/nomad.hcl": "server { enabled = true }\n", ...more.files },
});

const self = { [`GET ${API}/agent/self`]: { body: { config: {}, stats: { client: { node_id: "n" } } } } };
const node = (word: string, more: object = {}) => ({
  body: { ID: "n", Status: "ready", Drain: false, SchedulingEligibility: word, ...more },
});

describe("an agent's files", () => {
  test("hold what was declared, and secrets only where Nomad alone reads them", async () => {
    const want = { ...SERVER, gossipKey: KEY, operatorToken: UUID, vault: {} };
    const { host, read, changes } = await tryState(agent, "a", want, given());
    const plain = await read("/etc/nomad.d/boma.json");
    expect(JSON.parse(plain)).toMatchObject({
      leave_on_interrupt: false,
      leave_on_terminate: false,
      server: { enabled: true, bootstrap_expect: 1 },
      vault: { jwt_auth_backend_path: "jwt-nomad", default_identity: { aud: ["vault.io"], ttl: "1h" } },
    });
    expect(plain).not.toContain(KEY);
    expect(host.tree.get("/etc/nomad.d/boma-secrets.json")).toMatchObject({ mode: "0640", group: "nomad" });
    expect(host.tree.get("/etc/nomad.d/boma-operator.json")).toMatchObject({ mode: "0600", group: "root" });
    expect(JSON.stringify(changes)).not.toMatch(new RegExp(`${UUID}|AAECAw`));
    expect(await read("/etc/nomad.d/nomad.hcl")).toBe("server { enabled = true }\n");
  });

  test("stay as they are where Nomad would not start with the new ones", async () => {
    const host = memoryHost(given({ files: { "/etc/nomad.d/boma.json": "{}\n" } }));
    const refusal: Exit = {
      exitCode: 1,
      signal: null,
      stdout: "",
      stderr: "unexpected keys regiom",
      cut: false,
    };
    host.ports.commands.write.run = async () => refusal;
    await expect(tryState(agent, "a", CLIENT, host)).rejects.toMatchObject({
      code: "nomad/config",
      message: expect.stringContaining("unexpected keys regiom"),
    });
    expect(await host.ports.files.read.readText("/etc/nomad.d/boma.json")).toBe("{}\n");
    expect([...host.tree.keys()].filter((path) => /^\/etc\/(?!nomad\.d)./.test(path))).toEqual([]);
  });

  test("make the directories of host volumes, with their owner and mode", async () => {
    const hostVolumes = { media: { path: "/srv/media", mode: "0750" } };
    const { host, left } = await tryState(agent, "a", { ...CLIENT, hostVolumes }, given());
    expect(host.tree.get("/srv/media")).toMatchObject({ mode: "0750" });
    expect(left).toEqual({});
  });

  test.each([
    [{ mode: "client" }, "servers"],
    [{ mode: "server" }, "bootstrapExpect"],
    [{ ...CLIENT, apiAddress: "10.0.0.1" }, "acl"],
    [{ ...SERVER, meta: { env: "dev" } }, "clients"],
  ])("are refused for %j", async (want, word) => {
    await expect(tryState(agent, "a", want, given())).rejects.toMatchObject({
      code: "state/params",
      message: expect.stringContaining(word),
    });
  });

  test("that cut off what runs are refused until it is gone", async () => {
    const first = await tryState(agent, "a", CLIENT, given());
    const before = await first.read("/etc/nomad.d/boma.json");
    const on = (status: string): Given =>
      given({
        files: { "/etc/nomad.d/boma.json": before, "/etc/nomad.d/boma-secrets.json": "{}\n" },
        services: { nomad: { active: true } },
        http: {
          ...self,
          [`GET ${API}/node/n/allocations`]: { body: [{ JobID: "web", ClientStatus: status }] },
        },
      });
    const other = { ...CLIENT, plugins: { rawExec: true } };
    await expect(tryState(agent, "a", other, on("running"))).rejects.toMatchObject({
      code: "state/blocked",
      message: expect.stringContaining("plugin.raw_exec.config.enabled"),
    });
    expect((await tryState(agent, "a", other, on("complete"))).left).toEqual({});
    expect((await tryState(agent, "a", { ...CLIENT, meta: { env: "dev" } }, on("running"))).left).toEqual({});
  });

  test("ask an agent that listens elsewhere where it listens", async () => {
    const want = { ...CLIENT, apiAddress: "10.0.0.21", acl: true };
    const before = await (await tryState(agent, "a", want, given())).read("/etc/nomad.d/boma.json");
    const there = "http://10.0.0.21:4646/v1";
    const host = given({
      files: { "/etc/nomad.d/boma.json": before, "/etc/nomad.d/boma-secrets.json": "{}\n" },
      services: { nomad: { active: true } },
      http: {
        [`GET ${there}/agent/self`]: self[`GET ${API}/agent/self`]!,
        [`GET ${there}/node/n/allocations`]: { body: [{ JobID: "web", ClientStatus: "running" }] },
      },
    });
    const other = { ...want, nodePool: "other" };
    await expect(tryState(agent, "a", other, host)).rejects.toMatchObject({ code: "state/blocked" });
  });

  test("wait for Vault and Consul where they are used", () => {
    const awaits = (more: object) =>
      agent.spec.awaits!({ ...agent.spec.params.parse({ node: "a", ...SERVER, ...more }) });
    expect(awaits({})).toEqual(standsOn("nomad"));
    expect(awaits({ vault: {}, consul: {} })).toEqual([...standsOn("nomad"), "vault", "consul"]);
  });
});

test.each<[object, object, ChangeClass]>([
  [{ log_level: "info" }, { log_level: "info" }, "none"],
  [{ log_level: "info" }, { log_level: "debug" }, "restart"],
  [{ client: { meta: { env: "a" } } }, { client: { meta: { env: "b" } } }, "restart"],
  [{ client: { node_pool: "a" } }, { client: { node_pool: "b" } }, "disruptive"],
  [{ data_dir: "/a" }, { data_dir: "/b", log_level: "debug" }, "disruptive"],
  [{}, { plugin: { docker: { config: { allow_privileged: true } } } }, "disruptive"],
])("from %j to %j takes %s", (before, after, expected) => {
  expect(changeClass(before as never, after as never)).toBe(expected);
});

describe("a client that takes no jobs", () => {
  const MARK = "/var/lib/boma/nomad/drained.json";
  const marked = (untilMs: number) => ({ files: { [MARK]: JSON.stringify({ reason: "kernel", untilMs }) } });
  const http = {
    ...self,
    [`GET ${API}/node/n`]: node("ineligible"),
    [`PUT ${API}/node/n/drain`]: { makes: { [`GET ${API}/node/n`]: node("eligible") } },
  };

  test.each([
    ["by boma, whose time is over", marked(1), {}, true],
    ["by boma, for a time to come", marked(Date.now() + 60_000), {}, false],
    ["by somebody else", {}, {}, false],
    ["by somebody else, whose word does not count", {}, { others: "restore" }, true],
  ])("%s", async (_title, files, want, isRestored) => {
    const host = memoryHost({ ...files, http });
    const { changes, left } = await tryState(eligible, "a", want, host);
    expect(Object.keys(changes)).toEqual(isRestored ? ["node"] : []);
    expect(left).toEqual({});
    if (isRestored) expect(host.tree.has(MARK)).toBe(false);
  });
});

describe("the gate", () => {
  test.each([
    [
      "says that its certificates are refused",
      1000,
      /^misconfigured: rpc error: EOF; certificates are refused: /,
    ],
    ["forgets a refusal that was mended since", 120_000, /^starting: rpc error: EOF$/],
  ])("%s", async (_title, agoMs, says) => {
    const host = memoryHost({
      ...up,
      http: { [`GET ${API}/status/leader`]: { status: 500, body: "rpc error: EOF" } },
    });
    const text = "[ERROR] client: yamux: remote error: tls: unknown certificate authority";
    host.ports.services.read.logs = async (unit) => [{ atMs: Date.now() - agoMs, unit, priority: 6, text }];
    const want = ready.spec.params.parse({ node: "a", mode: "client" });
    const { state } = await ready.spec.check(want, readHostOf(host));
    expect(state?.from).toMatch(says);
  });

  const up = { services: { nomad: { active: true } } };
  const led = { [`GET ${API}/status/leader`]: { body: '"10.0.0.11:4647"' }, ...self };
  /** One that nobody asked for may be ill. */
  const WELL = {
    Drivers: { docker: { Detected: true, Healthy: true }, java: { Detected: true, Healthy: false } },
  };
  const look = async (more: Given): Promise<unknown> =>
    (
      await ready.spec.check(
        ready.spec.params.parse({ node: "a", mode: "client", drivers: ["docker"] }),
        readHostOf(memoryHost({ ...up, ...more })),
      )
    ).state?.from;
  const readHostOf = ({ ports }: ReturnType<typeof memoryHost>) =>
    Object.fromEntries(
      Object.entries(ports).map(([name, port]) => [name, (port as { read: unknown }).read]),
    ) as never;

  test.each<[string, Given, RegExp | undefined]>([
    ["is open", { http: { ...led, [`GET ${API}/node/n`]: node("eligible", WELL) } }, undefined],
    [
      "says that there is no leader",
      { http: { [`GET ${API}/status/leader`]: { body: '""' } } },
      /^starting: no leader/,
    ],
    [
      "names servers that do not answer",
      {
        http: {
          [`GET ${API}/status/leader`]: { body: '""' },
          [`GET ${API}/agent/members`]: {
            body: {
              Members: [
                { Name: "n1.global", Status: "alive" },
                { Name: "n3.global", Status: "failed" },
              ],
            },
          },
        },
      },
      /^down: servers are away: n3\.global failed; no leader$/,
    ],
    [
      "says that it was drained",
      { http: { ...led, [`GET ${API}/node/n`]: node("ineligible", WELL) } },
      /^contended/,
    ],
    [
      "is open while boma itself keeps it out of service",
      {
        http: { ...led, [`GET ${API}/node/n`]: node("ineligible", WELL) },
        files: {
          "/var/lib/boma/nomad/drained.json": JSON.stringify({ reason: "", untilMs: Date.now() + 60_000 }),
        },
      },
      undefined,
    ],
    [
      "says which driver is ill",
      {
        http: {
          ...led,
          [`GET ${API}/node/n`]: node("eligible", {
            Drivers: { docker: { Detected: true, Healthy: false, HealthDescription: "no daemon" } },
          }),
        },
      },
      /^starting: its driver docker is not well: no daemon/,
    ],
    ["says that the agent is down", { services: { nomad: {} } }, /^down/],
  ])("%s", async (_title, more, says) => {
    const state = await look(more);
    if (says) expect(state).toMatch(says);
    else expect(state).toBeUndefined();
  });
});
