/** Salt's core grains and what boma calls the same value. */

interface Same {
  readonly to: string;
  /** What is not quite the same. */
  readonly note?: string;
}

const SAME = [
  "os",
  "os_family",
  "osrelease",
  "osmajorrelease",
  "oscodename",
  "osfullname",
  "osfinger",
  "cpuarch",
  "kernel",
  "kernelrelease",
  "init",
  "cpu_model",
  "cpu_flags",
  "machine_id",
  "uuid",
];

const NAMED: Readonly<Record<string, Same>> = {
  ...Object.fromEntries(SAME.map((name) => [name, { to: name }])),
  osarch: { to: "arch" },
  num_cpus: { to: "cpus" },
  host: { to: "hostname" },
  localhost: { to: "hostname", note: "boma's is the short name, in lower case" },
  nodename: { to: "hostname", note: "boma's is the short name, in lower case" },
  productname: { to: "model" },
  manufacturer: { to: "vendor" },
  serialnumber: { to: "serial" },
  biosversion: { to: "bios_version" },
  virtual: { to: "virtual", note: "some values are spelt otherwise: `vmware`, not `VMware`" },
  timezone: { to: "timezone", note: "boma's is the name of the zone: Europe/Berlin" },
};

/** Grains of Salt's own for which boma has no value, or another one under the same name. */
const ABSENT: Readonly<Record<string, string>> = {
  fqdn: "boma asks no DNS, so there is no fqdn",
  fqdns: "boma asks no DNS, so there is no fqdn",
  fqdn_ip4: "boma asks no DNS, so there is no fqdn",
  fqdn_ip6: "boma asks no DNS, so there is no fqdn",
  domain: "boma asks no DNS, so there is no domain",
  dns: "boma has no such grain",
  ipv4: "boma's leaves out loopback, so places in the list mean other addresses",
  ipv6: "boma's leaves out loopback and link-local addresses, so places in the list mean other ones",
  ip_interfaces: "`interfaces` has another form",
  ip4_interfaces: "`interfaces` has another form",
  ip6_interfaces: "`interfaces` has another form",
  hwaddr_interfaces: "`interfaces` has another form",
  ip4_gw: "boma has no such grain",
  mem_total: "`ram` is in bytes, Salt's in MiB",
  swap_total: "`swap` is in bytes, Salt's in MiB",
  kernelparams: "boma's is a map, Salt's a list",
  gpus: "boma's has another form",
  disks: "boma's is a map by name, Salt's a list",
  master: "an agent of boma has no such name",
  server_id: "boma has no such grain",
  saltversion: "`boma_version` is another program's",
  path: "boma has no such grain",
  shell: "boma has no such grain",
  locale_info: "boma has no such grain",
  pythonversion: "boma has no such grain",
  username: "boma has no such grain",
  groupname: "boma has no such grain",
  uid: "boma has no such grain",
  gid: "boma has no such grain",
  selinux: "boma has no such grain",
  systemd: "boma has no such grain",
  osrelease_info: "`osrelease` is one text",
  lsb_distrib_id: "boma has no such grain",
  lsb_distrib_codename: "boma calls it `oscodename`, and reads it from another file",
  lsb_distrib_release: "boma calls it `osrelease`, and reads it from another file",
};

const ASSIGNED: readonly string[] = ["env", "role", "profile", "site"];

export type Grain = { readonly path: string; readonly note?: string | undefined } | { readonly why: string };

/** The path of a grain in boma, or why there is none. */
export function grainOf([name = "", ...rest]: readonly string[]): Grain {
  if (name === "id") return { path: "node.id" };
  if (Object.hasOwn(ABSENT, name)) return { why: `the grain \`${name}\`: ${ABSENT[name]}` };
  const same = Object.hasOwn(NAMED, name) ? NAMED[name]! : undefined;
  const path = ["grains", same?.to ?? name, ...rest].join(".");
  if (same) {
    const renamed = same.to === name ? undefined : `Salt's grain \`${name}\` is \`${same.to}\` in boma`;
    return { path, note: [renamed, same.note].filter(Boolean).join("; ") || undefined };
  }
  const note = ASSIGNED.includes(name)
    ? `\`${name}\` is what the node says of itself; what the master decided is \`\${assigned.${name}}\``
    : `\`${name}\` is none of boma's own grains: each node needs it in /etc/boma/grains.d`;
  return { path, note };
}
