/** The files that are to be there, those that are to go, and what of them differs. */
import { type Change, type Changes, diff } from "../../changes.ts";
import type { FileStat, Files, ReadFiles } from "../../host/files.ts";
import { makeDirectories } from "../owned-file.ts";
import { NETPLAN_DIR, NETPLAN_FILE, netplanText } from "./netplan-file.ts";
import { isOwnNetworkdFile, NETWORKD_DIR, networkdFiles } from "./networkd-files.ts";
import type { Want } from "./parameters.ts";

/** What stands for a file that is not there. */
export const NONE = "(none)";

export const DROPIN = "/etc/systemd/networkd.conf.d/10-boma.conf";
const SYSCTL = "/etc/sysctl.d/90-boma-network.conf";
const CLOUD_DIR = "/etc/cloud/cloud.cfg.d";
const CLOUD_FILE = `${CLOUD_DIR}/99-boma-network.cfg`;

const NOTE = "# Kept by boma: network.interfaces(node). Changes made here are undone.\n";
// Routes and rules of Docker, of a mesh, of keepalived are not for networkd to tidy away.
const DROPIN_TEXT = `${NOTE}[Network]\nManageForeignRoutes=no\nManageForeignRoutingPolicyRules=no\n`;
const CLOUD_TEXT = `${NOTE}network: {config: disabled}\n`;

/** Kernel parameters by key with slashes. */
export const forwardingOf = ({ forwarding }: Pick<Want, "forwarding">): readonly string[] => [
  ...(forwarding === undefined ? [] : ["net/ipv4/ip_forward"]),
  ...(forwarding === "both" ? ["net/ipv6/conf/all/forwarding"] : []),
];

const modeOf = (path: string): string => (path.startsWith(`${NETPLAN_DIR}/`) ? "0600" : "0644");

/** Path to text; `undefined`: it is not to be there. */
export async function wantedFiles(
  want: Want,
  files: ReadFiles,
): Promise<ReadonlyMap<string, string | undefined>> {
  const wanted = new Map<string, string | undefined>(want.replaces.map((path) => [path, undefined]));
  for (const path of [...(await ownFiles(files)), SYSCTL]) wanted.set(path, undefined);
  if (want.renderer === "netplan") wanted.set(NETPLAN_FILE, netplanText(want));
  else for (const [path, text] of networkdFiles(want)) wanted.set(path, text);
  wanted.set(DROPIN, DROPIN_TEXT);
  if (await files.stat(CLOUD_DIR)) wanted.set(CLOUD_FILE, CLOUD_TEXT);
  const parameters = forwardingOf(want).map((key) => `${key.replaceAll("/", ".")} = 1\n`);
  if (parameters.length > 0) wanted.set(SYSCTL, NOTE + parameters.join(""));
  return wanted;
}

async function ownFiles(files: ReadFiles): Promise<readonly string[]> {
  const there = (await files.stat(NETWORKD_DIR)) ? await files.list(NETWORKD_DIR) : [];
  return [...there.filter(isOwnNetworkdFile).map((name) => `${NETWORKD_DIR}/${name}`), NETPLAN_FILE];
}

export async function fileChanges(want: Want, files: ReadFiles): Promise<Changes<Record<string, string>>> {
  const is: Record<string, string> = {};
  const should: Record<string, string> = {};
  for (const [path, text] of await wantedFiles(want, files)) {
    const stat = await files.stat(path);
    is[path] = stat ? await files.readText(path) : NONE;
    should[path] = text ?? NONE;
    // Others could read the keys of a wireless network there, and netplan complains of it.
    if (stat && text !== undefined && stat.mode !== modeOf(path)) {
      is[`${path} mode`] = stat.mode;
      should[`${path} mode`] = modeOf(path);
    }
  }
  return diff<Record<string, string>>(is, should);
}

export async function writeFiles(
  changes: Readonly<Record<string, Change<string>>>,
  files: Files,
): Promise<void> {
  for (const [key, { to }] of Object.entries(changes)) {
    if (!key.startsWith("/")) continue;
    const path = key.replace(/ mode$/, "");
    if (path !== key) await files.chmod(path, to);
    else if (to === NONE) await files.remove(path);
    else {
      await makeDirectories(files, path.slice(0, path.lastIndexOf("/")));
      await files.write(path, to, { owner: "root", group: "root", mode: modeOf(path) });
    }
  }
}

/** A file as it is, for whoever has to put it back. */
export async function remembered(path: string, files: ReadFiles) {
  const stat: FileStat | undefined = await files.stat(path);
  if (!stat) return { path, was: null };
  const { mode, owner, group } = stat;
  const base64 = Buffer.from(await files.readBytes(path)).toString("base64");
  return { path, was: { base64, mode, owner, group } };
}
