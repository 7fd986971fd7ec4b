/** Parameters that the states of Consul have in common, and where its files are. */
import { z } from "zod";

import { PLACEHOLDER } from "../../check-params.ts";

export const UNIT = "consul.service";
export const GROUP = "consul";
export const DIRECTORY = "/etc/consul.d";
export const DATA_DIRECTORY = "/opt/consul";

/** As a host name: it becomes part of names that DNS answers for. */
export const NodeName = z
  .string()
  .regex(/^[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?$/, "letters, digits and `-`, as in a host name");

export const Address = z.union([z.ipv4(), z.ipv6()]);

const KEY_BYTES: readonly number[] = [16, 24, 32];

/** Base64 that gives back the same text: what Consul could not read it would still write into its keyring. */
export function isGossipKey(text: string): boolean {
  const bytes = Buffer.from(text, "base64");
  return KEY_BYTES.includes(bytes.length) && bytes.toString("base64") === text;
}

export const GossipKey = z
  .string()
  .refine((text) => text === PLACEHOLDER || isGossipKey(text), "a key of 16, 24 or 32 bytes in base64");

const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
/** Consul takes tokens that were made elsewhere if they are UUIDs. */
export const Token = z
  .string()
  .refine(
    (text) => text === PLACEHOLDER || UUID.test(text),
    "a token is a UUID, as `gen:NAME?enc=uuid` makes one",
  );

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

export const Words = z.record(
  z.string().regex(/^[A-Za-z0-9_.-]{1,128}$/, "letters, digits, `-`, `_` and `.`"),
  z.string().max(512),
);
