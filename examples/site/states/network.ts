// What comes in: nothing but what is declared. On a gateway, its two sides and what it lets out of the local network.
import { firewall, firewallKit, natGatewayKit, tree } from "@boma/states";

import Pillar from "../pillar/schema.ts";
import { hasRole } from "./cluster.ts";

export default tree(Pillar, ({ assigned, pillar: { admin, gateway, lan } }) => {
  const control = { sshFrom: admin.from };
  if (!gateway || !hasRole(assigned, "gateway"))
    return firewallKit({ control, zones: { lan: { from: [lan.network] } } });
  return [
    ...natGatewayKit({
      wan: { name: gateway.wan, dhcp4: true },
      lan: { name: gateway.lan, addresses: [gateway.address] },
      replaces: gateway.replaces,
      firewall: { control },
    }),
    // Where the master runs here as well: its bus, and the boot service.
    firewall.port("boma", { tcp: [4222, 8080], exposure: "lan" }),
  ];
});
