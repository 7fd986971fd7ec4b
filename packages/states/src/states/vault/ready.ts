import { z } from "zod";

import { defineGate } from "../gate/define-gate.ts";
import { isSilent, silence } from "../gate/probes.ts";
import { look, place } from "./api.ts";
import { FlavorOf, namesOf } from "./flavor.ts";
import { healthOf } from "./health.ts";

const OPEN = { status: 200, body: { initialized: true, sealed: false, standby: false } };

export default defineGate({
  name: "vault.ready",
  summary: "Waits until Vault or OpenBao is unsealed, and active or standing by.",
  stage: "vault",
  key: "name",
  params: z.strictObject({
    name: z.string().min(1).describe("Any word."),
    ...place,
    flavor: FlavorOf,
    consul: z
      .boolean()
      .default(false)
      .describe("Whether it stands on Consul, as storage or to register itself."),
  }),
  awaits: ({ consul }) => ["time", "network", "firewall", ...(consul ? (["consul"] as const) : [])],
  async probe(want, host) {
    const answer = await look(want, "sys/health", host);
    return isSilent(answer) ? silence(host.services, namesOf(want.flavor).unit, answer) : healthOf(answer);
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
