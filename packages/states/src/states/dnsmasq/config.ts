import { BomaError } from "@boma/protocol";

import type { PortNeed } from "../../catalog/needs.ts";
import { diff } from "../../changes.ts";
import { defineState } from "../../define-state.ts";
import type { Host, ReadHost } from "../../host/host.ts";
import { readIfThere, writeBelow } from "../owned-file.ts";
import { EXAMPLES } from "./example-lan.ts";
import {
  CONF_DIR,
  confPath,
  confText,
  leasesPath,
  leasesText,
  namesPath,
  namesText,
  pendingPath,
} from "./files.ts";
import { Params, type Want } from "./parameters.ts";
import { assertNoRogue, rogueOn } from "./rogue.ts";

const UNIT = "dnsmasq.service";

interface Properties {
  readonly options: string;
  readonly leases: string;
  readonly names: string;
  /** It has read what lies there. */
  readonly loaded: boolean;
  readonly running: boolean;
  readonly enabled: boolean;
}

export default defineState({
  name: "dnsmasq.config",
  summary: "Addresses, names and boot files for the machines of a local network.",
  key: "name",
  params: Params,
  platforms: ["Debian"],
  stage: "network",
  claims: (want) => [confPath(want), leasesPath(want), namesPath(want)].map((path) => `file:${path}`),
  after: ({ tftp }) => [
    "pkg:dnsmasq",
    "network:node",
    `file:${CONF_DIR}`,
    ...(tftp ? [`file:${tftp.root}`] : []),
  ],
  needs: (want) => needsOf(want),

  async check(want, host) {
    const { active, enabled } = await host.services.status(UNIT);
    const is = {
      options: await readIfThere(host.files, confPath(want)),
      leases: await readIfThere(host.files, leasesPath(want)),
      names: await readIfThere(host.files, namesPath(want)),
      loaded: !(await host.files.stat(pendingPath(want))),
      running: active === "active",
      enabled: enabled === "enabled",
    };
    return diff<Properties>(is, {
      options: confText(want),
      leases: leasesText(want),
      names: namesText(want),
      loaded: true,
      running: true,
      enabled: true,
    });
  },

  blocked: (want, host) => rogueOn(want, host),

  async apply({ options, leases, names, loaded, running, enabled }, want, host) {
    if (options) {
      await assertNoRogue(want, host);
      await proveDraft(want, host);
    }
    // Killed before it has read them, the next apply still knows.
    if (options || leases || names) await writeBelow(host.files, pendingPath(want), "");
    // What it reads on a signal lies there before the options that name it.
    if (leases) await writeBelow(host.files, leasesPath(want), leases.to);
    if (names) await writeBelow(host.files, namesPath(want), names.to);
    if (options) await put(want, options.to, host);
    else if (loaded || running) await host.services.restart(UNIT);
    else if (leases || names) await host.services.reload(UNIT);
    if (await host.files.stat(pendingPath(want))) await host.files.remove(pendingPath(want));
    if (enabled) await host.services.enable(UNIT);
  },

  examples: EXAMPLES,
});

function needsOf({ dhcp, dns, tftp }: Want): readonly PortNeed[] {
  const open = (name: string, proto: "tcp" | "udp", port: number): PortNeed => ({
    name,
    proto,
    port,
    exposure: "lan",
  });
  return [
    ...(dhcp ? [open("dhcp", "udp", 67)] : []),
    // Machines that boot from a proxy ask it here.
    ...(dhcp?.proxy === undefined ? [] : [open("pxe", "udp", 4011)]),
    ...(dns.port === 0 ? [] : [open("dns", "udp", dns.port), open("dns-tcp", "tcp", dns.port)]),
    ...(tftp ? [open("tftp", "udp", 69)] : []),
  ];
}

/** The draft beside what is there already: two files may each be right, and not go together. */
async function proveDraft(want: Want, { files, commands }: Host): Promise<void> {
  const directory = await files.makeTemporary("/etc");
  try {
    const there = (await files.stat(CONF_DIR)) ? await files.list(CONF_DIR) : [];
    for (const name of there.filter(
      (one) => one.endsWith(".conf") && `${CONF_DIR}/${one}` !== confPath(want),
    ))
      await files.write(`${directory}/${name}`, await files.readBytes(`${CONF_DIR}/${name}`));
    await files.write(`${directory}/boma-${want.name}.conf`, confText(want));
    const argv = ["dnsmasq", "--test", "--conf-file=/dev/null", `--conf-dir=${directory},*.conf`];
    const { exitCode, stdout, stderr } = await commands.read({ argv });
    if (exitCode === 0) return;
    const said = (stderr.trim() || stdout.trim()).replaceAll(directory, CONF_DIR).slice(0, 2000);
    throw new BomaError("state/refused", `dnsmasq refuses these options:\n${said}`);
  } finally {
    await files.remove(directory, { recursive: true });
  }
}

/** It reads its options when it starts and never again; one that does not start gets those of before. */
async function put(want: Want, text: string, host: Host): Promise<void> {
  const { files, services } = host;
  const path = confPath(want);
  const before = await readIfThere(files, path);
  await writeBelow(files, path, text);
  try {
    await services.restart(UNIT);
    await assertUp(host);
  } catch (thrown) {
    if (before === undefined) await files.remove(path);
    else await files.write(path, before);
    await services.resetFailed(UNIT);
    await services.restart(UNIT);
    throw thrown;
  }
}

async function assertUp({ services }: ReadHost): Promise<void> {
  const { active, result } = await services.settled(UNIT, { timeoutMs: 30_000, stableMs: 500 });
  if (active === "active") return;
  const lines = (await services.logs(UNIT, 5)).map(({ text }) => text);
  throw new BomaError("service/unstable", `dnsmasq is ${active} (${result}):\n${lines.join("\n")}`);
}
