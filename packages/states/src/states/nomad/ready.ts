import { z } from "zod";

import type { ReadHost } from "../../host/host.ts";
import { isAnswered, jsonOf, type ReadHttp } from "../../host/http.ts";
import { saysHealth, type Servers } from "../daemon/raft-servers.ts";
import { defineGate, type Health, notReady, ready } from "../gate/define-gate.ts";
import { isSilent, silence } from "../gate/probes.ts";
import { ask } from "./api.ts";
import { serversAway } from "./away.ts";
import { type DrainMark, markOf } from "./drain-mark.ts";
import { type Node, nodeIdOf, selfOf } from "./node.ts";
import { access, NodeName, UNIT } from "./parameters.ts";
import { refusalIn } from "./refusals.ts";

const params = z.strictObject({
  node: NodeName.describe("What this machine is called in the cluster."),
  mode: z.enum(["server", "client", "both"]).describe("What its agent is."),
  servers: z.int().min(1).max(15).optional().describe("So many servers must have a vote and be well."),
  drivers: z
    .array(z.string().regex(/^[a-z_-]{1,40}$/))
    .max(20)
    .default([])
    .describe("For clients: these must be there, and healthy; Nomad finds others that nobody uses."),
  drained: z
    .boolean()
    .default(false)
    .describe("Open for a client too that somebody else than boma took out of service."),
  ...access,
});
type Want = z.output<typeof params>;

export default defineGate({
  name: "nomad.ready",
  summary: "Waits until there is a leader, the servers are well, and this client takes jobs.",
  stage: "nomad",
  key: "node",
  params,
  secretive: ["token"],
  claims: () => ["nomad:ready"],
  after: () => ["nomad:agent", "nomad:eligible"],
  async probe(want, host) {
    const led = await leads(want, host);
    if (!led.healthy) return led;
    const served = want.mode === "client" ? led : await serversAreWell(want, host);
    return !served.healthy || want.mode === "server" ? served : takesJobs(want, host);
  },
  examples: [
    {
      title: "a client",
      key: "web-1",
      params: { mode: "client", drivers: ["docker"] },
      given: {
        services: { nomad: { active: true } },
        http: {
          "GET http://127.0.0.1:4646/v1/status/leader": { body: '"10.0.0.11:4647"' },
          "GET http://127.0.0.1:4646/v1/agent/self": {
            body: { config: {}, stats: { client: { node_id: "1c680cb0" } } },
          },
          "GET http://127.0.0.1:4646/v1/node/1c680cb0": {
            body: {
              Status: "ready",
              SchedulingEligibility: "eligible",
              Drivers: { docker: { Detected: true, Healthy: true } },
            },
          },
        },
      },
    },
  ],
});

async function leads(want: Want, { http, services }: ReadHost): Promise<Health> {
  const answer = await ask(http, want, "/v1/status/leader");
  if (isSilent(answer)) return silence(services, UNIT, answer);
  const leader = answer.status === 200 ? jsonOf<string>(answer) : "";
  if (leader !== "") return ready(`${leader} leads`);
  const said = answer.status === 200 ? "no leader" : answer.body.trim().slice(0, SAID_MAX);
  const alone = await withAway(want, http, said);
  if (alone.cause !== "starting") return alone;
  const refusal = await refusalIn(services);
  return refusal === undefined
    ? alone
    : notReady("misconfigured", `${said}; certificates are refused: ${refusal}`);
}

const SAID_MAX = 200;
const DENIED = 403;

/** Who is away is why: nothing starts there that could be waited for. */
async function withAway(want: Want, http: ReadHttp, said: string): Promise<Unhealthy> {
  const away = await serversAway(http, want);
  return away.length === 0
    ? { healthy: false, cause: "starting", says: said }
    : { healthy: false, cause: "down", says: `servers are away: ${away.join(", ")}; ${said}` };
}
type Unhealthy = Extract<Health, { readonly healthy: false }>;

async function serversAreWell(want: Want, { http }: ReadHost): Promise<Health> {
  const answer = await ask(http, want, "/v1/operator/autopilot/health");
  if (isAnswered(answer) && answer.status === DENIED)
    return ready("the servers are not for this token to see");
  if (!isAnswered(answer) || !saysHealth(answer.status))
    return withAway(want, http, "the servers do not say how they are");
  const health = jsonOf<Servers>(answer);
  const well = health.Servers.filter(({ Healthy: isWell, Voter: votes }) => isWell && votes);
  const ill = health.Servers.filter((server) => !well.includes(server)).map(({ Name: name }) => name);
  if (!health.Healthy || ill.length > 0)
    return withAway(
      want,
      http,
      `these servers are not well, or have no vote yet: ${ill.join(", ") || "unknown"}`,
    );
  if (want.servers !== undefined && well.length < want.servers)
    return withAway(want, http, `${well.length} of ${want.servers} servers are there`);
  return ready(`${well.length} servers, of which ${health.FailureTolerance} may fail`);
}

async function takesJobs(want: Want, { http, files }: ReadHost): Promise<Health> {
  const own = await ask(http, want, "/v1/agent/self");
  if (isAnswered(own) && own.status === DENIED) return ready("the client is not for this token to see");
  const id = nodeIdOf(await selfOf(http, want));
  if (id === undefined) return notReady("misconfigured", "this agent is no client");
  const answer = await ask(http, want, `/v1/node/${id}`);
  if (!isAnswered(answer) || answer.status !== 200)
    return notReady("starting", "the servers do not know this client yet");
  return healthOf(want, jsonOf<Node>(answer), await markOf(files));
}

function healthOf({ node: name, drivers, drained }: Want, node: Node, mark: DrainMark | undefined): Health {
  if (node.Status !== "ready") return notReady("starting", `${name} is ${node.Status}`);
  const ill = drivers.filter((driver) => node.Drivers?.[driver]?.Healthy !== true);
  const [first] = ill;
  if (first !== undefined) {
    const known = node.Drivers?.[first];
    return known?.Detected
      ? notReady("starting", `its driver ${first} is not well: ${known.HealthDescription}`)
      : notReady("misconfigured", `no driver ${first} was found here`);
  }
  // It is as it is meant to be: maintenance goes on behind this gate too.
  if (mark && mark.untilMs > Date.now())
    return ready(`${name} is well, and takes no jobs: ${mark.reason}, until ${dateOf(mark)}`);
  if (node.SchedulingEligibility !== "eligible" && !drained)
    return notReady("contended", `${name} takes no jobs: it is drained, or was; see \`nomad.undrain\``);
  return ready(`${name} is ready`);
}

const dateOf = ({ untilMs }: DrainMark): string => new Date(untilMs).toISOString();
