/**
 * Ceph on bare metal, from the distribution's packages: what a node runs of a
 * cluster, by its role. All nodes are given the same cluster; each its own parts.
 */
import type { Declaration } from "../declaration.ts";
import { secret, type SecretRef } from "../secret.ts";
import client from "../states/ceph/client.ts";
import cephCluster from "../states/ceph/cluster.ts";
import filesystem from "../states/ceph/filesystem.ts";
import labOsd from "../states/ceph/lab-osd.ts";
import maintenance from "../states/ceph/maintenance.ts";
import mds from "../states/ceph/mds.ts";
import mgr from "../states/ceph/mgr.ts";
import mon from "../states/ceph/mon.ts";
import mounted from "../states/ceph/mounted.ts";
import osd from "../states/ceph/osd.ts";
import pool from "../states/ceph/pool.ts";
import quorum from "../states/ceph/quorum.ts";
import ready from "../states/ceph/ready.ts";
import { CEPH_DOMAIN, CEPH_ROLE } from "../states/ceph/turns.ts";
import installed from "../states/pkg/installed.ts";
import running from "../states/service/running.ts";

export interface CephFilesystem {
  readonly name: string;
  /** How many copies there are of everything. */
  readonly size?: number;
  readonly allowNoRedundancy?: boolean;
}

export interface CephCluster {
  readonly fsid: string;
  readonly publicNetworks: readonly string[];
  readonly clusterNetworks?: readonly string[];
  readonly mons: readonly { readonly name: string; readonly address: string }[];
  readonly conf?: Readonly<Record<string, Readonly<Record<string, string | number | boolean>>>>;
  /** How many disks the whole cluster has. */
  readonly osds: number;
  readonly filesystems?: readonly CephFilesystem[];
  /** `false` once the cluster stands: a monitor that lost its disk then joins, and begins no other cluster. */
  readonly forms?: boolean;
  /** Codes of health that may stand. */
  readonly allow?: readonly string[];
  /** Where the keys come from; made by the master where it is not said. */
  readonly keyOf?: (name: string) => SecretRef;
}

export interface CephNode {
  readonly cluster: CephCluster;
  /** The name of this node; one that is among the monitors is one. */
  readonly name: string;
  readonly mgr?: boolean;
  readonly mds?: boolean;
  readonly osds?: readonly {
    readonly device: string;
    readonly expect: { readonly serial: string; readonly bytes: number };
  }[];
  /** Files in the place of disks, for trying it out. */
  readonly labOsds?: readonly { readonly name: string; readonly bytes: number }[];
  readonly mounts?: readonly {
    readonly path: string;
    readonly filesystem: string;
    readonly via?: "kernel" | "fuse";
    readonly options?: readonly string[];
  }[];
  /** How long the cluster may take to become ready. */
  readonly within?: string;
}

const made = (name: string): SecretRef => secret(`gen:ceph/${name}?enc=ceph`);

export function cephKit(node: CephNode): readonly Declaration[] {
  const { cluster, name, mounts = [] } = node;
  const keyOf = cluster.keyOf ?? made;
  const isMon = cluster.mons.some((one) => one.name === name);
  const administers = isMon || node.mgr === true || node.mds === true || mounts.length > 0;
  const packages = installed("ceph", { names: packagesOf(node, isMon) });
  const { fsid, publicNetworks, clusterNetworks, mons, conf } = cluster;
  const known = cephCluster("ceph", {
    fsid,
    publicNetworks: [...publicNetworks],
    ...(clusterNetworks && { clusterNetworks: [...clusterNetworks] }),
    mons: [...mons],
    ...(conf && { conf: structuredClone(conf) as Record<string, Record<string, string>> }),
    ...(administers && { adminKey: keyOf("admin") }),
    bootstrapOsdKey: keyOf("bootstrap-osd"),
    require: packages,
  });
  const part: Part = { node, keyOf, known, from: [...publicNetworks, ...(clusterNetworks ?? [])] };
  const monitor = isMon ? monitorOf(part) : [];
  const agreed = administers ? [quorum(fsid, { ...patience(node), require: [known, ...monitor] })] : [];
  // A stop goes the other way: nothing is asked for any more when the disks go, and monitors are the last.
  const daemons = [
    ...daemonsOf(part, "mgr", agreed),
    ...disksOf(part, agreed),
    ...daemonsOf(part, "mds", agreed),
  ];
  // One node makes what the whole cluster has once.
  const shared = mons[0]?.name === name ? filesystemsOf(part, agreed) : [];
  const rest = administers ? finish(part, [...agreed, ...daemons, ...shared]) : [];
  return [packages, known, ...monitor, ...agreed, ...daemons, ...shared, ...rest];
}

interface Part {
  readonly node: CephNode;
  readonly keyOf: (name: string) => SecretRef;
  readonly known: Declaration;
  readonly from: string[];
}

const patience = ({ within }: CephNode): { within?: string } => (within === undefined ? {} : { within });

