import { z } from "zod";

import type { ReadHost } from "../../host/host.ts";
import type { ReadServices } from "../../host/services.ts";
import { UNIT as CONSUL } from "../consul/parameters.ts";
import { defineGate, type Health, notReady } from "../gate/define-gate.ts";
import { isSilent, silence } from "../gate/probes.ts";
import { look, place } from "./api.ts";
import { FlavorOf, namesOf } from "./flavor.ts";
import { healthOf, togetherOf } from "./health.ts";

const OPEN = { status: 200, body: { initialized: true, sealed: false, standby: false } };

const params = z.strictObject({
  name: z.string().min(1).describe("Any word."),
  ...place,
  flavor: FlavorOf,
  consul: z
    .boolean()
    .default(false)
    .describe("Whether it stands on Consul, as storage or to register itself."),
});
type Want = z.output<typeof params>;

export default defineGate({
  name: "vault.ready",
  summary: "Waits until Vault or OpenBao is unsealed, and active or standing by.",
  stage: "vault",
  key: "name",
  params,
  awaits: ({ consul }) => ["time", "network", "firewall", ...(consul ? (["consul"] as const) : [])],
  async probe(want, host) {
    const health = await healthNow(want, host);
    return health.healthy || !want.consul ? health : withConsul(health.says, health, host.services);
  },
  examples: [
    {
      title: "before what takes its secrets from it",
      key: "vault",
      params: { address: "http://127.0.0.1:8200" },
      given: { http: { "GET http://127.0.0.1:8200/v1/sys/health": OPEN } },
    },
  ],
});

async function healthNow(want: Want, host: ReadHost): Promise<Health> {
  const answer = await look(want, "sys/health", host);
  if (isSilent(answer)) return silence(host.services, namesOf(want.flavor).unit, answer);
  return healthOf(togetherOf(answer, await look(want, "sys/leader", host)));
}

/** What it stands on is why, where that is down: Vault itself knows only that nobody answers, or does not come up at all. */
async function withConsul(says: string, health: Health, services: ReadServices): Promise<Health> {
  const { load, active } = await services.status(CONSUL);
  if (load !== "loaded" || active === "active") return health;
  return notReady("down", `${CONSUL}, on which it stands, is ${active}; ${says}`);
}
