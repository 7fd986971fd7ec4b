// Nomad: servers where the role says so, and clients that jobs find by their environment.
import { file, nomad, nomadKit, read, tree } from "@boma/states";

import Pillar from "../pillar/schema.ts";
import { assignedWord, hasRole, lanAddress, made, tokenOf } from "./cluster.ts";

const CA = "/etc/nomad-vault-ca.pem";

export default tree(Pillar, ({ assigned, node, pillar }) => {
  const { options } = pillar.nomad;
  const servers = Object.values(pillar.servers);
  const isServer = hasRole(assigned, "nomad-server");
  const management = tokenOf(pillar, "nomad/management");
  const ca = file.managed(CA, { contents: read("files/ca.pem"), mode: "0644" });
  const kit = nomadKit({
    node: node.id,
    require: ["apt.repo(hashicorp)", ca],
    agent: {
      datacenter: pillar.cluster,
      bind: lanAddress(pillar),
      servers,
      acl: true,
      operatorToken: management,
      vault: {
        address: `https://${pillar.servers[pillar.vault.server]}:8200`,
        caFile: CA,
      },
      ...(isServer
        ? {
            mode: "server",
            bootstrapExpect: servers.length,
            gossipKey: made(pillar, "nomad/gossip", "len=32"),
          }
        : {
            mode: "client",
            meta: { env: assignedWord(assigned, "env"), profile: assignedWord(assigned, "profile") },
            hostVolumes: { data: { path: "/srv/data", mode: "0750" } },
            plugins: { rawExec: true },
            reserved: { memoryMb: 1024, ports: "22" },
            options,
          }),
    },
    gate: { token: management, within: "3m", ...(isServer && { servers: servers.length }) },
  });
  if (node.id !== Object.keys(pillar.servers)[0]) return [ca, kit];
  return [ca, kit, nomad.aclBootstrap("global", { token: management, require: kit.at(-1)! })];
});
