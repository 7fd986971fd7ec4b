// Every machine: who gets in, what time it is, where packages come from, and what no upgrade restarts.
import {
  adminKit,
  chronyKit,
  fail2banKit,
  hashicorpKit,
  maintenance,
  pkg,
  read,
  sshKit,
  tree,
} from "@boma/states";

import Pillar from "../pillar/schema.ts";
import { hasRole } from "./cluster.ts";

export default tree(Pillar, ({ assigned, pillar }) => {
  const { admin, archive, lan, servers, time } = pillar;
  const { localStratum, setClock } = time;
  // Machines behind the gateway have their time from it.
  const clock = hasRole(assigned, "gateway")
    ? { pools: time.pools, allow: [lan.network], ...(localStratum !== undefined && { localStratum }) }
    : { servers: Object.values(servers) };
  return [
    adminKit({ name: admin.name, keys: [admin.key], exclusiveKeys: true }),
    sshKit({
      must: [{ user: admin.name, from: admin.mustFrom, key: admin.key }],
      allowUsers: [admin.name],
      from: admin.from,
      exposure: "public",
      permitRootLogin: "no",
      x11Forwarding: false,
      agentForwarding: false,
    }),
    fail2banKit({
      control: admin.from,
      jails: { sshd: { maxRetry: 5, findTime: "10m", banTime: "1h" } },
    }),
    chronyKit({ ...clock, setClock, synced: { within: "3m", offsetMs: 1000 } }),
    hashicorpKit({ ...archive, key: read("files/archive.asc") }),
    pkg.protected("node", {
      units: ["consul", "nomad", "docker", "containerd", "ceph-mon@", "ceph-mgr@", "ceph-osd@", "ceph-mds@"],
      packages: ["consul", "nomad", "docker*", "containerd*", "ceph*"],
    }),
    maintenance.window("regular", pillar.maintenance),
  ];
});
