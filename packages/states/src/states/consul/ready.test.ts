/** The gate: a leader, this machine in the cluster, its servers well; and why not. */
import { describe, expect, test } from "vitest";

import { checkParams } from "../../check-params.ts";
import { readHost } from "../../host/host.ts";
import { type Given, memoryHost } from "../../testing/index.ts";
import type { ServerHealth } from "../daemon/raft-servers.ts";
import ready from "./ready.ts";
import { judged } from "./role.ts";

const API = "GET http://127.0.0.1:8500/v1";
const peersOf = (...names: readonly string[]) => ({ [`${API}/status/peers`]: { body: names } });
const led = { [`${API}/status/leader`]: { body: '"10.0.0.11:8300"' }, ...peersOf("a", "b", "c") };
const leaderless = { [`${API}/status/leader`]: { body: '""' } };
const members = (status: number) => ({
  [`${API}/agent/members`]: {
    body: [{ Name: "a", Addr: "10.0.0.11", Status: status, Tags: { role: "consul" } }],
  },
});
const server = (name: string, more: Partial<ServerHealth> = {}): ServerHealth => ({
  Name: name,
  Address: `${name}:8300`,
  Leader: name === "a",
  Healthy: true,
  Voter: true,
  SerfStatus: "alive",
  ...more,
});
const servers = (...all: readonly ServerHealth[]) => ({
  Healthy: all.every(({ Healthy: isWell }) => isWell),
  FailureTolerance: Math.floor((all.length - 1) / 2),
  Servers: all,
});
const health = (of: ReturnType<typeof servers>) => ({
  [`${API}/operator/autopilot/health`]: { status: of.Healthy ? 200 : 429, body: of },
});
const up = (http: NonNullable<Given["http"]>, ...logs: string[]): Given => ({
  http,
  services: { consul: { active: true, logs } },
});

async function said(given: Given, params: object = { mode: "server", servers: 3 }): Promise<string> {
  const want = checkParams(ready.spec, { node: "a", ...params });
  const changes = await ready.spec.check(want as never, readHost(memoryHost(given).ports));
  return changes.state?.from ?? "ready";
}

const three = servers(server("a"), server("b"), server("c"));

test.each<[string, Given, RegExp]>([
  ["a cluster that is well", up({ ...led, ...members(1), ...health(three) }), /^ready$/],
  ["no agent", { services: { consul: {} } }, /^down: consul.service is inactive/],
  ["no package", {}, /^down: there is no consul.service/],
  ["an agent that comes up", up({}), /^starting: consul.service runs and does not answer/],
  ["no leader yet", up(leaderless), /^starting: no leader$/],
  [
    "another gossip key than the cluster's",
    up(leaderless, "memberlist: failed to receive: No installed keys could decrypt the message"),
    /^misconfigured: no leader; its gossip key is not the cluster's: .*No installed keys/,
  ],
  [
    "another gossip key before it started anew",
    up(leaderless, "* No installed keys could decrypt the message", "==> Starting Consul agent..."),
    /^starting: no leader$/,
  ],
  [
    "nobody there to join",
    up(leaderless, "agent: (LAN) couldn't join: number_of_nodes=0"),
    /^down: no leader; nobody that it should join answers/,
  ],
  [
    "certificates that are refused",
    up(leaderless, "rpc error: x509: unknown authority"),
    /^misconfigured: .*certificates/,
  ],
  [
    "another name than its own",
    up({ ...led, ...members(1), ...health(three) }),
    /^misconfigured: no member is called z/,
  ],
  ["a member that failed", up({ ...led, ...members(4), ...health(three) }), /^starting: a is failed/],
  [
    "a server that is not well",
    up({
      ...led,
      ...members(1),
      ...health(servers(server("a"), server("b"), server("c", { Healthy: false }))),
    }),
    /^starting: these servers are not well, or have no vote yet: c$/,
  ],
  [
    "a server that has no vote yet",
    up({
      ...led,
      ...members(1),
      ...health(servers(server("a"), server("b"), server("c", { Voter: false }))),
    }),
    /: c$/,
  ],
  [
    "a server too few",
    up({ ...led, ...members(1), ...health(servers(server("a"), server("b"))) }),
    /^starting: 2 of 3 servers/,
  ],
])("of %s it says so", async (what, given, expected) => {
  const name = what.startsWith("another name") ? { node: "z" } : {};
  expect(await said(given, { mode: "server", servers: 3, ...name })).toMatch(expected);
});

describe("with a token that nobody knows yet", () => {
  const denied = { status: 403, body: "ACL not found" };
  const unknown = {
    ...led,
    [`${API}/agent/members`]: denied,
    [`${API}/operator/autopilot/health`]: denied,
  };
  const token = "5b2b1a9c-4f1e-4f64-8f5d-0c8f7a1b2c3d";

  test("a server that is not among those who choose is missed", async () => {
    const given = up({ ...unknown, ...peersOf("a", "b") });
    expect(await said(given, { mode: "server", servers: 3, token })).toBe(
      "starting: 2 of 3 servers are there",
    );
  });

  test("all is seen that everybody may see", async () => {
    const host = memoryHost(up({ ...led, ...members(4), ...health(three) }));
    const http = host.ports.http.read;
    const get = http.get.bind(http);
    http.get = async (request) =>
      request.headers && request.url.endsWith("members") ? { ...denied, headers: {} } : get(request);
    const want = checkParams(ready.spec, { node: "a", mode: "server", servers: 3, token });
    const changes = await ready.spec.check(want as never, readHost(host.ports));
    expect(changes.state?.from).toBe("starting: a is failed");
  });
});

test.each<[string, number, number, RegExp]>([
  ["failed, and is still counted", 4, 3, /^down: servers do not answer: b failed$/],
  ["left, and is missed", 3, 2, /^starting: 2 of 3 servers are there: b left$/],
  ["left, and is not missed", 3, 3, /^ready$/],
])("a server that %s", async (_, status, peers, expected) => {
  const both = [
    { Name: "a", Addr: "10.0.0.11", Status: 1, Tags: { role: "consul" } },
    { Name: "b", Addr: "10.0.0.12", Status: status, Tags: { role: "consul" } },
  ];
  const there = peersOf(...["a", "b", "c"].slice(0, peers));
  const given = up({ ...led, ...there, [`${API}/agent/members`]: { body: both }, ...health(three) });
  expect(await said(given)).toMatch(expected);
});

test("a client does not ask how the servers are", async () => {
  expect(await said(up({ ...led, ...members(1) }), { mode: "client" })).toBe("ready");
});

test("rights that are missing close no gate", async () => {
  const denied = { status: 403, body: "Permission denied" };
  const given = up({
    ...led,
    [`${API}/agent/members`]: denied,
    [`${API}/operator/autopilot/health`]: denied,
  });
  expect(await said(given)).toBe("ready");
});

test.each([
  ["the leader of three", "a", three, { role: "leader", safe: true }],
  ["a follower of three", "b", three, { role: "server", safe: true }],
  ["one of two", "b", servers(server("a"), server("b")), { role: "server", safe: false }],
  ["the only one", "a", servers(server("a")), { role: "leader", safe: false }],
  [
    "one of three, another being ill",
    "b",
    servers(server("a"), server("b"), server("c", { Healthy: false })),
    { safe: false },
  ],
  ["one that the leader does not know", "z", three, { safe: false }],
])("a restart of %s", (_, node, of, expected) => {
  expect(judged(node, of)).toMatchObject(expected);
});
