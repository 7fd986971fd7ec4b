/** Graphics and compute cards on the PCI bus. */
import type { GrainValue } from "@boma/protocol";

import { assignments, lastPart, lookUp, present, type Collector, type Source } from "./source.ts";
import { containerKind } from "./virtual.ts";

const PCI = "/sys/bus/pci/devices";
const DISPLAY_CLASS = /^0x03[0-9a-f]{4}$/;

const VENDORS: Readonly<Record<string, string>> = {
  "0x10de": "NVIDIA",
  "0x1002": "AMD",
  "0x8086": "Intel",
  "0x102b": "Matrox",
  "0x1a03": "ASPEED",
  "0x1234": "QEMU",
  "0x1af4": "virtio",
  "0x1b36": "Red Hat",
  "0x15ad": "VMware",
};

export const gpus: Collector = {
  name: "gpus",
  collect: async (source) => {
    if ((await containerKind(source)) !== undefined) return {};
    const slots = await source.list(PCI);
    if (slots.length === 0) return {};
    const found = await Promise.all(slots.map((slot) => readCard(source, slot)));
    return { gpus: found.filter((card) => card !== undefined) };
  },
};

async function readCard(source: Source, slot: string): Promise<GrainValue | undefined> {
  if (!/^[0-9a-f:.]{7,16}$/.test(slot)) return undefined;
  if (!DISPLAY_CLASS.test((await source.word(`${PCI}/${slot}/class`)) ?? "")) return undefined;
  const [vendorId, deviceId, driver, uevent] = await Promise.all([
    source.word(`${PCI}/${slot}/vendor`),
    source.word(`${PCI}/${slot}/device`),
    source.link(`${PCI}/${slot}/driver`),
    source.text(`${PCI}/${slot}/uevent`),
  ]);
  return present({
    slot,
    vendor: lookUp(VENDORS, vendorId) ?? vendorId,
    vendor_id: vendorId,
    device_id: deviceId,
    driver: lastPart(driver) ?? assignments(uevent).get("DRIVER")?.slice(0, 64),
  });
}