function packagesOf(
  { mgr: isMgr, mds: isMds, osds = [], labOsds = [], mounts = [] }: CephNode,
  isMon: boolean,
) {
  return [
    "ceph-common",
    ...(isMon ? ["ceph-mon"] : []),
    ...(isMgr ? ["ceph-mgr"] : []),
    ...(isMds ? ["ceph-mds"] : []),
    ...(osds.length + labOsds.length > 0 ? ["ceph-osd"] : []),
    ...(mounts.some(({ via }) => via === "fuse") ? ["ceph-fuse"] : []),
  ];
}

/** Restarted in maintenance only: the cluster is without it for a while. */
const unit = (kind: string, { node, known }: Part, require: Declaration): Declaration =>
  running(`ceph-${kind}@${node.name}`, {
    stage: "storage",
    restart: "window",
    domain: CEPH_DOMAIN,
    role: CEPH_ROLE,
    require,
    watch: known,
  });

function monitorOf(part: Part): Declaration[] {
  const { node, keyOf, known, from } = part;
  const { fsid, mons, forms } = node.cluster;
  const store = mon(node.name, {
    fsid,
    mons: [...mons],
    key: keyOf("mon"),
    from,
    ...(forms === undefined ? {} : { forms }),
    require: known,
  });
  return [store, unit("mon", part, store)];
}

function daemonsOf(part: Part, kind: "mgr" | "mds", agreed: readonly Declaration[]): Declaration[] {
  const { node, keyOf, known, from } = part;
  if (!node[kind]) return [];
  const state = kind === "mgr" ? mgr : mds;
  const key = keyOf(`${kind}.${node.name}`);
  const home = state(node.name, { key, from, require: [known, ...agreed] });
  return [home, unit(kind, part, home)];
}

/** A node that has disks and no monitor cannot ask whether there is a quorum: it tries again. */
function disksOf({ node, keyOf, known, from }: Part, agreed: readonly Declaration[]): Declaration[] {
  const { osds = [], labOsds = [], cluster } = node;
  const common = {
    fsid: cluster.fsid,
    from,
    require: [known, ...agreed],
    watch: known,
    retry: { attempts: 12, interval: "5s" },
  };
  const nameOf = (serial: string): string => serial.replace(/[^A-Za-z0-9._-]/g, "-");
  const disks = [
    ...osds.map(({ device, expect }) =>
      osd(device, { ...common, expect: { ...expect }, key: keyOf(`osd/${nameOf(expect.serial)}`) }),
    ),
    ...labOsds.map(({ name, bytes }) =>
      labOsd(name, { ...common, bytes, key: keyOf(`osd/${node.name}/${name}`) }),
    ),
  ];
  if (disks.length === 0) return [];
  // Their units have numbers that the cluster gives: for a stop of the stage they are one.
  const all = running("ceph-osd.target", { stage: "storage", stableFor: "0s", require: disks });
  return [...disks, all];
}

function filesystemsOf({ node }: Part, agreed: readonly Declaration[]): Declaration[] {
  return (node.cluster.filesystems ?? []).flatMap(({ name, size, allowNoRedundancy }) => {
    const copies = {
      ...(size !== undefined && { size }),
      ...(allowNoRedundancy !== undefined && { allowNoRedundancy }),
      require: [...agreed],
    };
    const [metadataPool, dataPool] = [`${name}.meta`, `${name}.data`];
    const pools = [
      pool(metadataPool, { ...copies, application: "cephfs" }),
      pool(dataPool, { ...copies, application: "cephfs" }),
    ];
    return [...pools, filesystem(name, { metadataPool, dataPools: [dataPool], require: pools })];
  });
}

/** The gate, and what stands on it. */
function finish({ node, keyOf }: Part, before: readonly Declaration[]): Declaration[] {
  const { cluster, name, mounts = [] } = node;
  const { fsid, mons, osds, filesystems = [], allow } = cluster;
  const whole = ready(fsid, {
    mons: mons.map((one) => one.name),
    osds,
    filesystems: filesystems.map((one) => one.name),
    ...(allow && { allow: [...allow] }),
    ...patience(node),
    require: [...before],
  });
  const over = maintenance("ceph", { require: whole });
  return [
    whole,
    over,
    ...mounts.flatMap(({ path, filesystem: fs, via = "kernel", options }) => {
      const user = `client.${name}-${fs}`;
      const secretFile = `/etc/ceph/${user}.secret`;
      const keyring = `/etc/ceph/ceph.${user}.keyring`;
      const key = keyOf(user);
      const identity = client(user, {
        key,
        caps: { mon: "allow r", mds: "allow rw", osd: `allow rw tag cephfs data=${fs}` },
        ...(via === "fuse" ? { path: keyring } : { path: secretFile, format: "secret" as const }),
        require: whole,
      });
      const mount = mounted(path, {
        filesystem: fs,
        client: user,
        via,
        ...(via === "kernel" && { secretFile }),
        ...(options && { options: [...options] }),
        require: identity,
      });
      return [identity, mount];
    }),
  ];
}
