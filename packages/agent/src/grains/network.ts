/**
 * Interfaces and addresses. Names come from the kernel, never from DNS: a name
 * service that does not answer must not hold up a start.
 */
import type { NetworkInterfaceInfo } from "node:os";

import type { Grains } from "@boma/protocol";

import {
  assignments,
  byName,
  clean,
  lastPart,
  lookUp,
  present,
  wholeNumber,
  type Collector,
  type Source,
} from "./source.ts";

const NET = "/sys/class/net";
const DEV_BYTES_MAX = 1024 * 1024;
const INTERFACES_MAX = 256;
const NO_MAC = "00:00:00:00:00:00";
const MAC = /^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/;
const FLAG_UP = 1;

interface Interface {
  readonly name: string;
  readonly kind: string;
  readonly mac: string | undefined;
  /** Plugged in, not made by software. */
  readonly hardware: boolean;
  readonly addresses: readonly Address[];
  readonly grains: Grains;
}

type Address = { readonly address: string; readonly prefix: number; readonly family: "ipv4" | "ipv6" };

export const network: Collector = {
  name: "network",
  collect: async (source) => {
    const known = source.system.addresses();
    const names = await interfaceNames(source, known);
    const read = await Promise.all(
      names.map((name) => readInterface(source, name, lookUp(known, name) ?? [])),
    );
    const interfaces = read.filter((one) => !isPassing(one));
    const addresses = interfaces.flatMap((one) => one.addresses);
    const reachable = (family: string) =>
      [
        ...new Set(
          addresses.filter((one) => one.family === family && !isLocal(one)).map((one) => one.address),
        ),
      ].toSorted(byName);
    return present({
      hostname: await shortName(source),
      interfaces: present(interfaces.map((one) => [one.name, one.grains] as const)),
      macs: hardwareAddresses(interfaces),
      ipv4: reachable("ipv4"),
      ipv6: reachable("ipv6"),
    });
  },
};

async function shortName(source: Source): Promise<string | undefined> {
  const name =
    (await source.word("/proc/sys/kernel/hostname")) ??
    (await source.word("/etc/hostname")) ??
    clean(source.system.hostname);
  return clean(name?.split(".")[0])?.toLowerCase();
}

/** /proc/net/dev shows one's own network namespace, where /sys may still be the host's. */
async function interfaceNames(source: Source, known: Readonly<Record<string, unknown>>) {
  const own = await source.text("/proc/net/dev", DEV_BYTES_MAX);
  const names =
    own === undefined
      ? [...new Set([...(await source.list(NET)), ...Object.keys(known)])]
      : own.split("\n").flatMap((line) => /^\s*([^\s:]+):/.exec(line)?.[1] ?? []);
  // The kernel allows any byte but blank, slash and colon; a name that is not plain is not shown.
  return names
    .filter((name) => /^[\w.@-]{1,15}$/.test(name) && !/^\.+$/.test(name))
    .toSorted(byName)
    .slice(0, INTERFACES_MAX);
}

async function readInterface(
  source: Source,
  name: string,
  infos: readonly NetworkInterfaceInfo[],
): Promise<Interface> {
  const path = `${NET}/${name}`;
  const [address, permanent, driver, function0, state, flags, mtu, speed] = await Promise.all([
    source.word(`${path}/address`),
    source.word(`${path}/bonding_slave/perm_hwaddr`),
    source.link(`${path}/device/driver`),
    source.has(`${path}/device/physfn`),
    source.word(`${path}/operstate`),
    source.word(`${path}/flags`),
    source.number(`${path}/mtu`),
    source.number(`${path}/speed`),
  ]);
  const addresses = infos.map(toAddress).toSorted((left, right) => byName(left.address, right.address));
  const told = infos.find((info) => MAC.test(info.mac) && info.mac !== NO_MAC)?.mac;
  // Where the system calls tell another address, /sys is that of an outer namespace: it says nothing of ours.
  const foreign = told !== undefined && address !== undefined && MAC.test(address) && told !== address;
  const mac = foreign ? told : (realMac(permanent) ?? realMac(address) ?? told);
  const { kind, plugged } = foreign ? { kind: "virtual", plugged: false } : await interfaceKind(source, name);
  const up = state === "up" || ((state ?? "unknown") === "unknown" && isFlaggedUp(flags, infos.length > 0));
  const grains = present({
    mac,
    up: foreign || up,
    kind,
    mtu: foreign ? undefined : mtu,
    // An interface without a link says -1 or the largest number there is.
    speed: foreign || speed === undefined || speed === 0 || speed >= 4_294_967_295 ? undefined : speed,
    driver: foreign ? undefined : lastPart(driver),
    addresses,
  });
  return { name, kind, mac, hardware: plugged && !function0, addresses, grains };
}

