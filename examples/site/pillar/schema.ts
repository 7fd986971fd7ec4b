// What the pillar of every node must look like. A name that is not here is a slip of the pen, and an error with its place.
import { z } from "zod";

const Address = z.union([z.ipv4(), z.cidrv4()]);
const Disk = z.strictObject({
  device: z.string(),
  expect: z.strictObject({ serial: z.string(), bytes: z.int() }),
});
const Vault = z.strictObject({
  /** On which of the servers it is. */
  server: z.string(),
  storage: z.enum(["file", "consul"]),
  /** Of the certificate in files/vault.pem. */
  privateKey: z.string(),
  /** With which it is configured, once people have opened it for the first time. */
  token: z.string().optional(),
});
const Ceph = z.strictObject({
  fsid: z.uuid(),
  /** How many copies there are of everything. */
  size: z.int().min(1),
  /** `true` until the cluster stands: then no monitor that lost its disk begins another one. */
  forms: z.boolean(),
  conf: z
    .record(z.string(), z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])))
    .default({}),
  nodes: z.record(
    z.string(),
    z.strictObject({
      address: z.ipv4(),
      osds: z.array(Disk).default([]),
      /** Files in the place of disks, for trying it out. */
      labOsds: z.array(z.strictObject({ name: z.string(), bytes: z.int() })).default([]),
    }),
  ),
  mount: z.string(),
  via: z.enum(["kernel", "fuse"]).default("kernel"),
});

const Pillar = z.strictObject({
  /** What Consul and Nomad call their datacenter; its secrets are its own. Nodes of several environments may be in one. */
  cluster: z.string(),
  admin: z.strictObject({
    name: z.string(),
    key: z.string(),
    from: z.array(Address).min(1),
    mustFrom: z.ipv4(),
  }),
  archive: z.strictObject({
    uri: z.url(),
    suite: z.string(),
    fingerprints: z.array(z.string()).min(1),
  }),
  /** When a node may restart what is protected; `boma-master maintain` does it. */
  maintenance: z.strictObject({
    from: z.string(),
    days: z.array(z.enum(["mon", "tue", "wed", "thu", "fri", "sat", "sun"])).min(1),
    duration: z.string(),
    zone: z.string(),
  }),
  time: z.strictObject({
    pools: z.array(z.string()).default([]),
    /** For a gateway that reaches nobody: the stratum of its own clock. */
    localStratum: z.int().optional(),
    setClock: z.boolean().default(true),
  }),
  lan: z.strictObject({ network: z.cidrv4() }),
  /** By name, the addresses of the machines with the servers of Consul and Nomad. */
  servers: z.record(z.string(), z.ipv4()),
  gateway: z
    .strictObject({
      wan: z.string(),
      lan: z.string(),
      address: z.cidrv4(),
      replaces: z.array(z.string()).default([]),
    })
    .optional(),
  dhcp: z
    .strictObject({
      first: z.ipv4(),
      last: z.ipv4(),
      upstreams: z.array(z.ipv4()),
      hosts: z.array(z.strictObject({ mac: z.string(), ip: z.ipv4(), name: z.string() })).default([]),
    })
    .optional(),
  vault: Vault,
  ceph: Ceph.optional(),
  nomad: z.strictObject({ options: z.record(z.string(), z.string()).default({}) }).prefault({}),
  /** The job that shows where jobs of an environment run. */
  canary: z.strictObject({ env: z.string() }),
});
export type PillarData = z.output<typeof Pillar>;

export default Pillar;
