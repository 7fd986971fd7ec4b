import { z } from "zod";

import { defineGate, notReady, ready } from "../gate/define-gate.ts";
import { answers } from "./bring-up.ts";
import { ROUTED } from "./example-network.ts";
import { defaultRoutes, readLive } from "./live.ts";

export default defineGate({
  name: "network.online",
  summary: "Waits until the gateway answers and names resolve.",
  stage: "network",
  key: "name",
  params: z.strictObject({
    name: z.literal("node").describe("There is one network for a node, and this is its name."),
    gateway: z
      .union([z.ipv4(), z.ipv6()])
      .optional()
      .describe("The neighbour that has to answer; that of the default route where it is not said."),
    resolves: z
      .array(z.string().regex(/^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$/i, "a host name"))
      .max(10)
      .default([])
      .describe("Names that have to resolve."),
  }),

  async probe({ gateway, resolves }, host) {
    const live = await readLive(host);
    const route = defaultRoutes(live).find((one) => gateway === undefined || one.gateway === gateway);
    const via = gateway ?? route?.gateway;
    const dev = route?.dev;
    if (via === undefined || dev === undefined)
      return notReady("down", `there is no default route${gateway === undefined ? "" : ` via ${gateway}`}`);
    if (!(await answers(via, dev, host)))
      return notReady("down", `the gateway ${via} does not answer on ${dev}`);
    for (const name of resolves) {
      const { exitCode } = await host.commands.read({ argv: ["getent", "ahosts", name], timeoutMs: 15_000 });
      if (exitCode !== 0) return notReady("misconfigured", `${name} does not resolve`);
    }
    return ready(`${via} answers on ${dev}`);
  },

  examples: [
    {
      title: "before anything that needs the network",
      key: "node",
      params: { resolves: ["deb.debian.org"] },
      given: { commands: { ...ROUTED, "getent ahosts deb.debian.org": {} } },
    },
  ],
});
