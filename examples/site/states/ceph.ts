// Ceph on bare metal, where the pillar says that there is one: a monitor, a manager and disks on each of its nodes.
import { cephKit, tree } from "@boma/states";

import Pillar from "../pillar/schema.ts";
import { made } from "./cluster.ts";

const FILESYSTEM = "shared";

export default tree(Pillar, ({ node, pillar }) => {
  const { ceph, lan } = pillar;
  const own = ceph?.nodes[node.id];
  if (!ceph || !own) return [];
  const { fsid, forms, size, conf, nodes, mount, via } = ceph;
  const all = Object.entries(nodes);
  return cephKit({
    name: node.id,
    cluster: {
      fsid,
      forms,
      conf,
      publicNetworks: [lan.network],
      mons: all.map(([name, { address }]) => ({ name, address })),
      osds: all.flatMap(([, { osds, labOsds }]) => [...osds, ...labOsds]).length,
      filesystems: [{ name: FILESYSTEM, size }],
      keyOf: (name) => made(pillar, `ceph/${name}`, "enc=ceph"),
    },
    mgr: true,
    mds: true,
    osds: own.osds,
    labOsds: own.labOsds,
    mounts: [{ path: mount, filesystem: FILESYSTEM, via }],
    within: "6m",
  });
});
