/** Parameters that the states of Nomad have in common, and where its files are. */
import { z } from "zod";

import { Token } from "../daemon/agent-parameters.ts";

export { GossipKey, NodeName, Token } from "../daemon/agent-parameters.ts";

export const UNIT = "nomad.service";
export const GROUP = "nomad";
export const DIRECTORY = "/etc/nomad.d";
export const DATA_DIRECTORY = "/opt/nomad/data";

/** What the agent reads, and nothing else: the package's own file makes every machine a server. */
export const PLAIN = `${DIRECTORY}/boma.json`;
/** What it takes up while it runs. */
export const LIVE = `${DIRECTORY}/boma-settings.json`;
export const SECRET = `${DIRECTORY}/boma-secrets.json`;
/** For functions of this node, which carry no secrets. Nomad does not read it. */
export const OPERATOR = `${DIRECTORY}/boma-operator.json`;

export const Name = z.string().regex(/^[A-Za-z0-9_-]{1,128}$/, "letters, digits, `-` and `_`");

/** How the API of an agent is reached, mostly that of this machine. */
export const access = {
  api: z
    .url({ protocol: /^https?$/ })
    .default("http://127.0.0.1:4646")
    .describe("Where the agent's API is reached from this machine."),
  ca: z.string().optional().describe("Certificates in PEM that may sign the API's."),
  token: Token.optional().describe("The token with which the API is asked, where ACLs are on."),
};

/** The same for functions, which are told nothing by a catalog. */
export const ownApi = z
  .url({ protocol: /^https?$/ })
  .optional()
  .describe("Where the agent's API is reached; where it was told to offer it, if that is not said.");

/** Versions that must not be installed: 1.9.2 lost all state in an upgrade, and was withdrawn. */
export const WITHDRAWN: readonly string[] = ["1.9.2"];
