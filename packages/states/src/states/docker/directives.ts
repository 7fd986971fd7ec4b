/**
 * What may stand in daemon.json, and as what: dockerd 20.10, which Debian 12 has,
 * cannot be asked whether it would start with a file. Later ones can, and are.
 */
import { z } from "zod";

const text = z.string().min(1);
const number = z.int();
const flag = z.boolean();
const texts = z.array(z.string());
const words = z.record(z.string(), z.string());
const record = z.record(z.string(), z.unknown());
const records = z.array(record);

const KINDS: Readonly<Record<string, z.ZodType>> = {
  "allow-nondistributable-artifacts": texts,
  "api-cors-header": text,
  "authorization-plugins": texts,
  bip: text,
  bridge: text,
  builder: record,
  "cgroup-parent": text,
  "containerd-namespace": text,
  "containerd-plugins-namespace": text,
  "cpu-rt-period": number,
  "cpu-rt-runtime": number,
  "data-root": text,
  debug: flag,
  "default-address-pools": records,
  "default-cgroupns-mode": z.enum(["host", "private"]),
  "default-gateway": text,
  "default-gateway-v6": text,
  "default-ipc-mode": z.enum(["shareable", "private"]),
  "default-runtime": text,
  "default-shm-size": z.union([text, number]),
  "default-ulimits": record,
  dns: texts,
  "dns-opts": texts,
  "dns-search": texts,
  "exec-opts": texts,
  "exec-root": text,
  experimental: flag,
  features: z.record(z.string(), flag),
  "fixed-cidr": text,
  "fixed-cidr-v6": text,
  group: text,
  "host-gateway-ip": text,
  icc: flag,
  init: flag,
  "init-path": text,
  "insecure-registries": texts,
  ip: text,
  "ip-forward": flag,
  "ip-masq": flag,
  ip6tables: flag,
  iptables: flag,
  ipv6: flag,
  labels: texts,
  "live-restore": flag,
  "log-driver": text,
  "log-level": z.enum(["debug", "info", "warn", "error", "fatal"]),
  "log-opts": words,
  "max-concurrent-downloads": number,
  "max-concurrent-uploads": number,
  "max-download-attempts": number,
  "metrics-addr": text,
  mtu: number,
  "network-control-plane-mtu": number,
  "no-new-privileges": flag,
  "node-generic-resources": texts,
  "oom-score-adjust": number,
  pidfile: text,
  "raw-logs": flag,
  "registry-mirrors": texts,
  runtimes: record,
  "seccomp-profile": text,
  "selinux-enabled": flag,
  "shutdown-timeout": number,
  "storage-driver": text,
  "storage-opts": texts,
  "swarm-default-advertise-addr": text,
  "userland-proxy": flag,
  "userland-proxy-path": text,
  "userns-remap": text,
};

/** The unit passes them, and dockerd ends where something is said in both places. A TCP socket is a root shell. */
const UNITS: readonly string[] = [
  "hosts",
  "containerd",
  "tls",
  "tlsverify",
  "tlscacert",
  "tlscert",
  "tlskey",
];

export const isUnits = (directive: string): boolean => UNITS.includes(directive);
export const isKnown = (directive: string): boolean => Object.hasOwn(KINDS, directive);

/** What is wrong with a value, if anything is and it can be known. */
export function wrongIn(directive: string, value: unknown): string | undefined {
  const kind = Object.hasOwn(KINDS, directive) ? KINDS[directive] : undefined;
  return kind?.safeParse(value).error?.issues[0]?.message;
}
