import { z } from "zod";

import { EXPOSURES, type PortNeed, PortNeed as Need, PortNumber, PortRange } from "../../catalog/needs.ts";
import { defineState } from "../../define-state.ts";

const Ports = z
  .array(z.union([PortNumber, PortRange]))
  .max(100)
  .default([]);

export default defineState({
  name: "firewall.port",
  summary: "Ports that the firewall of this node lets in, for a program that no other state knows of.",
  key: "name",
  params: z
    .strictObject({
      name: Need.shape.name.describe("What listens there."),
      tcp: Ports.describe("Ports of TCP: numbers, or ranges such as `8000-8010`."),
      udp: Ports.describe("Ports of UDP."),
      exposure: z
        .enum(EXPOSURES)
        .describe("Who may come: nobody, the `mesh`, the mesh and the `lan`, or everybody."),
      from: Need.shape.from.describe("Only these networks, within what the exposure lets in."),
    })
    .refine(({ tcp, udp }) => tcp.length + udp.length > 0, "`tcp`, `udp` or both"),
  together: true,
  stage: "firewall",
  claims: () => [],
  needs: ({ name, tcp, udp, exposure, from }): readonly PortNeed[] =>
    Object.entries({ tcp, udp }).flatMap(([proto, ports]) =>
      ports.map((port) => ({
        name,
        proto: proto as "tcp" | "udp",
        port,
        exposure,
        ...(from && { from }),
      })),
    ),

  // There is nothing of its own to be so: the firewall, which gathers it, is what changes.
  check: async () => ({}),
  apply: async () => undefined,

  examples: [
    { title: "a web server, for everybody", key: "http", params: { tcp: [80, 443], exposure: "public" } },
    {
      title: "a game, from one network of the house",
      key: "game",
      params: { udp: ["27000-27031"], exposure: "lan", from: ["192.168.7.0/24"] },
    },
  ],
});
