/** Parameters that the states of Nomad have in common, and where its files are. */
import { z } from "zod";

import { PLACEHOLDER } from "../../check-params.ts";

export const UNIT = "nomad.service";
export const GROUP = "nomad";
export const DIRECTORY = "/etc/nomad.d";
export const DATA_DIRECTORY = "/opt/nomad/data";

/** What the agent reads, and nothing else: the package's own file makes every machine a server. */
export const PLAIN = `${DIRECTORY}/boma.json`;
export const SECRET = `${DIRECTORY}/boma-secrets.json`;
/** For functions of this node, which carry no secrets. Nomad does not read it. */
export const OPERATOR = `${DIRECTORY}/boma-operator.json`;

export const NodeName = z
  .string()
  .regex(/^[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?$/, "letters, digits and `-`, as in a host name");
export const Name = z.string().regex(/^[A-Za-z0-9_-]{1,128}$/, "letters, digits, `-` and `_`");

const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
export const Token = z
  .string()
  .refine(
    (text) => text === PLACEHOLDER || UUID.test(text),
    "a token is a UUID, as `gen:NAME?enc=uuid` makes one",
  );

const KEY_BYTES: readonly number[] = [16, 24, 32];

function isGossipKey(text: string): boolean {
  const bytes = Buffer.from(text, "base64");
  return KEY_BYTES.includes(bytes.length) && bytes.toString("base64") === text;
}

export const GossipKey = z
  .string()
  .refine((text) => text === PLACEHOLDER || isGossipKey(text), "a key of 16, 24 or 32 bytes in base64");

/** How the API of an agent is reached, mostly that of this machine. */
export const access = {
  api: z
    .url({ protocol: /^https?$/ })
    .default("http://127.0.0.1:4646")
    .describe("Where the agent's API is reached from this machine."),
  ca: z.string().optional().describe("Certificates in PEM that may sign the API's."),
  token: Token.optional().describe("The token with which the API is asked, where ACLs are on."),
};

/** Versions that must not be installed: 1.9.2 lost all state in an upgrade, and was withdrawn. */
export const WITHDRAWN: readonly string[] = ["1.9.2"];
