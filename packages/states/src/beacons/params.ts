/** What each beacon takes. Checked where a catalog is compiled, and again by the agent that keeps it. */
import { parseDuration } from "@boma/protocol";
import { z } from "zod";

const HOLD_MS_MAX = 24 * 3_600_000;

const Duration = z.string().refine((text) => {
  try {
    return parseDuration(text) <= HOLD_MS_MAX;
  } catch {
    return false;
  }
}, "a duration up to `1d`, such as `30s` or `5m`");

const Unit = z
  .string()
  .max(255)
  .regex(/^[A-Za-z0-9:_.@\\-]+\.(service|socket|timer|mount|path|target|slice|scope|swap|automount)$/, {
    error: "the whole name of a unit, such as `nginx.service`",
  });
const Path = z
  .string()
  .max(1024)
  .regex(/^\/([^/\0\n]+(\/[^/\0\n]+)*)?$/, "an absolute path without a `/` at its end");
const Percent = z.number().positive().max(100);
const Node = z.literal("node").describe("Always `node`: there is one of it.");

/** Of what lasts: how long it must be so before a word is said, and when that is said again. */
const lasting = (hold: string) => ({
  hold: Duration.default(hold).describe(
    "It is told when it has been so for this long, and as over when it has not been so for as long.",
  ),
  repeat: Duration.optional().describe("Told again and again after this time while it lasts."),
});

export const BEACONS = {
  "beacon.service": z.strictObject({
    unit: Unit.describe("The unit."),
    ...lasting("0s"),
    restarts: z.boolean().default(true).describe("Whether each restart by systemd is told as well."),
  }),
  "beacon.unit": z.strictObject({ unit: Unit.describe("The unit whose file and drop-ins are watched.") }),
  "beacon.disk": z.strictObject({
    path: Path.describe("A path on the file system, such as where it is mounted."),
    usedPercent: Percent.default(90).describe("Used space from which on it is told."),
    inodesPercent: Percent.default(90).describe("Used inodes from which on it is told."),
    ...lasting("30s"),
  }),
  "beacon.memory": z.strictObject({
    of: Node,
    usedPercent: Percent.default(90).describe("The share of the memory that is not available to programs."),
    ...lasting("2m"),
  }),
  "beacon.pressure": z.strictObject({
    resource: z.enum(["cpu", "memory", "io"]).describe("What work waits for."),
    kind: z
      .enum(["some", "full"])
      .default("some")
      .describe("Whether some of the work waits or all of it; the whole machine's cpu has `some` only."),
    percent: Percent.default(50).describe("The share of the time in which it waits."),
    windowSeconds: z
      .union([z.literal(10), z.literal(60), z.literal(300)])
      .default(60)
      .describe("The kernel's average that is looked at, in seconds."),
    ...lasting("30s"),
  }),
  "beacon.load": z.strictObject({
    of: Node,
    perCpu: z.number().positive().max(1000).default(2).describe("The load for each processor."),
    windowMinutes: z
      .union([z.literal(1), z.literal(5), z.literal(15)])
      .default(5)
      .describe("The kernel's average that is looked at, in minutes."),
    ...lasting("1m"),
  }),
  "beacon.file": z.strictObject({
    path: Path.describe("A file, or a directory together with `glob`."),
    glob: z
      .string()
      .max(255)
      .regex(/^[^/]+$/, "a name, with `*` and `?` in it")
      .optional()
      .describe("The path is a directory, and entries of these names are meant."),
    digest: z.boolean().default(false).describe("Tells the SHA-256 of what it is now, up to 16 MiB."),
  }),
  "beacon.login": z.strictObject({
    user: z
      .string()
      .max(64)
      .regex(/^([A-Za-z0-9_][A-Za-z0-9_.-]*|\*)$/, "the name of a user, or `*`")
      .describe("Whose logins, or `*` for anybody's; each name is counted for itself."),
    count: z.int().min(1).max(1000).default(5).describe("So many failures are told."),
    within: Duration.default("10m").describe("They count together when they come within this time."),
  }),
  "beacon.reboot": z.strictObject({ of: Node, ...lasting("0s") }),
  "beacon.time": z.strictObject({
    of: Node,
    offset: Duration.default("1s").describe("How far the clock may be off the master's."),
    ...lasting("5m"),
  }),
  "beacon.certificate": z.strictObject({
    path: Path.describe("The certificate, as PEM; of a chain the first one counts."),
    days: z.number().positive().max(3650).default(21).describe("So many days before it ends it is told."),
    ...lasting("0s"),
  }),
  "beacon.link": z.strictObject({
    link: z
      .string()
      .regex(/^[^\s/:]{1,15}$/, "the name of a network link, such as `eth0`")
      .describe("The network link."),
    ...lasting("5s"),
  }),
};

export type BeaconKind = keyof typeof BEACONS;
export type BeaconParams<K extends BeaconKind> = z.output<(typeof BEACONS)[K]>;
export const isBeaconKind = (kind: string): kind is BeaconKind => Object.hasOwn(BEACONS, kind);
