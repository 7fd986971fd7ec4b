/** The parameters of `nomad.agent` as Nomad writes them. */
import { z } from "zod";

import type { PortNeed } from "../../catalog/needs.ts";
import { all, Bind, exposed, isAny, isLoopback, Peer, Port, Words } from "../daemon/agent-parameters.ts";
import { type Settings, without } from "../daemon/settings.ts";
import { Path } from "../file/parameters.ts";
import { HostVolumes } from "./host-volumes.ts";
import { DATA_DIRECTORY, GossipKey, Name, NodeName, Token } from "./parameters.ts";

const Ttl = z.string().regex(/^\d{1,6}(ms|s|m|h)$/, "a duration of Nomad, such as `1h`");
const Url = z.url({ protocol: /^https?$/ });

const Identity = z.strictObject({
  aud: z.array(z.string().min(1)).min(1).default(["vault.io"]),
  ttl: Ttl.default("1h"),
  env: z.boolean().optional(),
  file: z.boolean().optional(),
});

/** Jobs prove who they are with identities that Nomad signs: it has no token of Vault's. */
const Vault = z.strictObject({
  address: Url.default("http://127.0.0.1:8200"),
  jwtPath: z
    .string()
    .regex(/^[A-Za-z0-9_/-]{1,128}$/, "a path of Vault")
    .default("jwt-nomad"),
  role: Name.optional(),
  caFile: Path.optional(),
  namespace: z.string().max(128).optional(),
  identity: Identity.prefault({}),
});

const Consul = z.strictObject({
  address: z.string().min(1).max(255).default("127.0.0.1:8500"),
  services: Identity.extend({ aud: z.array(z.string().min(1)).min(1).default(["consul.io"]) }).optional(),
  tasks: Identity.extend({ aud: z.array(z.string().min(1)).min(1).default(["consul.io"]) }).optional(),
});

const Plugins = z.strictObject({
  docker: z
    .strictObject({
      allowPrivileged: z.boolean().default(false),
      volumes: z.boolean().default(false),
      allowCaps: z
        .array(z.string().regex(/^[a-z_]{1,40}$/))
        .max(50)
        .optional(),
    })
    .optional(),
  /** Programs of the machine as root, without any wall around them. */
  rawExec: z.boolean().default(false),
});

/** What is not for jobs: all else on this machine. */
const Reserved = z.strictObject({
  cpuMhz: z.int().min(0).optional(),
  memoryMb: z.int().min(0).optional(),
  diskMb: z.int().min(0).optional(),
  ports: z
    .string()
    .regex(/^[\d,-]{1,500}$/, "ports such as `22,8000-8100`")
    .optional(),
});

const Ports = z.strictObject({
  http: Port.default(4646),
  rpc: Port.default(4647),
  serf: Port.default(4648),
});

export const AgentParams = z
  .strictObject({
    node: NodeName.describe("What this machine is called in the cluster."),
    mode: z
      .enum(["server", "client", "both"])
      .describe("Servers keep the state and place jobs; clients run them."),
    region: Name.default("global").describe("The region: its servers share one state."),
    datacenter: Name.default("dc1").describe("The datacenter; jobs choose by it."),
    dataDir: Path.default(DATA_DIRECTORY).describe("Where the agent keeps its state."),
    bind: Bind.optional().describe("The address for the cluster; needed where the machine has several."),
    apiAddress: Bind.default("127.0.0.1").describe("Where the API is offered; elsewhere only with `acl`."),
    ports: all(Ports).describe("The ports."),
    bootstrapExpect: z
      .int()
      .min(1)
      .max(15)
      .optional()
      .describe("For servers: how many must have met before they choose a first leader."),
    servers: z
      .array(Peer)
      .max(50)
      .default([])
      .describe("The servers: what servers join, and clients speak to."),
    nodePool: Name.optional().describe("For clients: the pool of nodes that it is in."),
    nodeClass: Name.optional().describe("For clients: its class, by which jobs can choose."),
    meta: Words.default({}).describe(
      "For clients: what is known of the machine, such as `{ env }`; jobs choose by `${meta.env}`.",
    ),
    hostVolumes: HostVolumes,
    plugins: all(Plugins).describe("How jobs are run."),
    cniPath: Path.optional().describe(
      "Where the plugins for networks of jobs are; Debian's are in /usr/lib/cni.",
    ),
    reserved: all(Reserved).describe("What is kept back from jobs for all else on the machine."),
    options: Words.default({}).describe("Options of the client, such as `fingerprint.denylist`."),
    acl: z.boolean().default(false).describe("Whether who asks needs a token; see `nomad.acl-bootstrap`."),
    vault: Vault.optional().describe("Jobs get secrets from this Vault, each with an identity of its own."),
    consul: Consul.optional().describe("Jobs register their services with this Consul."),
    gossipKey: GossipKey.optional().describe(
      "For servers: what they encrypt their gossip with; a seed, read when a server starts for the first time.",
    ),
    operatorToken: Token.optional().describe(
      "Kept for the root of this node: with it functions such as `nomad.drain` ask the API.",
    ),
    exposure: all(exposed("api")).describe("Whom its ports are open to, for the firewall."),
  })
  .superRefine((want, context) => {
    const refuse = (message: string): void => context.addIssue({ code: "custom", message });
    const { mode, bootstrapExpect, servers, gossipKey, apiAddress, acl } = want;
    if (mode === "client" && (bootstrapExpect !== undefined || gossipKey !== undefined))
      refuse("`bootstrapExpect` and `gossipKey` are for servers");
    if (mode === "client" && servers.length === 0) refuse("a client needs its servers: `servers`");
    if (mode !== "client" && bootstrapExpect === undefined)
      refuse("a server needs `bootstrapExpect`, or no cluster ever begins");
    if (mode === "server" && (Object.keys(want.meta).length > 0 || Object.keys(want.hostVolumes).length > 0))
      refuse("`meta` and `hostVolumes` are for clients: a server alone runs no jobs");
    if (!isLoopback(apiAddress) && !acl)
      refuse("without `acl` everybody who reaches the API runs programs as root: it stays on 127.0.0.1");
  });
