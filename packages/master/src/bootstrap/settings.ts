/** What a bootstrap is told, checked before anything is looked at. */
import { isIPv4 } from "node:net";
import { hostname } from "node:os";

import { BomaError, parseNodeId, proposeNodeId } from "@boma/protocol";

import { PROFILE_NAME } from "../site/profile.ts";

export interface BootSettings {
  /** The one that it serves, which the profile may be what sets. */
  readonly address: string;
  readonly interface?: string | undefined;
  readonly dhcp?: "proxy" | "full" | undefined;
  readonly range?: string | undefined;
  readonly router?: string | undefined;
}

export interface Settings {
  readonly id: string;
  /** Whether somebody said how the node is to be called. */
  readonly named: boolean;
  readonly profile: string;
  readonly env?: string | undefined;
  /** The operator's site; absent for the starter site, or for the one that is there. */
  readonly site?: string | undefined;
  readonly listen: string;
  readonly names: readonly string[];
  /** A directory with the agent's packages, for machines that the boot service hands over to. */
  readonly packages?: string | undefined;
  readonly boot?: BootSettings | undefined;
}

export interface Given {
  readonly id?: string | undefined;
  readonly profile: string;
  readonly env?: string | undefined;
  readonly site?: string | undefined;
  readonly listen: string;
  readonly name: readonly string[];
  readonly packages?: string | undefined;
  readonly bootAddress?: string | undefined;
  readonly bootInterface?: string | undefined;
  readonly bootDhcp?: "proxy" | "full" | undefined;
  readonly bootRange?: string | undefined;
  readonly bootRouter?: string | undefined;
}

const usage = (message: string, hint?: string): BomaError =>
  new BomaError("usage/argument", message, hint === undefined ? {} : { hint });

export function readSettings(given: Given): Settings {
  if (!PROFILE_NAME.test(given.profile))
    throw usage(`--profile ${given.profile} is not the name of a profile`);
  const at = /^(?:\[[0-9a-f:.]+\]|[^:[\]\s]+):(\d{1,5})$/i.exec(given.listen)?.[1];
  if (at === undefined || Number(at) < 1 || Number(at) > 65_535)
    throw usage(`--listen ${given.listen} is not HOST:PORT`, "For example 0.0.0.0:4222.");
  return {
    id: given.id === undefined ? proposeNodeId(hostname()) : parseNodeId(given.id),
    named: given.id !== undefined,
    profile: given.profile,
    env: given.env,
    site: given.site,
    listen: given.listen,
    names: given.name,
    packages: given.packages,
    boot: readBoot(given),
  };
}

function readBoot(given: Given): BootSettings | undefined {
  const { bootAddress, bootInterface, bootDhcp, bootRange, bootRouter } = given;
  if (bootAddress === undefined) {
    if ([bootInterface, bootDhcp, bootRange, bootRouter].every((word) => word === undefined))
      return undefined;
    throw usage("--boot-… needs --boot-address: the address of this machine on the boot LAN");
  }
  const addresses = [
    bootAddress,
    ...(bootRange?.split(",") ?? []),
    ...(bootRouter === undefined ? [] : [bootRouter]),
  ];
  const odd = addresses.find((address) => !isIPv4(address));
  if (odd !== undefined) throw usage(`${odd} is not an IPv4 address`);
  if (bootDhcp !== undefined && bootInterface === undefined)
    throw usage("--boot-dhcp needs --boot-interface: on which network card");
  if (bootDhcp === "full" && bootRange?.split(",").length !== 2)
    throw usage("--boot-dhcp full needs --boot-range FIRST,LAST", "For example 10.77.0.100,10.77.0.200.");
  if (bootDhcp === undefined && (bootRange !== undefined || bootRouter !== undefined))
    throw usage("--boot-range and --boot-router are of --boot-dhcp full");
  return {
    address: bootAddress,
    interface: bootInterface,
    dhcp: bootDhcp,
    range: bootRange,
    router: bootRouter,
  };
}

/** As `netboot serve` takes them. */
export const bootWords = (boot: BootSettings): readonly string[] =>
  Object.entries({
    "--address": boot.address,
    "--dhcp": boot.dhcp,
    "--interface": boot.interface,
    "--range": boot.range,
    "--router": boot.router,
  }).flatMap(([option, value]) => (value === undefined ? [] : [option, value]));

export const portOf = (listen: string): number => Number(/\d+$/.exec(listen)![0]);
