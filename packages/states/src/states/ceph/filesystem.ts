import { BomaError } from "@boma/protocol";
import { z } from "zod";

import { diff } from "../../changes.ts";
import { defineState } from "../../define-state.ts";
import { ask, heard, tell } from "./ask.ts";
import { cluster, json, words } from "./example-cluster.ts";
import { PoolName } from "./parameters.ts";
import { Filesystems, FsDump } from "./reports.ts";

const params = z.strictObject({
  name: PoolName.describe("Its name."),
  metadataPool: PoolName.describe("The pool for names and directories; it stays what it was at first."),
  dataPools: z
    .array(PoolName)
    .min(1)
    .max(50)
    .describe("The pools for contents. The first is the usual one; none is taken away again."),
  maxMds: z.int().min(1).max(100).default(1).describe("How many metadata servers share the work."),
});

interface Properties {
  metadataPool: string;
  dataPools: readonly string[];
  maxMds: number;
}

export default defineState({
  name: "ceph.filesystem",
  summary: "A CephFS on its pools. It is never deleted.",
  key: "name",
  params,
  stage: "storage",
  claims: ({ name }) => [`ceph:fs/${name}`],
  after: ({ metadataPool, dataPools }) => [metadataPool, ...dataPools].map((pool) => `ceph:pool/${pool}`),

  async check({ name, ...want }, { commands }) {
    const listed = await ask(commands, "fs ls", Filesystems);
    const now = "said" in listed ? listed.said.find((one) => one.name === name) : undefined;
    if (!now) return diff<Properties>(undefined, want);
    if (now.metadata_pool !== want.metadataPool || now.data_pools[0] !== want.dataPools[0])
      throw otherPools(name, now);
    const dump = heard(await ask(commands, "fs dump", FsDump));
    const map = dump.filesystems.find(({ mdsmap }) => mdsmap.fs_name === name)?.mdsmap;
    const all = want.dataPools.every((pool) => now.data_pools.includes(pool));
    const is = {
      metadataPool: now.metadata_pool,
      dataPools: all ? want.dataPools : now.data_pools,
      maxMds: map?.max_mds,
    };
    return diff<Properties>(is, want);
  },

  async apply({ metadataPool, dataPools, maxMds }, want, { commands }) {
    const { name } = want;
    // The cluster refuses pools that hold something, or belong to another one; it is never told to take them anyway.
    if (metadataPool) await tell(commands, `fs new ${name} ${want.metadataPool} ${want.dataPools[0]}`);
    const has = dataPools?.from ?? (dataPools ? want.dataPools.slice(0, 1) : want.dataPools);
    for (const pool of want.dataPools.filter((one) => !has.includes(one)))
      await tell(commands, `fs add_data_pool ${name} ${pool}`);
    if (maxMds) await tell(commands, `fs set ${name} max_mds ${maxMds.to}`);
  },

  examples: [
    {
      title: "on two pools",
      key: "cephfs",
      params: { metadataPool: "cephfs.meta", dataPools: ["cephfs.data"] },
      given: { commands: exampleFs() },
    },
  ],
});

const otherPools = (name: string, now: z.output<typeof Filesystems>[number]): BomaError =>
  new BomaError(
    "state/blocked",
    `${name} is on ${now.metadata_pool} and ${now.data_pools[0]}, which never change`,
    { hint: "Name these pools, or make another filesystem." },
  );

function exampleFs() {
  const listed = [{ name: "cephfs", metadata_pool: "cephfs.meta", data_pools: ["cephfs.data"] }];
  const mdsmap = { fs_name: "cephfs", max_mds: 1, info: {} };
  return cluster({
    "fs ls": json([]),
    "fs dump": json({ standbys: [], filesystems: [] }),
    "fs new cephfs cephfs.meta cephfs.data": {
      teaches: {
        [words("fs ls")]: json(listed),
        [words("fs dump")]: json({ standbys: [], filesystems: [{ mdsmap }] }),
      },
    },
    "fs set cephfs max_mds 1": {},
  });
}
