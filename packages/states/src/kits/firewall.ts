/** A firewall with what it needs: the program that loads it, then the rules. */
import type { z } from "zod";

import type { Declaration } from "../declaration.ts";
import filter from "../states/firewall/filter.ts";
import installed from "../states/pkg/installed.ts";

type FirewallKit = Omit<z.input<typeof filter.spec.params>, "name">;

/** `firewallKit({ control: { sshFrom: ["192.0.2.0/24"] } })`, once for a node. */
export function firewallKit(firewall: FirewallKit): readonly Declaration[] {
  const program = installed("nftables");
  return [program, filter("node", { ...firewall, require: program })];
}
