/** The parameters of `docker.daemon` as dockerd reads them. */
import { z } from "zod";

import { EXPOSURES, type PortNeed, PortNumber } from "../../catalog/needs.ts";
import { type Settings, without } from "../daemon/settings.ts";
import { Path } from "../file/parameters.ts";
import { isUnits, wrongIn } from "./directives.ts";

const Word = z
  .string()
  .min(1)
  .max(500)
  .regex(/^[^\r\n\0]+$/, "one line");
const Words = z.array(Word).max(100);
const Network = z.union([z.cidrv4(), z.cidrv6()], "a network such as `172.30.0.0/16`");

const AddressPool = z.strictObject({
  base: Network,
  /** The length of the prefix that each network gets. */
  size: z.int().min(8).max(128),
});

const Metrics = z.strictObject({
  port: PortNumber.default(9323),
  exposure: z.enum(EXPOSURES).default("none"),
});

const ATTEMPTS_MAX = 100;
const Count = z.int().min(1).max(ATTEMPTS_MAX);

export const DaemonParams = z
  .strictObject({
    name: z.literal("node").describe("Always `node`: a machine has one daemon of Docker."),
    adopt: z
      .boolean()
      .default(false)
      .describe("Leave settings as they are that somebody else has put into the file."),
    liveRestore: z
      .boolean()
      .default(true)
      .describe("Containers outlive the daemon; a swarm cannot have that."),
    logDriver: Word.default("local").describe("Where what containers say goes; `local` bounds itself."),
    logOpts: z
      .record(Word, z.string().max(500))
      .default({})
      .describe("How, such as `{ 'max-size': '20m' }`."),
    dataRoot: Path.optional().describe("Where images and containers lie; they do not move along."),
    storageDriver: Word.optional().describe("How layers are put together; images do not move along."),
    bip: Network.optional().describe("The address and network of `docker0`."),
    addressPools: z
      .array(AddressPool)
      .max(50)
      .default([])
      .describe("Where networks of containers are taken from: none that the machine has to reach itself."),
    publishOn: z
      .union([z.ipv4(), z.ipv6()])
      .optional()
      .describe("The address on which ports are published where nobody says one: `127.0.0.1` keeps them in."),
    iptables: z
      .boolean()
      .default(true)
      .describe("Docker makes its own rules; without them nothing is sent on."),
    ipv6: Network.optional().describe(
      "A network of IPv6 for `docker0`; Docker itself lets everything in there.",
    ),
    userlandProxy: z
      .boolean()
      .default(true)
      .describe("A process for each published port, for what no rule reaches."),
    icc: z.boolean().default(true).describe("Containers on `docker0` reach each other."),
    noNewPrivileges: z
      .boolean()
      .default(false)
      .describe("No process in a container gets more rights than its first."),
    usernsRemap: Word.optional().describe("Root in a container is this user outside, such as `default`."),
    dns: z
      .array(z.union([z.ipv4(), z.ipv6()]))
      .max(10)
      .default([])
      .describe("Resolvers of the containers; those of the machine where none is said."),
    mtu: z.int().min(576).max(65_535).optional().describe("The size of packets on `docker0`."),
    registryMirrors: z
      .array(z.url({ protocol: /^https?$/ }))
      .max(20)
      .default([])
      .describe("Who is asked first for images of Docker's own registry."),
    insecureRegistries: Words.default([]).describe("Registries that nobody has to prove that they are."),
    labels: z
      .array(z.string().regex(/^[^=\s]+=[^\r\n]*$/, "`name=value`"))
      .max(100)
      .default([])
      .describe("What is known of the machine, as `name=value`."),
    debug: z.boolean().default(false).describe("The daemon says much more."),
    downloads: Count.default(3).describe("Layers that are fetched at a time, of each image."),
    uploads: Count.default(5).describe("Layers that are sent at a time, of each image."),
    metrics: Metrics.optional().describe("Figures for Prometheus."),
    extra: z
      .record(
        z.string().regex(/^[a-z0-9-]{1,60}$/, "as daemon.json has it, such as `default-ulimits`"),
        z.json(),
      )
      .default({})
      .describe("Any other setting, under its own name."),
  })
  .superRefine((want, context) => {
    const refuse = (path: string, message: string): void =>
      context.addIssue({ code: "custom", path: ["extra", path], message });
    const own = ownSettings(want);
    for (const [name, value] of Object.entries(want.extra)) {
      const wrong = wrongIn(name, value);
      if (isUnits(name)) refuse(name, "the unit passes this, and Docker listens on its socket only");
      else if (Object.hasOwn(own, name)) refuse(name, "there is a parameter for it");
      else if (wrong !== undefined) refuse(name, wrong);
    }
  });
export type Daemon = z.output<typeof DaemonParams>;

export const settingsOf = (want: Daemon): Settings => without({ ...ownSettings(want), ...want.extra });

/**
 * What it takes up while it runs is always said: a setting that goes from the file keeps its value. Names that are
 * here and have no value are ours all the same.
 */
function ownSettings(want: Omit<Daemon, "extra">): Readonly<Record<string, unknown>> {
  const { metrics, ipv6 } = want;
  return {
    "live-restore": want.liveRestore,
    debug: want.debug,
    labels: want.labels,
    "registry-mirrors": want.registryMirrors,
    "insecure-registries": want.insecureRegistries,
    "max-concurrent-downloads": want.downloads,
    "max-concurrent-uploads": want.uploads,
    "log-driver": want.logDriver,
    "log-opts": want.logOpts,
    "data-root": want.dataRoot,
    "storage-driver": want.storageDriver,
    bip: want.bip,
    "default-address-pools": want.addressPools.length > 0 ? want.addressPools : undefined,
    ip: want.publishOn,
    iptables: want.iptables,
    ipv6: ipv6 === undefined ? undefined : true,
    "fixed-cidr-v6": ipv6,
    "userland-proxy": want.userlandProxy,
    icc: want.icc,
    "no-new-privileges": want.noNewPrivileges,
    "userns-remap": want.usernsRemap,
    dns: want.dns.length > 0 ? want.dns : undefined,
    mtu: want.mtu,
    "metrics-addr": metrics && `${metrics.exposure === "none" ? "127.0.0.1" : "0.0.0.0"}:${metrics.port}`,
  };
}

export const needsOf = ({ metrics }: Daemon): readonly PortNeed[] =>
  metrics ? [{ name: "docker-metrics", proto: "tcp", ...metrics }] : [];

export const warningsOf = ({ iptables, ipv6, insecureRegistries }: Daemon): readonly string[] => [
  ...(iptables ? [] : ["without `iptables` no published port is sent on: somebody has to make the rules"]),
  ...(ipv6 === undefined
    ? []
    : [
        "containers get addresses of IPv6, and Docker lets everybody in there: keep `forward` in the firewall",
      ]),
  ...(insecureRegistries.length > 0
    ? [`whoever stands between may put another image in the place of ${insecureRegistries.join(", ")}'s`]
    : []),
];
