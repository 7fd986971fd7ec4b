/** The processors that are online, and what they can do. */
import { byName, clean, lookUp, present, wholeNumber, type Collector } from "./source.ts";

/**
 * Only the first processor's block is read: on a machine with hundreds the
 * kernel asks every one of them for its clock, which takes long and tells nothing new.
 */
const CPUINFO_BYTES_MAX = 16 * 1024;
const FLAGS_MAX = 512;
const CPUS_MAX = 65_536;

/** Arm cores give numbers only; these are the ones that our machines have. */
const ARM_CORES: Readonly<Record<string, string>> = {
  "0x41:0xd03": "Cortex-A53",
  "0x41:0xd05": "Cortex-A55",
  "0x41:0xd07": "Cortex-A57",
  "0x41:0xd08": "Cortex-A72",
  "0x41:0xd0b": "Cortex-A76",
  "0x41:0xd0c": "Neoverse-N1",
  "0x41:0xd40": "Neoverse-V1",
  "0x41:0xd49": "Neoverse-N2",
  "0x41:0xd4f": "Neoverse-V2",
};

export const cpu: Collector = {
  name: "cpu",
  collect: async (source) => {
    const [text, online] = await Promise.all([
      source.text("/proc/cpuinfo", CPUINFO_BYTES_MAX),
      source.word("/sys/devices/system/cpu/online"),
    ]);
    const fields = firstBlock(text);
    const flags = (fields.get("flags") ?? fields.get("Features"))
      ?.split(/\s+/)
      .flatMap((flag) => clean(flag) ?? []);
    const core = lookUp(ARM_CORES, `${fields.get("CPU implementer")}:${fields.get("CPU part")}`);
    return present({
      cpus: countOnline(online) ?? countProcessors(text),
      cpu_model: clean(fields.get("model name")) ?? core,
      cpu_flags: flags && [...new Set(flags)].toSorted(byName).slice(0, FLAGS_MAX),
    });
  },
};

function firstBlock(text: string | undefined): ReadonlyMap<string, string> {
  const fields = new Map<string, string>();
  for (const line of text?.split("\n") ?? []) {
    if (line.trim() === "" && fields.size > 0) break;
    const colon = line.indexOf(":");
    if (colon > 0) fields.set(line.slice(0, colon).trim(), line.slice(colon + 1).trim());
  }
  return fields;
}

/** `0-3,8` is five. */
function countOnline(ranges: string | undefined): number | undefined {
  let count = 0;
  for (const range of ranges?.split(",") ?? []) {
    const [from, to] = range.split("-");
    const first = wholeNumber(from);
    const last = to === undefined ? first : wholeNumber(to);
    if (first === undefined || last === undefined || last < first) return undefined;
    count += last - first + 1;
  }
  return count > 0 && count <= CPUS_MAX ? count : undefined;
}

function countProcessors(text: string | undefined): number | undefined {
  const count = text?.match(/^processor\s*:/gm)?.length ?? 0;
  return count > 0 ? count : undefined;
}
