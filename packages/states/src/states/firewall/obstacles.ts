/** Other firewalls on the machine: two that both think they are the only one lose what the other has let in. */
import { createHash } from "node:crypto";

import type { ReadHost } from "../../host/host.ts";
import { readIfThere } from "../owned-file.ts";
import type { Want } from "./parameters.ts";

/** What empties every table, ours included, when it starts, and again when it is stopped. */
export const FLUSHER = "nftables.service";
const FLUSHER_CONF = "/etc/nftables.conf";
const FIREWALLD = "firewalld.service";
const UFW_CONF = "/etc/ufw/ufw.conf";
/** Its path in full: it is also run by what takes a change back, which knows of no others. */
const UFW = "/usr/sbin/ufw";
export const UFW_OFF = [UFW, "disable"];
export const UFW_ON = [UFW, "--force", "enable"];
const UFW_RULES_MAX = 30;

/** Why nothing is changed on this machine; `undefined` where nothing speaks against it. */
export async function obstacleOn(host: ReadHost, { ufw }: Pick<Want, "ufw">): Promise<string | undefined> {
  if (ufw === "refuse" && (await isUfwOn(host)))
    return `ufw is at work here${await rulesOfUfw(host)}. Declare what is to stay open, and say \`ufw: "migrate"\`: it is switched off when our rules are loaded, and on again when they lock us out. Or switch it off yourself (\`ufw disable\`)`;
  if (await isUsedUnit(host, FIREWALLD))
    return "firewalld is at work here: declare what it lets in, and switch it off (`systemctl disable --now firewalld`)";
  if (!(await isUsedUnit(host, FLUSHER))) return undefined;
  if (!(await host.files.stat(FLUSHER_CONF)) || (await isAsShipped(host))) return undefined;
  return `${FLUSHER} is in use with a ${FLUSHER_CONF} of your own: it empties every table when it starts or stops. Declare what it says here, then disable it`;
}

async function isUsedUnit({ services }: ReadHost, unit: string): Promise<boolean> {
  const { load, active, enabled } = await services.status(unit);
  return load === "loaded" && (active === "active" || enabled === "enabled");
}

/** Its unit is up on every Ubuntu; its own file says whether it does anything. */
export const isUfwOn = async ({ files }: ReadHost): Promise<boolean> =>
  /^\s*ENABLED\s*=\s*"?yes/im.test((await readIfThere(files, UFW_CONF)) ?? "");

/** In its own words, as somebody gave them to it. */
async function rulesOfUfw({ commands }: ReadHost): Promise<string> {
  const { stdout } = await commands.read({ argv: [UFW, "show", "added"] });
  const rules = [...stdout.matchAll(/^ufw (.+)$/gm)].map(([, rule]) => rule!.trim());
  if (rules.length === 0) return "";
  const more = rules.length > UFW_RULES_MAX ? `, and ${rules.length - UFW_RULES_MAX} more` : "";
  return `, and says: ${rules.slice(0, UFW_RULES_MAX).join("; ")}${more}`;
}

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
