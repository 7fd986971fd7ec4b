import type { Duties, Duty, ReadDuties } from "../host/duties.ts";
import type { Port } from "../host/host.ts";
import type { MemoryWorld } from "./memory-host.ts";

export function memoryDuties({ given }: MemoryWorld): Port<ReadDuties, Duties> {
  const duties = new Map<string, Duty>(Object.entries(given.duties ?? {}));
  const read: ReadDuties = { get: async (id) => duties.get(id) };
  const write: Duties = {
    ...read,
    set: async (id, duty) => void duties.set(id, duty),
    remove: async (id) => void duties.delete(id),
  };
  return { read, write };
}
