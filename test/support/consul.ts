/** A cluster of Consul for tests: the site that its hosts are declared by, with what the tests turn, and its certificates. */
import { Authority } from "./cluster-certificates.ts";
import type { Host } from "./host.ts";
import type { InfraRepo } from "./infra/repo.ts";

export const SERVERS = ["c1", "c2", "c3"];
export const CLIENT = "web1";
const TLS = "/etc/consul-tls";
export const NAMES = [...SERVERS, CLIENT];
/** What the tests turn. */
export interface Knobs {
  readonly policy: "allow" | "deny";
  /** The name of the gossip key; another name is another key. */
  readonly gossip: string;
  readonly bind?: Readonly<Record<string, string>>;
  readonly ownGossip?: Readonly<Record<string, string>>;
  readonly within?: string;
  /** From the beginning with certificates, and a first token that the servers are given. */
  readonly strict?: boolean;
}

export const siteOf = (
  repo: InfraRepo,
  addresses: Readonly<Record<string, string>>,
  knobs: Knobs,
): string => `
import { apt, consul, consulKit, secret, top, tree } from "@boma/states";
const addresses = ${JSON.stringify(addresses)};
const knobs = ${JSON.stringify(knobs)};
const servers = ${JSON.stringify(SERVERS)};
const management = secret("gen:consul/management?enc=uuid");
const agentToken = (name) => secret("gen:consul/agent/" + name + "?enc=uuid");
const base = tree(({ node: { id } }) => {
  const isServer = servers.includes(id);
  const archive = apt.repo("infra", {
    uris: [${JSON.stringify(repo.uri)}],
    suites: [${JSON.stringify(repo.suite)}],
    components: [${JSON.stringify(repo.component)}],
    key: ${JSON.stringify(repo.key)},
    fingerprints: [${JSON.stringify(repo.fingerprint)}],
  });
  const kit = consulKit({
    node: id,
    require: archive,
    agent: {
      mode: isServer ? "server" : "client",
      ...(isServer && { bootstrapExpect: servers.length }),
      bind: knobs.bind?.[id] ?? addresses[id],
      retryJoin: servers.map((name) => addresses[name]),
      acl: { defaultPolicy: knobs.policy },
      ...(isServer && knobs.strict && { initialManagement: management }),
    },
    settings: {
      gossipKey: secret("gen:consul/gossip/" + (knobs.ownGossip?.[id] ?? knobs.gossip)),
      nodeMeta: { env: "test" },
      ...(knobs.strict && { tls: { caFile: "${TLS}/ca.pem", certFile: "${TLS}/agent.pem", keyFile: "${TLS}/agent-key.pem" } }),
      tokens: {
        agent: agentToken(id),
        agentRecovery: secret("gen:consul/recovery?enc=uuid&per=node"),
      },
    },
    gate: { ...(isServer && { servers: 3 }), token: agentToken(id), within: knobs.within ?? "90s" },
  });
  const ready = kit.at(-1);
  // What is the cluster's is declared on one server; whoever waits for it tries again.
  const patient = { attempts: 45, interval: "2s" };
  const at = { token: management, require: ready };
  const first = consul.aclBootstrap("dc1", { token: management, require: ready });
  const agents = consul.aclPolicy("agents", {
    ...at,
    require: first,
    rules: {
      agent_prefix: { "": { policy: "write" } },
      node_prefix: { "": { policy: "write" } },
      service_prefix: { "": { policy: "write" } },
      operator: "read",
    },
  });
  const ofCluster = [
    first,
    agents,
    ...Object.keys(addresses).map((name) =>
      consul.aclToken("agent/" + name, { ...at, require: agents, secret: agentToken(name), policies: ["agents"] })),
    consul.gossipKey("dc1", { ...at, require: first, key: secret("gen:consul/gossip/" + knobs.gossip), retire: true }),
    consul.kv("apps/mode", { ...at, require: first, value: "fast" }),
    consul.configEntry("service-intentions/web", {
      ...at,
      require: first,
      settings: { Sources: [{ Name: "shop", Action: "allow" }] },
    }),
  ];
  const web = consul.service("web", {
    ...at,
    retry: patient,
    port: 8500,
    tags: ["v2"],
    checks: [{ http: "http://127.0.0.1:8500/v1/status/leader", interval: "1s" }],
    serviceToken: management,
  });
  return [archive, kit, id === "c1" && ofCluster, id === "${CLIENT}" && web];
});
export default top({ "*": [base] });
`;

/** One authority, and for every host a certificate that says whether it is a server. */
export async function certificates(name: string, hosts: readonly Host[]): Promise<void> {
  await using authority = await Authority.open(name);
  for (const host of hosts) {
    const as = SERVERS.includes(host.name) ? "server.dc1.consul" : "client.dc1.consul";
    await authority.give(host, { name: as, directory: TLS, group: "consul" });
  }
}
