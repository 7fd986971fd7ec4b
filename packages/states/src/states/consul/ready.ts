import { z } from "zod";

import type { ReadHost } from "../../host/host.ts";
import { type HttpAnswer, type HttpResponse, jsonOf, type ReadHttp } from "../../host/http.ts";
import { saysHealth, type Servers } from "../daemon/raft-servers.ts";
import { defineGate, type Health, notReady, ready } from "../gate/define-gate.ts";
import { isSilent, silence } from "../gate/probes.ts";
import { type Access, ask } from "./api.ts";
import { isDenied, type Member, membersIn } from "./cluster.ts";
import { reasonIn } from "./log-reasons.ts";
import { access, NodeName, UNIT } from "./parameters.ts";

const SAID_MAX = 200;

const params = z.strictObject({
  node: NodeName.describe("What this machine is called in the cluster."),
  mode: z.enum(["server", "client"]).describe("What its agent is."),
  servers: z.int().min(1).max(15).optional().describe("So many servers must have a vote and be well."),
  ...access,
});
type Want = z.output<typeof params>;

export default defineGate({
  name: "consul.ready",
  summary: "Waits until the cluster has a leader, this machine is in it, and its servers are well.",
  stage: "consul",
  key: "node",
  params,
  secretive: ["token"],
  claims: () => ["consul:ready"],
  async probe(want, host) {
    const led = await leads(want, host);
    if (!led.healthy) return led;
    const members = await visibleMembers(want, host);
    if ("healthy" in members) return members;
    const joined = await isMember(want.node, members, host);
    if (!joined.healthy || want.mode === "client") return joined.healthy ? led : joined;
    const there = await areThere(want, members, host);
    return there.healthy ? areWell(want, host) : there;
  },
  examples: [
    {
      title: "a server of three",
      key: "consul-1",
      params: { mode: "server", servers: 3 },
      given: {
        services: { consul: { active: true } },
        http: {
          "GET http://127.0.0.1:8500/v1/status/leader": { body: '"10.0.0.11:8300"' },
          "GET http://127.0.0.1:8500/v1/agent/members": {
            body: [{ Name: "consul-1", Addr: "10.0.0.11", Status: 1, Tags: { role: "consul" } }],
          },
          "GET http://127.0.0.1:8500/v1/status/peers": {
            body: ["10.0.0.11:8300", "10.0.0.12:8300", "10.0.0.13:8300"],
          },
          "GET http://127.0.0.1:8500/v1/operator/autopilot/health": {
            body: {
              Healthy: true,
              FailureTolerance: 1,
              Servers: [1, 2, 3].map((at) => ({
                Name: `consul-${at}`,
                Healthy: true,
                Voter: true,
                Leader: at === 1,
              })),
            },
          },
        },
      },
    },
  ],
});

async function leads(at: Access, { http, services }: ReadHost): Promise<Health> {
  const answer = await ask(http, at, "/v1/status/leader");
  if (isSilent(answer)) return silence(services, UNIT, answer);
  const leader = answer.status === 200 ? jsonOf<string>(answer) : "";
  if (leader !== "") return ready(`${leader} leads`);
  const known = answer.status === 200 ? "no leader" : answer.body.trim().slice(0, SAID_MAX);
  const reason = await reasonIn(services);
  return notReady(reason?.cause ?? "starting", reason ? `${known}; ${reason.says}` : known);
}

/** A token that is not there yet sees nothing. As long as all is allowed, nobody in particular sees all. */
async function seen(http: ReadHttp, { token, ...at }: Access, path: string): Promise<HttpAnswer> {
  const answer = await ask(http, { ...at, token }, path);
  return token !== undefined && isDenied(answer) ? ask(http, at, path) : answer;
}

const saying = ({ status, body }: HttpResponse): string => `${status}: ${body.trim().slice(0, SAID_MAX)}`;

/** Rights that are missing leave members out, mostly without a word: then there are none. */
async function visibleMembers(at: Access, { http, services }: ReadHost): Promise<readonly Member[] | Health> {
  const answer = await seen(http, at, "/v1/agent/members");
  if (isSilent(answer)) return silence(services, UNIT, answer);
  if (isDenied(answer)) return [];
  return answer.status === 200 ? membersIn(answer) : notReady("starting", `its members: ${saying(answer)}`);
}

async function isMember(node: string, members: readonly Member[], { services }: ReadHost): Promise<Health> {
  if (members.length === 0) return ready("the members are not for this token to see");
  const own = members.find(({ name }) => name === node);
  if (!own) return notReady("misconfigured", `no member is called ${node}`);
  if (own.status === "alive") return ready(`${node} is alive`);
  const reason = await reasonIn(services);
  return notReady(reason?.cause ?? "starting", `${node} is ${own.status}${reason ? `; ${reason.says}` : ""}`);
}

/** How many take part is for everybody to see: this much is found out without any right. */
async function areThere(
  { servers, ...at }: Want,
  members: readonly Member[],
  host: ReadHost,
): Promise<Health> {
  const answer = await ask(host.http, at, "/v1/status/peers");
  if (isSilent(answer)) return silence(host.services, UNIT, answer);
  if (answer.status !== 200) return notReady("starting", `its servers: ${saying(answer)}`);
  const { length: count } = jsonOf<readonly string[]>(answer);
  const away = members.filter(({ role, status }) => role === "server" && status !== "alive");
  const named = (all: readonly Member[]): string =>
    all.map(({ name, status }) => `${name} ${status}`).join(", ");
  if (servers !== undefined && count < servers)
    return notReady(
      "starting",
      `${count} of ${servers} servers are there${away.length > 0 ? `: ${named(away)}` : ""}`,
    );
  // Who has left is missed only where the count says so.
  const failed = away.filter(({ status }) => status === "failed");
  return failed.length > 0
    ? notReady("down", `servers do not answer: ${named(failed)}`)
    : ready(`${count} servers`);
}

async function areWell({ servers, ...at }: Want, { http, services }: ReadHost): Promise<Health> {
  const answer = await seen(http, at, "/v1/operator/autopilot/health");
  if (isSilent(answer)) return silence(services, UNIT, answer);
  if (isDenied(answer)) return ready("how the servers are is not for this token to see");
  if (!saysHealth(answer.status)) return notReady("starting", `its servers: ${saying(answer)}`);
  const health = jsonOf<Servers>(answer);
  const well = health.Servers.filter(({ Healthy: isWell, Voter: votes }) => isWell && votes);
  const ill = health.Servers.filter((server) => !well.includes(server)).map(({ Name: name }) => name);
  if (!health.Healthy || ill.length > 0)
    return notReady(
      "starting",
      `these servers are not well, or have no vote yet: ${ill.join(", ") || "unknown"}`,
    );
  if (servers !== undefined && well.length < servers)
    return notReady("starting", `${well.length} of ${servers} servers are there`);
  return ready(`${well.length} servers, of which ${health.FailureTolerance} may fail`);
}
