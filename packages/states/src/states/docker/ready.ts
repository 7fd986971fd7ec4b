import { z } from "zod";

import type { ReadHost } from "../../host/host.ts";
import { jsonOf } from "../../host/http.ts";
import { defineGate, type Health, notReady, ready } from "../gate/define-gate.ts";
import { isSilent, silence } from "../gate/probes.ts";
import { ask, type Info } from "./api.ts";
import { example } from "./example-engine.ts";
import { natOf } from "./nat-chain.ts";
import { CONTAINERD, UNIT } from "./parameters.ts";

const SAID_MAX = 200;

export default defineGate({
  name: "docker.ready",
  summary: "Waits until Docker answers, what runs its containers is up, and its rules for ports are there.",
  stage: "docker",
  key: "name",
  params: z.strictObject({
    name: z.literal("node").describe("Always `node`: a machine has one daemon of Docker."),
  }),
  claims: () => ["docker:ready"],
  async probe(_, host) {
    for (const unit of [CONTAINERD, UNIT]) {
      const down = await downWhy(unit, host);
      if (down) return down;
    }
    const ping = await ask(host.http, "/_ping");
    if (isSilent(ping)) return silence(host.services, UNIT, ping);
    if (ping.status !== 200)
      return notReady("starting", `it answers ${ping.status}: ${ping.body.trim().slice(0, SAID_MAX)}`);
    const answer = await ask(host.http, "/info");
    if (isSilent(answer)) return silence(host.services, UNIT, answer);
    if (answer.status !== 200) return notReady("starting", `/info: ${answer.body.trim().slice(0, SAID_MAX)}`);
    return saidBy(jsonOf<Info>(answer), host);
  },
  examples: [{ title: "before what runs in containers", key: "node", given: example }],
});

/** Not over the socket: that would start what somebody has stopped. */
async function downWhy(unit: string, { services }: ReadHost): Promise<Health | undefined> {
  const { active, load } = await services.status(unit);
  if (active === "active") return undefined;
  if (load === "masked") return notReady("misconfigured", `${unit} is masked`);
  const nobody = { unreachable: "refused", why: `${unit} is ${active}` } as const;
  const health = await silence(services, unit, nobody);
  if (health.healthy || health.cause !== "misconfigured") return health;
  // One that cannot start says why.
  const last = (await services.logs(unit, 20)).findLast(({ text }) => /failed|unable|error/i.test(text));
  return last ? notReady("misconfigured", `${health.says}: ${last.text.slice(0, SAID_MAX)}`) : health;
}

async function saidBy(info: Info, host: ReadHost): Promise<Health> {
  const nat = await natOf(host, info.FirewallBackend?.Driver);
  if (nat === "gone")
    return notReady(
      "misconfigured",
      "Docker's rules for ports are gone: something has emptied the tables of the firewall. A restart of docker makes them anew",
    );
  return ready(`Docker ${info.ServerVersion} with ${info.Driver}, ${info.ContainersRunning} containers run`);
}
