/** Which machine this is: model, serials, uuid; from DMI on PCs and servers, from the device tree on boards. */
import { clean, lookUp, present, type Collector, type Source } from "./source.ts";
import { containerKind } from "./virtual.ts";

/** What makers leave in when they forget to fill it in; two such machines would look like one. */
const PLACEHOLDER =
  /^(to be filled by o\.?e\.?m\.?|default string|not (specified|available|applicable|present)|none|n\/?a|unknown|undefined|o\.?e\.?m\.?|system (serial number|product name|manufacturer|version)|(base ?board|chassis|board) serial number|type2 .*|empty|x+|0+|0?123456789.*|\.+|-+)$/i;

/** Identifiers that whole series of boards share. */
const SHARED_UUIDS: readonly string[] = [
  "00000000-0000-0000-0000-000000000000",
  "ffffffff-ffff-ffff-ffff-ffffffffffff",
  "03000200-0400-0500-0006-000700080009",
  "12345678-1234-5678-90ab-cddeefaabbcc",
];

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** The first part of `compatible`, as people write it. */
const BOARD_VENDORS: Readonly<Record<string, string>> = {
  raspberrypi: "Raspberry Pi",
  radxa: "Radxa",
  pine64: "Pine64",
  friendlyarm: "FriendlyElec",
  hardkernel: "Hardkernel",
  nvidia: "NVIDIA",
};

export const machine: Collector = {
  name: "machine",
  collect: async (source) => {
    const [machineId, container] = await Promise.all([source.word("/etc/machine-id"), containerKind(source)]);
    const own = { machine_id: machineId && /^[0-9a-f]{32}$/.test(machineId) ? machineId : undefined };
    // A container sees its host's serials; claiming them would make two nodes of one machine.
    if (container !== undefined) return present(own);
    return present({ ...(await fromDeviceTree(source)), ...present(await fromDmi(source)), ...own });
  },
};

async function fromDmi(source: Source) {
  const field = async (name: string) => filledIn(await source.word(`/sys/class/dmi/id/${name}`));
  const [model, vendor, serial, boardSerial, uuid, bios] = await Promise.all([
    field("product_name"),
    field("sys_vendor"),
    field("product_serial"),
    field("board_serial"),
    field("product_uuid"),
    field("bios_version"),
  ]);
  return {
    model,
    vendor,
    serial,
    board_serial: boardSerial,
    uuid: realUuid(uuid?.toLowerCase()),
    bios_version: bios,
  };
}

async function fromDeviceTree(source: Source) {
  const field = async (name: string) => {
    const text =
      (await source.text(`/proc/device-tree/${name}`)) ??
      (await source.text(`/sys/firmware/devicetree/base/${name}`));
    // A property is a list of strings that each end in NUL; the first is the most exact.
    return filledIn(clean(text?.split("\0")[0]));
  };
  const [model, serial, compatible] = await Promise.all([
    field("model"),
    field("serial-number"),
    field("compatible"),
  ]);
  const maker = compatible?.split(",")[0]?.toLowerCase();
  return { model, serial, vendor: lookUp(BOARD_VENDORS, maker) ?? maker };
}

const filledIn = (text: string | undefined): string | undefined =>
  text === undefined || PLACEHOLDER.test(text) ? undefined : text;

const realUuid = (uuid: string | undefined): string | undefined =>
  uuid !== undefined && UUID.test(uuid) && !SHARED_UUIDS.includes(uuid) ? uuid : undefined;
