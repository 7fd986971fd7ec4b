/**
 * For hosts that set their own addresses: systemd-networkd runs in them with what
 * an installer would have written, and what the kernel was told in one life is
 * gone in the next, as on a machine that was switched off.
 */
import { ROOT } from "./disk.ts";
import { BRIDGE_ADDRESS } from "./network.ts";
import type { Space } from "./space.ts";

const UNITS = ["systemd-networkd.service", "systemd-networkd.socket", "systemd-networkd-wait-online.service"];

export const INSTALLED = "/etc/systemd/network/50-installer.network";

/** Before its first boot. */
export async function giveNetworkd(space: Space, address: string): Promise<void> {
  const text = `[Match]\nName=eth0\n[Network]\nAddress=${address}/24\nGateway=${BRIDGE_ADDRESS}\nIPv6AcceptRA=no\nLinkLocalAddressing=no\n`;
  await space.must(["mkdir", "-p", `${ROOT}/etc/systemd/network`]);
  await space.must(["tee", ROOT + INSTALLED], { stdin: text });
  await space.must(["rm", "-f", ...UNITS.map((unit) => `${ROOT}/etc/systemd/system/${unit}`)]);
  await space.must(["chroot", ROOT, "systemctl", "--quiet", "enable", UNITS[0]!]);
}

const FORGET = `
for path in /sys/class/net/*; do
  name=\${path##*/}
  [ "$name" = lo ] && continue
  ip address flush dev "$name" scope global
  if [ -d "$path/bridge" ]; then ip link delete dev "$name"; fi
done
echo 0 > /proc/sys/net/ipv4/ip_forward
echo 0 > /proc/sys/net/ipv6/conf/all/forwarding
chroot ${ROOT} nft flush ruleset
`;

/** Before each boot: the kernel of a machine that comes up has neither addresses nor rules. */
export async function forgetKernel(space: Space): Promise<void> {
  // The names of its links are those of its own sysfs.
  await space.must(["sh", "-ec", `mount -t sysfs sysfs /sys\n${FORGET}\numount /sys`]);
}
