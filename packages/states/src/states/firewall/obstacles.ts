/** Other firewalls on the machine: two that both think they are the only one lose what the other has let in. */
import { createHash } from "node:crypto";

import type { ReadHost } from "../../host/host.ts";
import { readIfThere } from "../owned-file.ts";

/** What empties every table, ours included, when it starts, and again when it is stopped. */
export const FLUSHER = "nftables.service";
const FLUSHER_CONF = "/etc/nftables.conf";
const FIREWALLD = "firewalld.service";
const UFW_CONF = "/etc/ufw/ufw.conf";
const OFF = { ufw: "`ufw disable`", firewalld: "`systemctl disable --now firewalld`" } as const;

/** Why nothing is changed on this machine; `undefined` where nothing speaks against it. */
export async function obstacleOn(host: ReadHost): Promise<string | undefined> {
  const other = (await isUfwOn(host)) ? "ufw" : (await isUsedUnit(host, FIREWALLD)) ? "firewalld" : undefined;
  if (other !== undefined)
    return `${other} is at work here: declare what it lets in, and switch it off (${OFF[other]})`;
  if (!(await isUsedUnit(host, FLUSHER))) return undefined;
  if (!(await host.files.stat(FLUSHER_CONF)) || (await isAsShipped(host))) return undefined;
  return `${FLUSHER} is in use with a ${FLUSHER_CONF} of your own: it empties every table when it starts or stops. Declare what it says here, then disable it`;
}

async function isUsedUnit({ services }: ReadHost, unit: string): Promise<boolean> {
  const { load, active, enabled } = await services.status(unit);
  return load === "loaded" && (active === "active" || enabled === "enabled");
}

/** Its unit is up on every Ubuntu; its own file says whether it does anything. */
const isUfwOn = async ({ files }: ReadHost): Promise<boolean> =>
  /^\s*ENABLED\s*=\s*"?yes/im.test((await readIfThere(files, UFW_CONF)) ?? "");

/** By the checksum that dpkg has of it. */
async function isAsShipped({ commands, files }: ReadHost): Promise<boolean> {
  const argv = ["dpkg-query", "--show", "--showformat=${Conffiles}", "nftables"];
  const { stdout } = await commands.read({ argv });
  const [, shipped] = new RegExp(`^\\s*${FLUSHER_CONF}\\s+([0-9a-f]{32})`, "m").exec(stdout) ?? [];
  return (
    shipped ===
    createHash("md5")
      .update(await files.readBytes(FLUSHER_CONF))
      .digest("hex")
  );
}
