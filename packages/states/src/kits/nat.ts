/** A machine with one side to the internet and one to a network of its own, for which it is the gateway. */
import type { z } from "zod";

import type { Declaration } from "../declaration.ts";
import filter from "../states/firewall/filter.ts";
import interfaces from "../states/network/interfaces.ts";
import { networkTextOf } from "../states/network/ip-networks.ts";
import installed from "../states/pkg/installed.ts";

type Network = z.input<(typeof interfaces)["spec"]["params"]>;
type Firewall = z.input<(typeof filter)["spec"]["params"]>;
type Side = Network["interfaces"][string] & { readonly name: string };

export interface NatGateway {
  /** The side to the internet, as `network.interfaces` takes it, by DHCP where nothing is said. */
  readonly wan: Side;
  /** The side to the network of its own, with the address that is its gateway. */
  readonly lan: Side & { readonly addresses: [string, ...string[]] };
  readonly renderer?: Network["renderer"];
  readonly replaces?: Network["replaces"];
  readonly confirmWithin?: string;
  /** The rest of the firewall: `control` at the least. */
  readonly firewall: Omit<Firewall, "name" | "forward" | "nat" | "needs">;
}

/** Interfaces, forwarding, and a firewall that lets the network out under the address of the machine. */
export function natGatewayKit(gateway: NatGateway): readonly Declaration[] {
  const { wan, lan, renderer, replaces, confirmWithin, firewall } = gateway;
  const { name: oif, ...outer } = wan;
  const { name: iif, ...inner } = lan;
  const dhcp4 = outer.dhcp4 ?? (outer.addresses ?? []).length === 0;
  const network = interfaces("node", {
    interfaces: { [oif]: { ...outer, dhcp4 }, [iif]: inner },
    forwarding: "ipv4",
    ...(renderer && { renderer }),
    ...(replaces && { replaces }),
    ...(confirmWithin !== undefined && { confirmWithin }),
  });
  const program = installed("nftables");
  const from = lan.addresses.filter((address) => !address.includes(":")).map(networkTextOf);
  const own = { interfaces: [iif], from };
  const rules = filter("node", {
    ...firewall,
    ...(confirmWithin !== undefined && { confirmWithin }),
    zones: { ...firewall.zones, lan: firewall.zones?.lan ?? own },
    forward: "nat",
    nat: { masquerade: [{ iif, oif, from }] },
    require: [network, program],
  });
  return [network, program, rules];
}