export type Agent = z.output<typeof AgentParams>;

const identityOf = (identity: z.output<typeof Identity> | undefined) => identity && { ...identity };

export function settingsOf(want: Agent): Settings {
  const { mode, bind, ports, vault, consul, acl, servers } = want;
  return without({
    name: want.node,
    region: want.region,
    datacenter: want.datacenter,
    data_dir: want.dataDir,
    bind_addr: bind,
    addresses: { http: want.apiAddress },
    // Nomad does not start where it would have to tell others of an address that is theirs too, or of none.
    advertise:
      isLoopback(want.apiAddress) || isAny(want.apiAddress)
        ? { http: bind ?? "{{ GetPrivateIP }}" }
        : undefined,
    ports: { ...ports },
    // A restart is no farewell: jobs go on, and those who vote stay as many as they are.
    leave_on_interrupt: false,
    leave_on_terminate: false,
    disable_update_check: true,
    server:
      mode === "client"
        ? undefined
        : {
            enabled: true,
            bootstrap_expect: want.bootstrapExpect,
            server_join: servers.length > 0 ? { retry_join: servers } : undefined,
          },
    client: mode === "server" ? undefined : clientOf(want),
    plugin: mode === "server" ? undefined : pluginsOf(want),
    acl: { enabled: acl },
    vault: vault && {
      enabled: true,
      address: vault.address,
      jwt_auth_backend_path: vault.jwtPath,
      create_from_role: vault.role,
      ca_file: vault.caFile,
      namespace: vault.namespace,
      default_identity: mode === "client" ? undefined : identityOf(vault.identity),
    },
    consul: consul && {
      address: consul.address,
      service_identity: identityOf(consul.services),
      task_identity: identityOf(consul.tasks),
    },
  });
}

function clientOf(want: Agent): object {
  const { reserved, hostVolumes, servers } = want;
  return {
    enabled: true,
    // The state of what runs outlives the agent; to drain is a decision of its own.
    servers: servers.length > 0 ? servers : undefined,
    node_pool: want.nodePool,
    node_class: want.nodeClass,
    meta: want.meta,
    options: want.options,
    cni_path: want.cniPath,
    host_volume: Object.fromEntries(
      Object.entries(hostVolumes).map(([name, { path, readOnly }]) => [name, { path, read_only: readOnly }]),
    ),
    reserved: {
      cpu: reserved.cpuMhz,
      memory: reserved.memoryMb,
      disk: reserved.diskMb,
      reserved_ports: reserved.ports,
    },
  };
}

function pluginsOf({ plugins: { docker, rawExec } }: Agent): object {
  return {
    raw_exec: { config: { enabled: rawExec } },
    docker: docker && {
      config: {
        allow_privileged: docker.allowPrivileged,
        volumes: { enabled: docker.volumes },
        allow_caps: docker.allowCaps,
      },
    },
  };
}

/** What nobody but Nomad may read; the file is there in any case, for the agent is told its name. */
export const secretsOf = ({ gossipKey }: Agent): Settings => without({ server: { encrypt: gossipKey } });

export function needsOf({ mode, ports, exposure: { cluster, api, from } }: Agent): readonly PortNeed[] {
  const need = (name: string, proto: "tcp" | "udp", port: number, exposure: PortNeed["exposure"]) => ({
    name,
    proto,
    port,
    exposure,
    ...(from && { from }),
  });
  const ofServer = [
    need("nomad-rpc", "tcp", ports.rpc, cluster),
    need("nomad-serf", "tcp", ports.serf, cluster),
    need("nomad-serf", "udp", ports.serf, cluster),
  ];
  return [need("nomad-http", "tcp", ports.http, api), ...(mode === "client" ? [] : ofServer)];
}
