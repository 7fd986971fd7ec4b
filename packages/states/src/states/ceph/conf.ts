/** ceph.conf: what all its programs read. What is not said here is kept by the monitors, or is Ceph's own default. */
import { z } from "zod";

import { managedText } from "../owned-file.ts";
import type { Monitor } from "./parameters.ts";

const Value = z.union([z.string().regex(/^[^\0\n]*$/, "one line"), z.number(), z.boolean()]);
export const Settings = z.record(
  z.string().regex(/^[a-z][a-z0-9_/ -]*$/i, "a setting's name: `osd_memory_target`"),
  Value,
);
type Settings = z.output<typeof Settings>;

export const BOOTSTRAP_CAPS = { mon: "profile bootstrap-osd", mgr: "allow r" };

interface Cluster {
  readonly fsid: string;
  readonly publicNetworks: readonly string[];
  readonly clusterNetworks?: readonly string[] | undefined;
  readonly mons: readonly Monitor[];
  readonly conf: Readonly<Record<string, Settings>>;
}

/** Both protocols of a monitor, so that it needs to be told of neither. */
export const addressesOf = ({ address }: Monitor): string => {
  const host = address.includes(":") ? `[${address}]` : address;
  return `[v2:${host}:3300,v1:${host}:6789]`;
};

export function confText({ fsid, publicNetworks, clusterNetworks, mons, conf }: Cluster): string {
  const { global = {}, ...others } = conf;
  const own: Settings = {
    fsid,
    mon_initial_members: mons.map(({ name }) => name).join(", "),
    mon_host: mons.map(addressesOf).join(","),
    public_network: publicNetworks.join(", "),
    ...(clusterNetworks && { cluster_network: clusterNetworks.join(", ") }),
    // Old clients that could be pretended to be are let in by nobody who begins anew.
    auth_allow_insecure_global_id_reclaim: false,
  };
  const sections = Object.entries(others).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return managedText(
    [["global", { ...own, ...normal(global) }] as const, ...sections].map(sectionOf).join("\n"),
  );
}

/** Ceph takes blanks, dashes and underscores for the same. */
const normal = (settings: Settings): Settings =>
  Object.fromEntries(Object.entries(settings).map(([name, value]) => [name.replace(/[ -]/g, "_"), value]));

const sectionOf = ([name, settings]: readonly [string, Settings]): string =>
  [`[${name}]`, ...Object.entries(normal(settings)).map(([key, value]) => `${key} = ${value}`), ""].join(
    "\n",
  );

export const fsidIn = (conf: string): string | undefined => /^\s*fsid\s*=\s*(\S+)\s*$/m.exec(conf)?.[1];
