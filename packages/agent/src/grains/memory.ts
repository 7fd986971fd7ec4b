/** Memory as the kernel manages it: somewhat less than what is plugged in. */
import { present, wholeNumber, type Collector } from "./source.ts";

const MEMINFO_BYTES_MAX = 16 * 1024;

export const memory: Collector = {
  name: "memory",
  collect: async (source) => {
    const text = await source.text("/proc/meminfo", MEMINFO_BYTES_MAX);
    const bytes = (name: string) => {
      const kibibytes = wholeNumber(new RegExp(`^${name}:\\s+(\\d{1,13}) kB`, "m").exec(text ?? "")?.[1]);
      return kibibytes === undefined ? undefined : kibibytes * 1024;
    };
    return present({ ram: bytes("MemTotal"), swap: bytes("SwapTotal") });
  },
};