const realMac = (text: string | undefined): string | undefined => {
  const mac = text?.toLowerCase();
  return mac !== undefined && MAC.test(mac) && mac !== NO_MAC ? mac : undefined;
};

const isFlaggedUp = (flags: string | undefined, otherwise: boolean): boolean =>
  flags !== undefined && /^0x[0-9a-f]{1,8}$/.test(flags) ? (Number(flags) & FLAG_UP) !== 0 : otherwise;

/** The kernel's numbers of link types that are not Ethernet. */
const LINK_KINDS: Readonly<Record<string, string>> = {
  "772": "loopback",
  "32": "infiniband",
  "280": "can",
  "512": "ppp",
  "768": "tunnel",
  "769": "tunnel",
  "776": "tunnel",
  "778": "tunnel",
};

/** In the order in which they are asked: what it is made of says more than what it carries. */
async function interfaceKind(source: Source, name: string): Promise<{ kind: string; plugged: boolean }> {
  const path = `${NET}/${name}`;
  const [uevent, type, device, wireless, tunnel, index, peer] = await Promise.all([
    source.text(`${path}/uevent`),
    source.word(`${path}/type`),
    source.has(`${path}/device`),
    source.has(`${path}/phy80211`),
    source.word(`${path}/tun_flags`),
    source.word(`${path}/ifindex`),
    source.word(`${path}/iflink`),
  ]);
  const devtype = clean(assignments(uevent).get("DEVTYPE"));
  if (wireless) return { kind: "wlan", plugged: device };
  if (devtype !== undefined) return { kind: devtype, plugged: device };
  if (tunnel !== undefined) return { kind: Number(tunnel) & 1 ? "tun" : "tap", plugged: false };
  const known = lookUp(LINK_KINDS, type);
  if (known !== undefined) return { kind: known, plugged: device };
  if (device) return { kind: "ethernet", plugged: true };
  // A pair's end names the other end as its link; all else that does so says what it is.
  const paired = wholeNumber(peer) !== undefined && wholeNumber(peer) !== 0 && peer !== index;
  return { kind: name === "lo" ? "loopback" : paired ? "veth" : "virtual", plugged: false };
}

/**
 * The ends that containers and virtual machines leave on their host come and go by
 * the minute: each would be a new revision. Those that carry an address are ours.
 */
const isPassing = (one: Interface): boolean =>
  (one.kind === "veth" || one.kind === "tap") &&
  one.addresses.every((address) => isLinkLocal(address.address));

/** By these a machine is known at enrolment: real hardware, unless there is none. */
function hardwareAddresses(interfaces: readonly Interface[]): readonly string[] {
  const macs = (chosen: readonly Interface[]) =>
    [...new Set(chosen.flatMap((one) => one.mac ?? []))].toSorted(byName);
  const hardware = macs(interfaces.filter((one) => one.hardware));
  return hardware.length > 0 ? hardware : macs(interfaces.filter((one) => one.kind !== "loopback"));
}

function toAddress(info: NetworkInterfaceInfo): Address {
  const prefix = Number(info.cidr?.split("/")[1] ?? (info.family === "IPv4" ? 32 : 128));
  // The zone after % is a local name, not a part of the address.
  return {
    address: info.address.split("%")[0] ?? "",
    prefix,
    family: info.family === "IPv4" ? "ipv4" : "ipv6",
  };
}

const isLinkLocal = (address: string): boolean => /^fe[89ab][0-9a-f]:/i.test(address);
const isLocal = ({ address }: Address): boolean =>
  address.startsWith("127.") || address === "::1" || isLinkLocal(address);
