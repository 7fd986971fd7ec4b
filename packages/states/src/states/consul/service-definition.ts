/** A service as the agent's file says it. */
import { z } from "zod";

import { EXPOSURES, PortNumber } from "../../catalog/needs.ts";
import { type Settings, without } from "../daemon/settings.ts";
import { access, Address, Token, Words } from "./parameters.ts";

const Duration = z.string().regex(/^\d{1,6}(ms|s|m|h)$/, "a duration of Consul, such as `10s`");
const Name = z
  .string()
  .regex(/^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/, "small letters, digits and `-`: DNS answers for it");

/** There is none that runs a script: whoever writes a service would run programs as the agent. */
const Check = z
  .strictObject({
    name: z.string().min(1).max(128).optional(),
    http: z.url({ protocol: /^https?$/ }).optional(),
    tcp: z
      .string()
      .regex(/^[^\s:]+:\d{1,5}$/, "HOST:PORT")
      .optional(),
    grpc: z
      .string()
      .regex(/^[^\s:]+:\d{1,5}(\/\S*)?$/, "HOST:PORT/SERVICE")
      .optional(),
    /** The service says by itself that it is well, at least so often. */
    ttl: Duration.optional(),
    interval: Duration.default("10s"),
    timeout: Duration.default("5s"),
    method: z.enum(["GET", "HEAD", "POST"]).optional(),
    tlsSkipVerify: z.boolean().default(false),
    /** How many in a row make it well, and ill. */
    successBeforePassing: z.int().min(0).max(100).default(0),
    failuresBeforeCritical: z.int().min(0).max(100).default(0),
    deregisterCriticalServiceAfter: Duration.optional(),
  })
  .refine(
    ({ http, tcp, grpc, ttl }) => [http, tcp, grpc, ttl].filter((kind) => kind !== undefined).length === 1,
    "one of `http`, `tcp`, `grpc` and `ttl`",
  );

export const ServiceParams = z.strictObject({
  id: Name.describe("The service on this machine, and what others ask for unless `name` says it."),
  name: Name.optional().describe("What others ask for."),
  port: PortNumber.describe("The port that it answers on."),
  address: Address.optional().describe("Its address, where it is not the agent's."),
  tags: z
    .array(z.string().regex(/^[A-Za-z0-9_.:/=-]{1,128}$/))
    .max(64)
    .default([])
    .describe("Tags to find it by."),
  meta: Words.default({}).describe("What is known of it: `{ owner, env, version }`."),
  checks: z.array(Check).max(16).default([]).describe("How the agent finds out whether it is well."),
  exposure: z.enum(EXPOSURES).default("none").describe("Whom its port is open to, for the firewall."),
  proto: z.enum(["tcp", "udp"]).default("tcp").describe("The protocol of its port, for the firewall."),
  sidecar: z.boolean().default(false).describe("Whether a proxy of the service mesh stands beside it."),
  serviceToken: Token.optional().describe("The token with which it is registered; else the agent's own."),
  api: access.api,
  ca: access.ca,
  token: access.token,
});
export type Service = z.output<typeof ServiceParams>;

export const nameOf = ({ id, name }: Service): string => name ?? id;

export function definitionOf(want: Service): Settings {
  const { id, port, address, tags, meta, checks, sidecar, serviceToken } = want;
  return {
    service: without({
      id,
      name: nameOf(want),
      port,
      address,
      tags,
      meta,
      checks: checks.length > 0 ? checks.map((check, index) => checkOf(id, check, index)) : undefined,
      token: serviceToken,
      // An empty one is all that Consul asks for; a list keeps `without` from taking it away.
      ...(sidecar && { connect: { sidecar_service: { tags: [] } } }),
    }),
  };
}

const checkOf = (service: string, check: z.output<typeof Check>, index: number): Settings =>
  without({
    id: `${service}-${index + 1}`,
    name: check.name ?? `${service} ${index + 1}`,
    http: check.http,
    method: check.method,
    tcp: check.tcp,
    grpc: check.grpc,
    ttl: check.ttl,
    ...(check.ttl === undefined && {
      interval: check.interval,
      timeout: check.timeout,
      tls_skip_verify: check.tlsSkipVerify,
      success_before_passing: check.successBeforePassing,
      failures_before_critical: check.failuresBeforeCritical,
    }),
    deregister_critical_service_after: check.deregisterCriticalServiceAfter,
  });

/** What the agent says of a service that it knows. */
export interface Registered {
  readonly Service: string;
  readonly Port: number;
  readonly Tags?: readonly string[] | null;
  readonly Meta?: Readonly<Record<string, string>> | null;
}
