/** What the parameters of agents that form a cluster have in common: addresses, peers, keys, and whom they are open to. */
import { z } from "zod";

import { EXPOSURES } from "../../catalog/needs.ts";
import { PLACEHOLDER } from "../../check-params.ts";

const PORT_MAX = 65_535;
export const Port = z.int().min(1).max(PORT_MAX);
export const Address = z.union([z.ipv4(), z.ipv6()]);
export const Bind = z.union([
  Address,
  z.string().regex(/^\{\{[^{}]+\}\}$/, 'an address, or a template such as `{{ GetInterfaceIP "eth0" }}`'),
]);
/** A name, an address, or a way of a cloud to find members, such as `provider=aws …`. */
export const Peer = z
  .string()
  .min(1)
  .max(500)
  .regex(/^[^\r\n\0]+$/, "one line");

export const isLoopback = (address: string): boolean => address === "::1" || address.startsWith("127.");
export const isAny = (address: string): boolean => address === "::" || address === "0.0.0.0";

/** As a host name: it becomes part of names that DNS answers for. */
export const NodeName = z
  .string()
  .regex(/^[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?$/, "letters, digits and `-`, as in a host name");

export const Words = z.record(
  z.string().regex(/^[A-Za-z0-9_.-]{1,128}$/, "letters, digits, `-`, `_` and `.`"),
  z.string().max(512),
);

const KEY_BYTES: readonly number[] = [16, 24, 32];

/** Base64 that gives back the same text: what an agent could not read it would still write into its keyring. */
export function isGossipKey(text: string): boolean {
  const bytes = Buffer.from(text, "base64");
  return KEY_BYTES.includes(bytes.length) && bytes.toString("base64") === text;
}

export const GossipKey = z
  .string()
  .refine((text) => text === PLACEHOLDER || isGossipKey(text), "a key of 16, 24 or 32 bytes in base64");

const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
/** Tokens that were made elsewhere are taken if they are UUIDs. */
export const Token = z
  .string()
  .refine(
    (text) => text === PLACEHOLDER || UUID.test(text),
    "a token is a UUID, as `gen:NAME?enc=uuid` makes one",
  );

/** The parts of an agent that can be open: among agents to the LAN, all others to nobody where it is not said. */
export const exposed = <const T extends string>(...parts: readonly T[]) =>
  z.strictObject({
    cluster: z.enum(EXPOSURES).default("lan"),
    ...(Object.fromEntries(parts.map((part) => [part, z.enum(EXPOSURES).default("none")])) as Record<
      T,
      z.ZodDefault<z.ZodEnum<{ [E in (typeof EXPOSURES)[number]]: E }>>
    >),
    from: z
      .array(z.union([z.cidrv4(), z.cidrv6(), Address]))
      .max(200)
      .optional(),
  });

/** A part of the parameters that is there with all that it says by itself. */
export const all = <T extends z.ZodObject>(schema: T) => schema.prefault({} as z.input<T>);
