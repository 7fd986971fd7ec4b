/** Functions of Consul carry no token: they take the one that the node's agent has in its own files. */
import { expect, test } from "vitest";

import type { Call } from "../../define-function.ts";
import { writeHost } from "../../host/host.ts";
import { type Given, memoryHost } from "../../testing/index.ts";
import health from "./health.ts";
import leader from "./leader.ts";
import members from "./members.ts";
import role from "./role.ts";
import snapshot from "./snapshot.ts";

const API = "GET http://127.0.0.1:8500/v1";
const AGENT = "5b2b1a9c-4f1e-4f64-8f5d-0c8f7a1b2c3d";
const MANAGEMENT = "7d5dd5a5-6e0f-4f0a-9a8c-0e6c9b1f2a33";
const tokens = (words: object) => JSON.stringify({ acl: { tokens: words } });

function onHost(given: Given) {
  const machine = memoryHost(given);
  const asked: (string | undefined)[] = [];
  const http = machine.ports.http.write;
  const get = http.get.bind(http);
  http.get = (request) => (asked.push(request.headers?.["x-consul-token"]), get(request));
  return { machine, asked, call: { host: writeHost(machine.ports) } as unknown as Call };
}

const SERF = [
  { Name: "a", Addr: "10.0.0.11", Status: 1, Tags: { role: "consul", build: "1.14.11:abc" } },
  { Name: "w", Addr: "10.0.0.21", Status: 4, Tags: { role: "node" } },
];
const SERVERS = {
  Healthy: true,
  FailureTolerance: 0,
  Servers: [
    { Name: "a", Address: "10.0.0.11:8300", Leader: true, Healthy: true, Voter: true, SerfStatus: "alive" },
  ],
};

test("members are told in words", async () => {
  const { call } = onHost({ http: { [`${API}/agent/members`]: { body: SERF } } });
  expect(await members.run({ api: "http://127.0.0.1:8500" }, call)).toEqual([
    { name: "a", address: "10.0.0.11", role: "server", status: "alive", version: "1.14.11" },
    { name: "w", address: "10.0.0.21", role: "client", status: "failed", version: "" },
  ]);
});

test.each<[Record<string, string>, string | undefined]>([
  [{}, undefined],
  [{ "/etc/consul.d/boma-settings-secrets.json": tokens({ agent: AGENT, agent_recovery: "r" }) }, AGENT],
  [
    {
      "/etc/consul.d/boma-secrets.json": tokens({ initial_management: MANAGEMENT }),
      "/etc/consul.d/boma-settings-secrets.json": tokens({ agent: AGENT }),
    },
    MANAGEMENT,
  ],
])("with the files %j the token %s is used", async (files, expected) => {
  const { call, asked } = onHost({ files, http: { [`${API}/status/leader`]: { body: '"a:8300"' } } });
  expect(await leader.run({ api: "http://127.0.0.1:8500" }, call)).toEqual({ leader: "a:8300" });
  expect(asked).toEqual([expected]);
});

test("a cluster without a leader is a failure", async () => {
  const { call } = onHost({ http: { [`${API}/status/leader`]: { body: '""' } } });
  const said = await leader.run({ api: "http://127.0.0.1:8500" }, call);
  expect(leader.outcome!(said)).toBe("failed");
});

test("the only server may not restart without an outage", async () => {
  const { call } = onHost({
    http: {
      [`${API}/agent/self`]: { body: { Config: { NodeName: "a", Server: true } } },
      [`${API}/status/leader`]: { body: '"10.0.0.11:8300"' },
      [`${API}/operator/autopilot/health`]: { status: 429, body: SERVERS },
    },
  });
  expect(await role.run({ api: "http://127.0.0.1:8500" }, call)).toMatchObject({
    role: "leader",
    safe: false,
  });
  expect(await health.run({ api: "http://127.0.0.1:8500" }, call)).toMatchObject({
    mayFail: 0,
    servers: [{ name: "a", leads: true }],
  });
});

test("a snapshot goes with the token in a file that is gone afterwards, and takes nobody's place", async () => {
  const { machine, call } = onHost({
    files: { "/etc/consul.d/boma-settings-secrets.json": tokens({ agent: AGENT }) },
    commands: { consul: { stdout: JSON.stringify({ Meta: { Index: 42 } }) } },
  });
  const must = machine.ports.commands.write;
  const run = must.must.bind(must);
  const argvs: (readonly string[])[] = [];
  must.must = async (command) => {
    argvs.push(command.argv);
    if (command.argv[2] === "save") await machine.ports.files.write.write(command.argv.at(-1)!, "state");
    return run(command);
  };
  const params = { file: "/var/backups/consul.snap", api: "http://127.0.0.1:8500" };
  expect(await snapshot.run(params, call)).toEqual({ file: params.file, bytes: 5, index: 42 });
  expect(JSON.stringify(argvs)).not.toContain(AGENT);
  expect(machine.tree.get(params.file)).toMatchObject({ mode: "0600" });
  expect([...machine.tree.keys()].filter((path) => path.startsWith("/var/backups/"))).toEqual([params.file]);
  await expect(snapshot.run(params, call)).rejects.toMatchObject({ code: "state/blocked" });
});
