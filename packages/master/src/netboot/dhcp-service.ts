/**
 * dnsmasq as the boot service's child: looked for rivals first, written down, started,
 * heard, and ended with us. Its leases outlive it, for the machines that hold them do.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdir, writeFile } from "node:fs/promises";
import { networkInterfaces } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";

import { BomaError } from "@boma/protocol";

import { type DhcpOptions, dnsmasqConfig } from "./dnsmasq-config.ts";
import { DnsmasqLog } from "./dnsmasq-log.ts";
import { type BootNet, otherServers, rogue } from "./rogue-guard.ts";

/** A rival that comes later is found within so long. */
const LOOK_AGAIN_MS = 5 * 60_000;

export interface DhcpParts {
  /** A machine was switched on: its loader asked who is there. */
  readonly onDiscover: (mac: string) => void;
  readonly onRogue: (server: string, offers: string) => void;
  readonly complain: (line: string) => void;
  /** It ended, and nobody ended it: from now on no machine boots. */
  readonly onLost: (why: string) => void;
}

/** What an operator says of it; the rest is the interface's own. */
export type DhcpRequest = Pick<DhcpOptions, "mode" | "interface" | "range" | "router"> & {
  /** Where its configuration and its leases are kept. */
  readonly dir: string;
};
type Given = DhcpRequest & Pick<DhcpOptions, "httpPort">;

export async function startDhcp(given: Given, parts: DhcpParts): Promise<AsyncDisposable> {
  const net = netOf(given.interface);
  if (given.mode === "full") {
    const [rival] = await otherServers(net);
    if (rival) {
      parts.onRogue(rival.server, rival.address);
      throw rogue(rival);
    }
  }
  const { dir, ...options } = given;
  const { address, netmask } = net;
  const [file, leaseFile] = [join(dir, "dnsmasq.conf"), join(dir, "dnsmasq.leases")];
  await mkdir(dir, { recursive: true, mode: 0o755 });
  await writeFile(file, dnsmasqConfig({ ...options, address, netmask, leaseFile }));
  const child = spawn("dnsmasq", ["--keep-in-foreground", "--log-facility=-", `--conf-file=${file}`], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  const stopping = new AbortController();
  const ended = follow(child, parts, stopping.signal);
  const again = setInterval(() => void lookAgain(net, parts), LOOK_AGAIN_MS).unref();
  return {
    async [Symbol.asyncDispose]() {
      clearInterval(again);
      stopping.abort();
      child.kill("SIGTERM");
      await ended;
    },
  };
}

/** What dnsmasq says on standard error is its log; who asks is the first thing that is known of a machine. */
function follow(
  child: ChildProcess,
  { onDiscover, onLost }: DhcpParts,
  stopping: AbortSignal,
): Promise<void> {
  const log = new DnsmasqLog();
  let last = "";
  createInterface({ input: child.stderr! }).on("line", (line) => {
    last = line;
    const mac = log.read(line);
    if (mac !== undefined) onDiscover(mac);
  });
  return new Promise((resolve) => {
    child.on("error", (error: NodeJS.ErrnoException) => {
      onLost(error.code === "ENOENT" ? "it is not here: apt-get install dnsmasq-base" : error.message);
      resolve();
    });
    child.on("close", (code, signal) => {
      if (!stopping.aborted) onLost(`it ended with ${code ?? signal}: ${last}`);
      resolve();
    });
  });
}

async function lookAgain(net: BootNet, { onRogue, complain }: DhcpParts): Promise<void> {
  try {
    for (const { server, address } of await otherServers(net)) {
      complain(`another DHCP server answers on the boot LAN: ${server}`);
      onRogue(server, address);
    }
  } catch (error) {
    complain(String(error));
  }
}

/** The first IPv4 address of an interface, and what goes with it. */
function netOf(name: string): BootNet & { readonly netmask: string } {
  const found = (networkInterfaces()[name] ?? []).find(({ family }) => family === "IPv4");
  if (!found)
    throw new BomaError("usage/argument", `the interface ${name} is not there, or has no IPv4 address`, {
      hint: "`ip -4 address` lists what there is.",
    });
  const { address, netmask } = found;
  const mask = netmask.split(".").map(Number);
  const broadcast = address
    .split(".")
    .map((part, at) => Number(part) | (255 - mask[at]!))
    .join(".");
  return { address, netmask, broadcast };
}
