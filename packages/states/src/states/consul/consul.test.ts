/** The files of an agent: proved before they are in place, in no conflict with others, taken up and proved to be. */
import { describe, expect, test } from "vitest";

import type { Exit } from "../../host/commands.ts";
import { type Given, memoryHost, type MemoryHost } from "../../testing/index.ts";
import { tryState } from "../../testing/try-state.ts";
import agent from "./agent.ts";
import { topLevel } from "./hcl.ts";
import { isGossipKey } from "./parameters.ts";
import service from "./service.ts";
import settings from "./settings.ts";

const RELOAD = "PUT http://127.0.0.1:8500/v1/agent/reload";
const KEY = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
const UUID = "7d5dd5a5-6e0f-4f0a-9a8c-0e6c9b1f2a33";
const CLIENT = { mode: "client", retryJoin: ["10.0.0.11"] };
const SERVER = { mode: "server", bootstrapExpect: 3 };

const given = (more: Given = {}): Given => ({
  commands: { consul: {} },
  services: { consul: {} },
  ...more,
  files: { "/etc/consul.d/consul.hcl": 'data_dir = "/opt/consul"\n', ...more.files },
});
const running = (more: Given = {}): Given =>
  given({ services: { consul: { active: true } }, http: { [RELOAD]: {} }, ...more });

/** What `consul validate` says of what it is shown: the files in the directory, by name. */
function validate(host: MemoryHost, fault: (shown: Record<string, string>) => string): string[][] {
  const looked: string[][] = [];
  host.ports.commands.write.run = async ({ argv }): Promise<Exit> => {
    looked.push([...argv]);
    const stage = argv.at(-1)!;
    const { read } = host.ports.files;
    const shown = await Promise.all(
      (await read.list(stage)).map(async (name) => [name, await read.readText(`${stage}/${name}`)] as const),
    );
    const stderr = fault(Object.fromEntries(shown));
    return { exitCode: stderr === "" ? 0 : 1, signal: null, stdout: "", stderr, cut: false };
  };
  return looked;
}

const leftOver = ({ tree }: MemoryHost): string[] =>
  [...tree.keys()].filter((path) => path.startsWith("/etc/") && !path.startsWith("/etc/consul.d"));

