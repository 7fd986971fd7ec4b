/** Makes what stands in the files true of what runs: only for the interfaces that are declared. */
import { setTimeout as pause } from "node:timers/promises";

import { BomaError } from "@boma/protocol";

import type { Change } from "../../changes.ts";
import type { Host, ReadHost } from "../../host/host.ts";
import { isV6, plainAddress } from "./ip-networks.ts";
import { linkOf, type Live, liveChanges, readLive } from "./live.ts";
import { linksMadeBy, NETPLAN_DIR, NETPLAN_FILE, netplanText } from "./netplan-file.ts";
import { madeBy } from "./networkd-files.ts";
import { gatewaysOf, type Want } from "./parameters.ts";
import { netplanFiles } from "./rivals.ts";
import { foreignRoutesOn, isThere, routeCommand } from "./routes.ts";
import { settled } from "./settled.ts";
import { DROPIN, NONE } from "./wanted-files.ts";

export const NETWORKD = "systemd-networkd.service";
const NEIGHBOUR_MS_MAX = 12_000;
const LOOK_MS = 200;

type NetworkChanges = Readonly<Record<string, Change<string>>>;

/** What netplan makes of all its files as they would be; it refuses here, and not when they count. */
export async function assertGenerates(want: Want, { files, commands }: Host): Promise<void> {
  if (want.renderer !== "netplan") return;
  if ((await commands.find("netplan")) === undefined)
    throw new BomaError("state/unsupported", "there is no netplan on this machine", {
      hint: "Declare pkg.installed(netplan.io), or the renderer networkd.",
    });
  const root = await files.makeTemporary("/etc");
  try {
    await files.makeDirectory(`${root}/etc`);
    await files.makeDirectory(`${root}${NETPLAN_DIR}`);
    for (const path of await netplanFiles(files))
      if (path !== NETPLAN_FILE && !want.replaces.includes(path))
        await files.write(`${root}${path}`, await files.readBytes(path), { mode: "0600" });
    await files.write(`${root}${NETPLAN_FILE}`, netplanText(want), { mode: "0600" });
    const { exitCode, stdout, stderr } = await commands.read({
      argv: ["netplan", "generate", "--root-dir", root],
    });
    if (exitCode !== 0)
      throw new BomaError(
        "state/refused",
        `netplan refuses this, and nothing was changed:\n${(stderr.trim() || stdout.trim()).replaceAll(root, "").slice(-2000)}`,
      );
  } finally {
    await files.remove(root, { recursive: true });
  }
}

export async function bringUp(changes: NetworkChanges, want: Want, host: Host): Promise<void> {
  const { commands, services } = host;
  const before = await readLive(host);
  if (want.renderer === "netplan") await commands.must({ argv: ["netplan", "generate"], quiet: true });
  await removeOldLinks(changes, host);
  const { active } = await services.status(NETWORKD);
  if (changes[NETWORKD]) await services.enable(NETWORKD);
  // It reads its own configuration when it starts, and never again.
  const reads = active === "active" && !changes[DROPIN];
  if (reads) await commands.must({ argv: ["networkctl", "reload"], quiet: true });
  else if (active === "active") await services.restart(NETWORKD);
  else await services.start(NETWORKD);
  await reconfigure(want, host, reads);
  await settled(want, host);
  await giveBack(before, want, host);
}

/** networkd makes links and never changes or removes them: one that is another now is made anew by it. */
async function removeOldLinks(changes: NetworkChanges, host: Host): Promise<void> {
  const { links } = await readLive(host);
  for (const name of Object.entries(changes).flatMap(([path, change]) => oldLinks(path, change)))
    if (links.some(({ ifname }) => ifname === name))
      await host.commands.must({ argv: ["ip", "link", "delete", "dev", name], quiet: true });
}

function oldLinks(path: string, { from = NONE, to }: Change<string>): readonly string[] {
  if (from === NONE) return [];
  if (path === NETPLAN_FILE) {
    const now = linksMadeBy(to);
    return [...linksMadeBy(from)].flatMap(([name, what]) => (now.get(name) === what ? [] : [name]));
  }
  return [madeBy(path) ?? []].flat();
}

/**
 * A reload takes up those whose files have changed; the others where the kernel was changed by somebody else. What
 * has just started adds to what it finds, and leaves the addresses of before until it is told to configure anew.
 */
async function reconfigure(want: Want, host: Host, hasRead: boolean): Promise<void> {
  const live = await readLive(host);
  const differing = Object.keys(liveChanges(want, live));
  const names = Object.entries(want.interfaces).flatMap(([name, own]) => {
    const link = linkOf(live, name, own);
    const differs = !hasRead || differing.some((key) => key.startsWith(`${name} `));
    return link && differs ? [link.ifname] : [];
  });
  if (names.length > 0)
    await host.commands.must({ argv: ["networkctl", "reconfigure", ...names], quiet: true });
}

async function giveBack(before: Live, want: Want, host: Host): Promise<void> {
  const now = await readLive(host);
  const names = Object.entries(want.interfaces).flatMap(
    ([name, own]) => linkOf(now, name, own)?.ifname ?? [],
  );
  for (const route of foreignRoutesOn(before, names))
    // One whose neighbour is in no network any more cannot be there any more.
    if (!isThere(now, route)) await host.commands.run({ argv: routeCommand(route), quiet: true });
}

/** A gateway that nobody is behind answers no neighbour's question, whatever the routes say. */
export async function assertGatewaysAnswer(want: Want, host: ReadHost): Promise<void> {
  const live = await readLive(host);
  for (const [name, own] of Object.entries(want.interfaces)) {
    const link = linkOf(live, name, own);
    if (!link || !own.required) continue;
    for (const gateway of gatewaysOf(own))
      if (!(await answers(gateway, link.ifname, host)))
        throw new BomaError("network/gateway", `the gateway ${gateway} does not answer on ${link.ifname}`);
  }
}

/** Asks by ARP or neighbour discovery, which no firewall of the gateway drops. */
export async function answers(address: string, dev: string, { commands }: ReadHost): Promise<boolean> {
  const family = isV6(address) ? "-6" : "-4";
  const endsAt = performance.now() + NEIGHBOUR_MS_MAX;
  for (;;) {
    await commands.read({ argv: ["ip", family, "neighbour", "replace", address, "dev", dev, "use"] });
    const { stdout } = await commands.read({
      argv: ["ip", "-j", family, "neighbour", "show", plainAddress(address), "dev", dev],
    });
    const found = JSON.parse(stdout.trim() || "[]") as readonly { readonly state?: readonly string[] }[];
    const states = found.flatMap(({ state }) => state ?? []);
    if (states.some((state) => ["REACHABLE", "PERMANENT", "NOARP"].includes(state))) return true;
    if (states.includes("FAILED") || performance.now() >= endsAt) return false;
    await pause(LOOK_MS);
  }
}
