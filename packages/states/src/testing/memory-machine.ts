import type { Port } from "../host/host.ts";
import type { Machine, ReadMachine } from "../host/machine.ts";
import type { MemoryWorld } from "./memory-host.ts";

/** A machine that is up again at once: to its callers a boot is no more than another boot id. */
export function memoryMachine({ given, tree }: MemoryWorld): Port<ReadMachine, Machine> {
  const { rebootReasons = [], lastingReasons = [], locales = ["C", "C.utf8", "POSIX"] } = given.machine ?? {};
  let { hostname = "localhost" } = given.machine ?? {};
  let boots = 1;
  const known = new Set(locales);
  const read: ReadMachine = {
    hostname: async () => hostname,
    bootId: async () => `00000000-0000-4000-8000-${String(boots).padStart(12, "0")}`,
    uptimeMs: async () => 60_000,
    rebootReasons: async () => [...(boots === 1 ? rebootReasons : []), ...lastingReasons],
    kernelRelease: async () => "6.1.0-1-amd64",
    locales: async () => [...known].sort(),
  };
  const write: Machine = {
    ...read,
    async setHostname(name) {
      hostname = name;
    },
    async generateLocales() {
      const list = tree.get("/etc/locale.gen");
      if (list?.type !== "file") throw new Error("ENOENT: open '/etc/locale.gen'");
      for (const line of Buffer.from(list.bytes).toString().split("\n")) {
        const [name] = /^[^#\s]\S*/.exec(line) ?? [];
        if (name !== undefined) known.add(name.replace("UTF-8", "utf8"));
      }
    },
    async reboot() {
      boots++;
    },
  };
  return { read, write };
}