describe("an agent's files", () => {
  test("are for root and Consul only, and hold what was declared", async () => {
    const { host, read } = await tryState(
      agent,
      "a",
      { ...SERVER, acl: {}, initialManagement: UUID },
      given(),
    );
    expect(JSON.parse(await read("/etc/consul.d/boma.json"))).toMatchObject({
      node_name: "a",
      server: true,
      bootstrap_expect: 3,
      leave_on_terminate: false,
      skip_leave_on_interrupt: true,
      connect: { enabled: true },
      ports: { grpc: 8502 },
      acl: { enabled: true, default_policy: "deny" },
    });
    for (const name of ["boma.json", "boma-secrets.json"])
      expect(host.tree.get(`/etc/consul.d/${name}`)).toMatchObject({
        mode: "0640",
        owner: "root",
        group: "consul",
      });
    expect(await read("/etc/consul.d/boma.json")).not.toContain(UUID);
    expect(await read("/etc/consul.d/consul.hcl")).toBe('data_dir = "/opt/consul"\n');
    expect(leftOver(host)).toEqual([]);
  });

  test("are proved together with all others before one of them is in place", async () => {
    const host = memoryHost(given({ files: { "/etc/consul.d/boma.json": "{}\n" } }));
    const shown: Record<string, string>[] = [];
    validate(host, (files) => (shown.push(files), "2 errors: bind_addr is wrong"));
    await expect(tryState(agent, "a", CLIENT, host)).rejects.toMatchObject({
      code: "consul/config",
      message: expect.stringContaining("bind_addr is wrong"),
    });
    expect(Object.keys(shown[0]!)).toEqual(["boma.json", "consul.hcl"]);
    expect(shown[0]!["boma.json"]).toContain("node_name");
    expect(await host.ports.files.read.readText("/etc/consul.d/boma.json")).toBe("{}\n");
    expect(leftOver(host)).toEqual([]);
  });

  test("hold no secret in a change that is told", async () => {
    const host = memoryHost(given());
    const params = { ...SERVER, acl: {}, initialManagement: UUID };
    expect(JSON.stringify((await tryState(agent, "a", params, host)).changes)).not.toContain(UUID);
    const tokens = { tokens: { agent: UUID }, gossipKey: KEY };
    const { changes } = await tryState(settings, "a", tokens, host);
    expect(JSON.stringify(changes)).not.toContain(UUID);
    expect(JSON.stringify(changes)).not.toContain(KEY);
    expect(changes).toHaveProperty("tokens");
    expect(host.log.filter((call) => call.startsWith("commands.")).join("\n")).not.toMatch(/7d5dd5a5|AAECAw/);
  });

  test.each([
    ["consul.hcl", 'data_dir = "/srv/consul"\n', "data_dir"],
    ["consul.hcl", "server = true # by hand\n", "server"],
    ["consul.hcl", "ports {\n  http = 9500\n}\n", "ports"],
    ["zz.json", '{ "datacenter": "other" }', "datacenter"],
  ])("are refused beside a %s that says something else: %j", async (name, text, key) => {
    const files = { [`/etc/consul.d/${name}`]: text };
    await expect(tryState(agent, "a", CLIENT, given({ files }))).rejects.toMatchObject({
      code: "state/blocked",
      message: expect.stringContaining(`\`${key}\``),
    });
  });

  test("that another says too, and to the same, are no conflict", async () => {
    const files = {
      "/etc/consul.d/consul.hcl": '/* server = true */\ndata_dir = "/opt/consul"\n#server = true\n',
    };
    expect((await tryState(agent, "a", CLIENT, given({ files }))).left).toEqual({});
  });

  test("whose rights were widened are set back", async () => {
    const { host } = await tryState(agent, "a", CLIENT, given());
    host.tree.get("/etc/consul.d/boma.json")!.mode = "0644";
    expect((await tryState(agent, "a", CLIENT, host)).changes).toMatchObject({
      settings: { from: "root:consul 0644", to: "root:consul 0640" },
    });
  });

  test("of secrets that are no longer declared go", async () => {
    const { host } = await tryState(settings, "a", { gossipKey: KEY }, given());
    expect(host.tree.has("/etc/consul.d/boma-settings-secrets.json")).toBe(true);
    await tryState(settings, "a", {}, host);
    expect(host.tree.has("/etc/consul.d/boma-settings-secrets.json")).toBe(false);
  });
});

describe("an agent is refused where it is written", () => {
  test.each<[object, string]>([
    [{ mode: "client" }, "nobody to join"],
    [{ mode: "server" }, "a first leader would never be chosen"],
    [{ ...CLIENT, bootstrapExpect: 3 }, "a client that founds a cluster"],
    [{ ...CLIENT, clientAddresses: ["0.0.0.0"] }, "an API for everybody, without ACLs"],
    [{ ...SERVER, initialManagement: UUID }, "a token without ACLs"],
    [{ ...SERVER, acl: {}, initialManagement: "root" }, "a token that is no UUID"],
  ])("%j: %s", async (params) => {
    await expect(tryState(agent, "a", params, given())).rejects.toMatchObject({ code: "state/params" });
  });

  test("with ACLs the API may be offered to others", async () => {
    expect(
      (await tryState(agent, "a", { ...CLIENT, clientAddresses: ["0.0.0.0"], acl: {} }, given())).left,
    ).toEqual({});
  });
});

test("a server's ports, for the firewall", () => {
  const want = agent.spec.params.parse({
    node: "a",
    ...SERVER,
    exposure: { cluster: "mesh", from: ["10.0.0.0/8"] },
  });
  const needs = agent.spec.needs!(want).map(({ name, proto, port, exposure }) =>
    [name, proto, port, exposure].join(" "),
  );
  expect(needs).toEqual([
    "consul-server tcp 8300 mesh",
    "consul-serf-lan tcp 8301 mesh",
    "consul-serf-lan udp 8301 mesh",
    "consul-http tcp 8500 none",
    "consul-grpc tcp 8502 none",
    "consul-dns tcp 8600 none",
    "consul-dns udp 8600 none",
  ]);
});

test.each([
  [KEY, true],
  ["AAECAwQFBgcICQoLDA0ODw==", true],
  ["AAECAwQFBgcICQoLDA0O", false],
  ["AAECAwQFBgcICQoLDA0ODw", false],
  ["not a key", false],
  ["", false],
])("%j is a gossip key: %j", (text, expected) => {
  expect(isGossipKey(text)).toBe(expected);
});

