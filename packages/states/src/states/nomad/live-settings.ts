/** The parameters of `nomad.settings` as Nomad writes them: what is taken up on a reload. */
import { z } from "zod";

import { type Settings, without } from "../daemon/settings.ts";
import { Path } from "../file/parameters.ts";
import { access, NodeName } from "./parameters.ts";

const Tls = z.strictObject({
  caFile: Path,
  certFile: Path,
  keyFile: Path,
  http: z.boolean().default(false),
  rpc: z.boolean().default(true),
  verifyServerHostname: z.boolean().default(true),
  /** Servers take both, with and without: for the time in which a cluster is turned over. */
  rpcUpgrade: z.boolean().default(false),
});
export type Tls = z.output<typeof Tls>;

export const SettingsParams = z.strictObject({
  node: NodeName.describe("What this machine is called in the cluster."),
  logLevel: z
    .enum(["trace", "debug", "info", "warn", "error"])
    .default("info")
    .describe("How much the agent says."),
  tls: Tls.optional().describe("Files with certificates; declare and watch them."),
  ...access,
});
export type LiveSettings = z.output<typeof SettingsParams>;

export function liveOf({ logLevel, tls }: LiveSettings): Settings {
  return without({
    log_level: logLevel,
    tls: tls && {
      http: tls.http,
      rpc: tls.rpc,
      ca_file: tls.caFile,
      cert_file: tls.certFile,
      key_file: tls.keyFile,
      verify_server_hostname: tls.verifyServerHostname,
      rpc_upgrade_mode: tls.rpcUpgrade,
    },
  });
}
