/** chrony's files, beside the package's own: what it does, whom it asks, and how it is started. */
import { z } from "zod";

import { managedText } from "../owned-file.ts";

export const MAIN = "/etc/chrony/chrony.conf";
export const CONFIG = "/etc/chrony/conf.d/50-boma.conf";
export const SOURCES = "/etc/chrony/sources.d/boma.sources";
export const DROP_IN = "/etc/systemd/system/chrony.service.d/boma.conf";

const HostName = z
  .string()
  .regex(/^[A-Za-z0-9:][A-Za-z0-9.:-]{0,252}$/, "a host's name or address")
  .refine((host) => !/^\d+$/.test(host), "a host's name or address");
const Settings = z.strictObject({
  host: HostName,
  /** Ask it often at first, so that the clock is right soon. */
  iburst: z.boolean().default(true),
  prefer: z.boolean().default(false),
  /** With keys, so that nobody on the way can change the answer. */
  nts: z.boolean().default(false),
  /** Seconds between two questions, as powers of 2. */
  minPoll: z.int().min(-6).max(24).optional(),
  maxPoll: z.int().min(-6).max(24).optional(),
});
export const Source = z.union([HostName.transform((host) => Settings.parse({ host })), Settings]);
type Source = z.output<typeof Source>;

interface Config {
  readonly servers: readonly Source[];
  readonly pools: readonly Source[];
  readonly makeStep: { readonly threshold: number; readonly limit: number };
  readonly allow: readonly string[];
  readonly localStratum?: number | undefined;
  readonly setClock: boolean;
}

export const configText = ({ makeStep, allow, localStratum }: Config): string =>
  managedText(
    [
      `makestep ${makeStep.threshold} ${makeStep.limit}`,
      ...allow.map((network) => `allow ${network}`),
      ...(localStratum === undefined ? [] : [`local stratum ${localStratum}`]),
      "",
    ].join("\n"),
  );

export const sourcesText = ({ servers, pools }: Config): string =>
  managedText(
    [
      ...servers.map((source) => sourceLine("server", source)),
      ...pools.map((source) => sourceLine("pool", source)),
      "",
    ].join("\n"),
  );

function sourceLine(kind: string, { host, iburst, prefer, nts, minPoll, maxPoll }: Source): string {
  const options = [
    iburst ? "iburst" : "",
    prefer ? "prefer" : "",
    nts ? "nts" : "",
    minPoll === undefined ? "" : `minpoll ${minPoll}`,
    maxPoll === undefined ? "" : `maxpoll ${maxPoll}`,
  ];
  return [kind, host, ...options].filter((word) => word !== "").join(" ");
}

/** Without the right to set a clock systemd would not start it: that is not asked for, and not wanted here. */
export const dropInText = ({ setClock }: Config): string | undefined =>
  setClock
    ? undefined
    : managedText(
        "[Unit]\nConditionCapability=\n\n[Service]\nExecStart=\nExecStart=!/usr/sbin/chronyd $DAEMON_OPTS -x\n",
      );
