/**
 * What /proc and /sys do not tell: which memory modules are plugged in where, and
 * how a graphics card is called. systeminformation asks dmidecode, lspci and vendors'
 * tools for it, through a shell with fixed words; that is slow, so it is loaded and
 * run only when somebody asks for it. Everything else we read ourselves: a library
 * that spawns programs at every start would cost more than the rest of the agent.
 */
import type { Grains } from "@boma/protocol";

import { clean, present, type Collector } from "./source.ts";

const HARDWARE_TIME_LIMIT_MS = 15_000;

export const hardware: Collector = {
  name: "hardware",
  timeLimitMs: HARDWARE_TIME_LIMIT_MS,
  collect: async (source) => {
    // It looks at the machine it runs on and cannot be pointed at a tree.
    if (source.root !== "/") return {};
    const { default: asked } = await import("systeminformation");
    const [modules, graphics] = await Promise.all([asked.memLayout(), asked.graphics()]);
    const plugged = modules.map(memoryModule).filter((one) => "type" in one || "part" in one);
    const models = graphics.controllers.flatMap((card) => clean(card.model) ?? []);
    return present({
      memory_modules: plugged.length > 0 ? plugged : undefined,
      gpu_models: models.length > 0 ? models : undefined,
    });
  },
};

interface MemoryModule {
  readonly size: number;
  readonly bank?: string;
  readonly type?: string;
  readonly clockSpeed?: number | null;
  readonly manufacturer?: string;
  readonly partNum?: string;
  readonly serialNum?: string;
  readonly ecc?: boolean | null;
}

/** Without the right to ask the firmware, the library makes up one module of all memory: it has no type. */
export const memoryModule = (one: MemoryModule): Grains =>
  present({
    slot: clean(one.bank),
    size: one.size > 0 ? one.size : undefined,
    type: clean(one.type),
    speed: one.clockSpeed || undefined,
    vendor: clean(one.manufacturer),
    part: clean(one.partNum),
    serial: clean(one.serialNum),
    ecc: one.ecc ?? undefined,
  });
