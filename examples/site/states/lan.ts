// The local network behind a gateway: addresses, names, and what machines without a system boot from.
import { dnsmasq, file, pkg, tree } from "@boma/states";

import Pillar from "../pillar/schema.ts";

const TFTP = "/srv/tftp";

export default tree(Pillar, ({ pillar: { cluster, dhcp, gateway } }) => {
  if (!dhcp || !gateway) return [];
  const [router] = gateway.address.split("/") as [string];
  // It begins with these options: without them it would serve names on every side.
  const program = pkg.installed("dnsmasq", { startServices: false });
  const root = file.directory(TFTP, { owner: "dnsmasq", group: "nogroup", require: program });
  return [
    program,
    root,
    dnsmasq.config("lan", {
      interfaces: [gateway.lan],
      dhcp: {
        ranges: [{ first: dhcp.first, last: dhcp.last }],
        hosts: dhcp.hosts,
        router,
        dns: [router],
        authoritative: true,
      },
      dns: { upstreams: dhcp.upstreams, domain: `${cluster}.lan` },
      tftp: { root: TFTP },
      pxe: { byArch: { "efi-x64": "grubx64.efi", "efi-arm64": "grubaa64.efi" } },
      require: root,
    }),
  ];
});