describe("settings that an agent takes up", () => {
  test("are told to one that runs, and to no other", async () => {
    const told = (host: MemoryHost) => host.log.filter((call) => call.includes("/v1/agent/reload")).length;
    expect(told((await tryState(settings, "a", {}, running())).host)).toBe(1);
    expect(told((await tryState(settings, "a", {}, given())).host)).toBe(0);
  });

  test("go with the token that needs no server", async () => {
    const { host } = await tryState(settings, "a", { tokens: { agentRecovery: UUID } }, running());
    expect(host.log.find((call) => call.includes("/v1/agent/reload"))).toContain(UUID);
  });

  test("are told again when the run before ended in between", async () => {
    const host = memoryHost(running());
    const http = host.ports.http.write;
    const send = http.send.bind(http);
    http.send = () => Promise.reject(new Error("killed"));
    await expect(tryState(settings, "a", {}, host)).rejects.toThrow("killed");
    http.send = send;
    const { changes, left } = await tryState(settings, "a", {}, host);
    expect(changes).toEqual({ loaded: { from: false, to: true } });
    expect(left).toEqual({});
  });

  test("that the agent refuses are an error with its words", async () => {
    const http = { [RELOAD]: { status: 500, body: "Failed reloading tls configuration: no such file" } };
    await expect(tryState(settings, "a", {}, running({ http }))).rejects.toMatchObject({
      code: "consul/config",
      message: expect.stringContaining("no such file"),
    });
  });

  test("are told by a signal where no token may; its journal says whether they were taken up", async () => {
    const http = { [RELOAD]: { status: 403 } };
    const { host } = await tryState(settings, "a", {}, running({ http }));
    expect(host.log).toContain("services.reload consul.service");
  });
});

describe("a service", () => {
  const WEB = "GET http://127.0.0.1:8500/v1/agent/service/web";
  const known = { body: { Service: "web", Port: 8080, Tags: [], Meta: {} } };
  const params = { port: 8080, checks: [{ tcp: "127.0.0.1:8080" }] };

  test("that the agent does not tell of after a reload is an error", async () => {
    await expect(tryState(service, "web", params, running())).rejects.toMatchObject({
      code: "consul/config",
      message: expect.stringContaining("does not tell of it"),
    });
  });

  test("that somebody took out of the agent comes back", async () => {
    const http = { [RELOAD]: { makes: { [WEB]: known } } };
    const { host } = await tryState(service, "web", params, given());
    const again = memoryHost(running({ http }));
    for (const [path, entry] of host.tree) again.tree.set(path, entry);
    const { changes, left } = await tryState(service, "web", params, again);
    expect(changes).toEqual({ registered: { from: false, to: true } });
    expect(left).toEqual({});
  });

  test("keeps its token out of what is told", async () => {
    const http = { [RELOAD]: { makes: { [WEB]: known } } };
    const { changes, read } = await tryState(
      service,
      "web",
      { ...params, serviceToken: UUID },
      running({ http }),
    );
    expect(JSON.stringify(changes)).not.toContain(UUID);
    expect(await read("/etc/consul.d/boma-service-web.json")).toContain(UUID);
  });

  test.each([[{}], [{ tcp: "a:1", http: "http://a/" }], [{ script: "rm" }]])(
    "cannot have the check %j",
    async (check) => {
      await expect(tryState(service, "web", { port: 1, checks: [check] }, given())).rejects.toMatchObject({
        code: "state/params",
      });
    },
  );
});

test.each<[string, object]>([
  ['a = 1\nb = true\nc = "x"', { a: 1, b: true, c: "x" }],
  ['"a" = "b # no comment"', { a: "b # no comment" }],
  ["a { b = 1 }\n# c = 1\n// d = 1\n/* e = 1 */", { a: expect.anything() }],
  ['a = [ "b", "c" ]\nd = { e = 1 }', { a: expect.anything(), d: expect.anything() }],
  ['service "web" { port = 1 }', { service: expect.anything() }],
  ["a = <<EOF\nb = 1\nEOF\nc = 2", { a: expect.anything(), c: 2 }],
])("the top of %j is known", (text, expected) => {
  expect(topLevel(text)).toEqual(expected);
});
