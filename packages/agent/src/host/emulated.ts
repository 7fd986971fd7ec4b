/** The machine of an emulated node; apart from the real ones, which then need no machine of memory to be loaded. */
import { memoryHost } from "@boma/states/testing";

import type { Machine } from "./hosts.ts";
import { refusingPorts } from "./refusing-ports.ts";

/** What every Debian has, so that a site finds where to put its files. */
const DIRECTORIES = [
  "/etc",
  "/home",
  "/opt",
  "/root",
  "/srv",
  "/tmp",
  "/usr/local/bin",
  "/var/lib",
  "/var/log",
];
const files = Object.fromEntries(DIRECTORIES.map((path) => [path, { directory: true as const }]));

/** An emulated node has a machine of memory, and nothing to run on it. */
export function emulatedHost(): Machine {
  const { ports } = memoryHost({ files });
  return {
    confined: true,
    root: "/",
    ports: () => ({ ...ports, commands: refusingPorts("emulated").commands }),
  };
}
