/** The parameters of `consul.agent` as Consul writes them: what is read only at the start. */
import { z } from "zod";

import type { PortNeed } from "../../catalog/needs.ts";
import { all, Bind, exposed, isLoopback, Peer, Port } from "../daemon/agent-parameters.ts";
import { type Settings, without } from "../daemon/settings.ts";
import { Path } from "../file/parameters.ts";
import { Address, DATA_DIRECTORY, NodeName, Token } from "./parameters.ts";

const MaybePort = z.union([Port, z.literal(-1)]);

const Ports = z.strictObject({
  http: MaybePort.default(8500),
  https: MaybePort.default(-1),
  grpc: MaybePort.default(8502),
  grpcTls: MaybePort.default(-1),
  dns: MaybePort.default(8600),
  server: Port.default(8300),
  serfLan: Port.default(8301),
  /** Between datacenters; -1 where there is only one. */
  serfWan: MaybePort.default(-1),
});

const Acl = z.strictObject({
  enabled: z.boolean().default(true),
  /** What is not forbidden is allowed until agents and services have their tokens; then `deny`. */
  defaultPolicy: z.enum(["allow", "deny"]).default("deny"),
  downPolicy: z.enum(["allow", "deny", "extend-cache", "async-cache"]).default("extend-cache"),
});

export const AgentParams = z
  .strictObject({
    node: NodeName.describe("What this machine is called in the cluster."),
    mode: z.enum(["server", "client"]).describe("Servers keep the state; every other machine has a client."),
    datacenter: z
      .string()
      .regex(/^[a-z0-9][a-z0-9_-]{0,62}$/, "small letters, digits, `-` and `_`")
      .default("dc1")
      .describe("The name of the datacenter."),
    dataDir: Path.default(DATA_DIRECTORY).describe("Where the agent keeps its state."),
    bind: Bind.optional().describe("The address for the cluster; needed where the machine has several."),
    advertise: Bind.optional().describe("The address that is told to others, where it is another."),
    clientAddresses: z
      .array(Address)
      .min(1)
      .default(["127.0.0.1"])
      .describe(
        "Where the API and DNS are offered; on other addresses than those of this machine only with ACLs.",
      ),
    bootstrapExpect: z
      .int()
      .min(1)
      .max(15)
      .optional()
      .describe("For servers: how many must have met before they choose a first leader."),
    retryJoin: z
      .array(Peer)
      .max(50)
      .default([])
      .describe("Agents to be found at the start, best all servers."),
    gossip: z
      .enum(["off", "prepare", "outgoing", "enforced"])
      .default("enforced")
      .describe(
        "How far encryption among agents is turned on; a running cluster goes through all four in order.",
      ),
    connect: z.boolean().default(true).describe("The service mesh, and its certificates."),
    ui: z.boolean().default(false).describe("The pages for people, beside the API."),
    autoEncrypt: z.boolean().default(false).describe("Clients get their certificates from the servers."),
    raftMultiplier: z
      .int()
      .min(1)
      .max(10)
      .default(1)
      .describe("Patience among servers; more on slow machines."),
    ports: all(Ports).describe("The ports; -1 turns one off."),
    acl: Acl.optional().describe("Who may do what; off where it is not said."),
    initialManagement: Token.optional().describe(
      "For servers: the first token of the cluster, with all rights; `consul.acl-bootstrap` is the other way.",
    ),
    exposure: all(exposed("api", "dns")).describe("Whom its ports are open to, for the firewall."),
  })
  .superRefine(({ mode, bootstrapExpect, retryJoin, initialManagement, clientAddresses, acl }, context) => {
    const refuse = (message: string): void => context.addIssue({ code: "custom", message });
    if (mode === "client" && (bootstrapExpect !== undefined || initialManagement !== undefined))
      refuse("`bootstrapExpect` and `initialManagement` are for servers");
    if (mode === "client" && retryJoin.length === 0) refuse("a client needs somebody to join: `retryJoin`");
    if (mode === "server" && bootstrapExpect === undefined)
      refuse("a server needs `bootstrapExpect`, or no cluster ever begins");
    if (initialManagement !== undefined && !acl?.enabled) refuse("a token needs `acl`");
    if (clientAddresses.some((address) => !isLoopback(address)) && !acl?.enabled)
      refuse("without `acl` everybody who reaches the API may do everything: it stays on 127.0.0.1");
  });
export type Agent = z.output<typeof AgentParams>;

const VERIFIES = {
  off: {},
  prepare: { encrypt_verify_incoming: false, encrypt_verify_outgoing: false },
  outgoing: { encrypt_verify_incoming: false, encrypt_verify_outgoing: true },
  enforced: { encrypt_verify_incoming: true, encrypt_verify_outgoing: true },
};

export function settingsOf(want: Agent): Settings {
  const { mode, acl, ports, connect, autoEncrypt } = want;
  const isServer = mode === "server";
  return without({
    node_name: want.node,
    datacenter: want.datacenter,
    data_dir: want.dataDir,
    server: isServer,
    bootstrap_expect: want.bootstrapExpect,
    bind_addr: want.bind,
    advertise_addr: want.advertise,
    client_addr: want.clientAddresses.join(" "),
    retry_join: want.retryJoin.length > 0 ? want.retryJoin : undefined,
    ...VERIFIES[want.gossip],
    // A restart is no farewell: a server that leaves makes the circle of those who vote smaller.
    ...(isServer && { leave_on_terminate: false, skip_leave_on_interrupt: true }),
    disable_update_check: true,
    disable_remote_exec: true,
    enable_script_checks: false,
    ports: {
      http: ports.http,
      https: ports.https,
      grpc: ports.grpc,
      grpc_tls: ports.grpcTls,
      dns: ports.dns,
      server: ports.server,
      serf_lan: ports.serfLan,
      serf_wan: ports.serfWan,
    },
    connect: { enabled: connect },
    ui_config: { enabled: want.ui },
    auto_encrypt: autoEncrypt ? (isServer ? { allow_tls: true } : { tls: true }) : undefined,
    performance: isServer ? { raft_multiplier: want.raftMultiplier } : undefined,
    acl: acl && {
      enabled: acl.enabled,
      default_policy: acl.defaultPolicy,
      down_policy: acl.downPolicy,
      enable_token_persistence: true,
    },
  });
}

/** What nobody but Consul may read. */
export const secretsOf = ({ initialManagement }: Agent): Settings =>
  without({ acl: { tokens: { initial_management: initialManagement } } });

/** The ports that are on. Gossip goes over both protocols. */
export function needsOf({ mode, ports, exposure: { cluster, api, dns, from } }: Agent): readonly PortNeed[] {
  const both = ["tcp", "udp"] as const;
  const need = (
    name: string,
    protos: readonly ("tcp" | "udp")[],
    port: number,
    exposure: PortNeed["exposure"],
  ) => (port < 0 ? [] : protos.map((proto) => ({ name, proto, port, exposure, ...(from && { from }) })));
  return [
    ...(mode === "server" ? need("consul-server", ["tcp"], ports.server, cluster) : []),
    ...need("consul-serf-lan", both, ports.serfLan, cluster),
    ...(mode === "server" ? need("consul-serf-wan", both, ports.serfWan, cluster) : []),
    ...need("consul-http", ["tcp"], ports.http, api),
    ...need("consul-https", ["tcp"], ports.https, api),
    ...need("consul-grpc", ["tcp"], ports.grpc, api),
    ...need("consul-grpc-tls", ["tcp"], ports.grpcTls, api === "none" && mode === "server" ? cluster : api),
    ...need("consul-dns", both, ports.dns, dns),
  ];
}
