/** A cold stop ends units by their stage: those of the kits have one, in an order in which nobody loses what it stands on. */
import { expect, test } from "vitest";

import { compileCatalog } from "../catalog/compile.ts";
import type { Declaration } from "../declaration.ts";
import { cephKit } from "./ceph.ts";
import { consulKit } from "./consul.ts";
import { nomadKit } from "./nomad.ts";
import { vaultKit } from "./vault.ts";

const unitsOf = (declarations: readonly Declaration[]) =>
  compileCatalog(declarations).catalog.entries.flatMap(({ id, state, stage }) =>
    state === "service.running" ? [`${stage}: ${id}`] : [],
  );

test("the daemons of Consul, Vault and Nomad are of their stages", () => {
  const server = {
    storage: { type: "file", path: "/opt/vault/data" },
    listeners: [{ address: "127.0.0.1:8200" }],
    apiAddr: "http://127.0.0.1:8200",
  } as const;
  expect(unitsOf(consulKit({ node: "a", agent: { mode: "client", retryJoin: ["10.0.0.11"] } }))).toEqual([
    "consul: service.running(consul.service)",
  ]);
  expect(unitsOf(vaultKit({ name: "a", server: { ...server, listeners: [...server.listeners] } }))).toEqual([
    "vault: service.running(vault.service)",
  ]);
  expect(unitsOf(nomadKit({ node: "a", agent: { mode: "client", servers: ["10.0.0.11"] } }))).toEqual([
    "nomad: service.running(nomad.service)",
  ]);
});

test("those of Ceph come up from monitors to what serves files, with all disks of a machine as one", () => {
  const kit = cephKit({
    cluster: {
      fsid: "3d8c1f52-7a40-4c1e-9a53-6b0f4f0c2a19",
      publicNetworks: ["10.0.0.0/24"],
      mons: [{ name: "a", address: "10.0.0.11" }],
      osds: 1,
      forms: false,
    },
    name: "a",
    mgr: true,
    mds: true,
    labOsds: [{ name: "0", bytes: 2 ** 32 }],
  });
  expect(unitsOf(kit)).toEqual([
    "storage: service.running(ceph-mon@a)",
    "storage: service.running(ceph-mgr@a)",
    "storage: service.running(ceph-osd.target)",
    "storage: service.running(ceph-mds@a)",
  ]);
});
