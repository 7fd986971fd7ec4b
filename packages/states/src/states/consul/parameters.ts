/** Parameters that the states of Consul have in common, and where its files are. */
import { z } from "zod";

import { Token } from "../daemon/agent-parameters.ts";

export { Address, GossipKey, isGossipKey, NodeName, Token, Words } from "../daemon/agent-parameters.ts";

export const UNIT = "consul.service";
export const GROUP = "consul";
export const DIRECTORY = "/etc/consul.d";
export const DATA_DIRECTORY = "/opt/consul";

/** How the API of an agent is reached, mostly that of this machine. */
export const access = {
  api: z
    .url({ protocol: /^https?$/ })
    .default("http://127.0.0.1:8500")
    .describe("Where the agent's API is reached from this machine."),
  ca: z.string().optional().describe("Certificates in PEM that may sign the API's."),
  token: Token.optional().describe(
    "The token with which the API is asked; without it the agent's own default.",
  ),
};
