/** The parameters of `consul.settings` as Consul writes them: what is taken up on a reload. */
import { z } from "zod";

import { type Settings, without } from "../daemon/settings.ts";
import { Path } from "../file/parameters.ts";
import { access, Address, GossipKey, NodeName, Token, Words } from "./parameters.ts";

const Ttl = z.string().regex(/^\d{1,6}(ms|s|m|h)$/, "a duration of Consul, such as `10s`");

const Tls = z.strictObject({
  caFile: Path,
  certFile: Path.optional(),
  keyFile: Path.optional(),
  verifyIncoming: z.boolean().default(true),
  verifyOutgoing: z.boolean().default(true),
  /** Only a certificate for `server.DATACENTER.consul` is taken for a server's: without it every node could be one. */
  verifyServerHostname: z.boolean().default(true),
});

const Tokens = z.strictObject({
  /** For what the agent does by itself: it writes its node, and reads services. */
  agent: Token.optional(),
  /** For requests that bring none. */
  default: Token.optional(),
  /** Opens this agent's own API, also while there is no leader who could check a token. */
  agentRecovery: Token.optional(),
  dns: Token.optional(),
  replication: Token.optional(),
  configFileRegistration: Token.optional(),
});

export const SettingsParams = z
  .strictObject({
    node: NodeName.describe("What this machine is called in the cluster."),
    gossipKey: GossipKey.optional().describe(
      "What agents encrypt their gossip with: a seed, read when the agent starts for the first time; `consul.gossip-key` exchanges it.",
    ),
    logLevel: z
      .enum(["trace", "debug", "info", "warn", "error"])
      .default("info")
      .describe("How much the agent says."),
    nodeMeta: Words.default({}).describe(
      "What is known of the machine, such as `{ env }`, by which it can be found.",
    ),
    tls: Tls.optional().describe("Files with certificates; declare and watch them."),
    tokens: Tokens.optional().describe("The agent's own tokens."),
    recursors: z.array(Address).max(10).default([]).describe("Servers that are asked for all other names."),
    dns: z
      .strictObject({
        nodeTtl: Ttl.optional(),
        serviceTtl: Ttl.optional(),
        onlyPassing: z.boolean().default(true),
      })
      .prefault({})
      .describe("How names are answered."),
    connectionsPerClientMax: z
      .int()
      .min(10)
      .max(100_000)
      .default(200)
      .describe("How many connections one address may hold to the API."),
    api: access.api,
    ca: access.ca,
  })
  .refine(
    ({ tls }) => tls === undefined || (tls.certFile === undefined) === (tls.keyFile === undefined),
    "`certFile` and `keyFile` go together",
  );
export type LiveSettings = z.output<typeof SettingsParams>;

export function liveOf({ tls, ...want }: LiveSettings): Settings {
  return without({
    log_level: want.logLevel,
    node_meta: want.nodeMeta,
    recursors: want.recursors.length > 0 ? want.recursors : undefined,
    dns_config: {
      node_ttl: want.dns.nodeTtl,
      service_ttl: want.dns.serviceTtl && { "*": want.dns.serviceTtl },
      only_passing: want.dns.onlyPassing,
    },
    limits: { http_max_conns_per_client: want.connectionsPerClientMax },
    tls: tls && {
      defaults: {
        ca_file: tls.caFile,
        cert_file: tls.certFile,
        key_file: tls.keyFile,
        verify_incoming: tls.verifyIncoming,
        verify_outgoing: tls.verifyOutgoing,
      },
      internal_rpc: { verify_server_hostname: tls.verifyServerHostname },
    },
  });
}

export const liveSecretsOf = ({ gossipKey, tokens }: LiveSettings): Settings =>
  without({
    encrypt: gossipKey,
    acl: {
      tokens: {
        agent: tokens?.agent,
        default: tokens?.default,
        agent_recovery: tokens?.agentRecovery,
        dns: tokens?.dns,
        replication: tokens?.replication,
        config_file_service_registration: tokens?.configFileRegistration,
      },
    },
  });
