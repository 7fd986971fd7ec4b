// Consul: servers where the role says so, a client on every other machine. Nobody without a token is told anything.
import { consul, consulKit, tree } from "@boma/states";

import Pillar from "../pillar/schema.ts";
import { assignedWord, hasRole, lanAddress, made, tokenOf } from "./cluster.ts";

export default tree(Pillar, ({ assigned, node, pillar }) => {
  const servers = Object.values(pillar.servers);
  const isServer = hasRole(assigned, "consul-server");
  const [management, agent] = [tokenOf(pillar, "consul/management"), tokenOf(pillar, "consul/agent")];
  const kit = consulKit({
    node: node.id,
    require: "apt.repo(hashicorp)",
    agent: {
      mode: isServer ? "server" : "client",
      datacenter: pillar.cluster,
      bind: lanAddress(pillar),
      retryJoin: servers,
      acl: { defaultPolicy: "deny" },
      ...(isServer && { bootstrapExpect: servers.length, initialManagement: management }),
    },
    settings: {
      gossipKey: made(pillar, "consul/gossip", "len=32"),
      nodeMeta: { env: assignedWord(assigned, "env") },
      tokens: { agent, agentRecovery: tokenOf(pillar, "consul/recovery") },
    },
    gate: { token: agent, within: "3m", ...(isServer && { servers: servers.length }) },
  });
  if (node.id !== Object.keys(pillar.servers)[0]) return kit;
  // What is the cluster's, and not a machine's, is declared on one of its servers.
  const at = { token: management, require: kit.at(-1)! };
  const agents = consul.aclPolicy("agents", {
    ...at,
    rules: { node_prefix: { "": { policy: "write" } }, service_prefix: { "": { policy: "read" } } },
  });
  const vaults = consul.aclPolicy("vault", {
    ...at,
    rules: {
      key_prefix: { "vault/": { policy: "write" } },
      service: { vault: { policy: "write" } },
      agent_prefix: { "": { policy: "read" } },
      session_prefix: { "": { policy: "write" } },
    },
  });
  return [
    kit,
    agents,
    vaults,
    consul.aclToken("agent", { ...at, require: agents, secret: agent, policies: ["agents"] }),
    consul.aclToken("vault", {
      ...at,
      require: vaults,
      secret: tokenOf(pillar, "consul/vault"),
      policies: ["vault"],
    }),
  ];
});
