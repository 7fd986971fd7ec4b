import { BomaError } from "@boma/protocol";

import type { Port } from "../host/host.ts";
import type { Kernel, ModuleStatus, ReadKernel } from "../host/kernel.ts";
import type { MemoryWorld } from "./memory-host.ts";

export function memoryKernel({ given }: MemoryWorld): Port<ReadKernel, Kernel> {
  const { readOnly = false, modulesInUse = [] } = given.kernel ?? {};
  const parameters = new Map(Object.entries(given.kernel?.parameters ?? {}));
  const modules = new Map<string, ModuleStatus>(Object.entries(given.kernel?.modules ?? {}));
  const read: ReadKernel = {
    parameter: async (key) => parameters.get(key),
    module: async (name) => modules.get(name) ?? "missing",
  };
  const write: Kernel = {
    ...read,
    async setParameter(key, value) {
      if (!parameters.has(key)) throw new Error(`ENOENT: open '/proc/sys/${key}'`);
      if (readOnly) throw new BomaError("state/unsupported", `/proc/sys/${key} is read-only here`);
      // Numbers in one file come back with tabs between them.
      parameters.set(key, value.replaceAll(" ", "\t"));
    },
    async load(name) {
      if (!modules.has(name)) throw new Error(`modprobe: FATAL: Module ${name} not found`);
      if (modules.get(name) === "available") modules.set(name, "loaded");
    },
    async unload(name) {
      if (modules.get(name) !== "loaded" || modulesInUse.includes(name))
        throw new BomaError("state/command-failed", `rmmod: ERROR: Module ${name} is in use`);
      modules.set(name, "available");
    },
  };
  return { read, write };
}
