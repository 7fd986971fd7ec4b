/** What an emulated node claims: machines of a few sizes in racks, so that targets have something to choose from. */
import { hostname } from "node:os";

import type { Grains } from "@boma/protocol";

const GIB = 1024 ** 3;
const NODES_PER_RACK = 40;
const SIZES = [
  { cpus: 4, ram: 8 * GIB, arch: "arm64" },
  { cpus: 16, ram: 64 * GIB, arch: "amd64" },
  { cpus: 64, ram: 512 * GIB, arch: "amd64" },
] as const;

export const emulatedGrains = (index: number, name: string): Grains => ({
  hostname: name,
  kernel: "Linux",
  os: "Debian",
  os_family: "Debian",
  osmajorrelease: 12,
  virtual: "emulated",
  emulated_on: hostname(),
  rack: `r${String(Math.floor(index / NODES_PER_RACK) + 1).padStart(3, "0")}`,
  ...SIZES[index % SIZES.length],
});
