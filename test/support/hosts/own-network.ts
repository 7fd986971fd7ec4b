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

/** With its ports, but for those that are cards: the end of a dead container may be plugged in for a while, and answer for its address. */
const unplug = (cables: readonly string[]): string => `
for bridge in /sys/class/net/*/bridge; do
  [ -d "$bridge" ] || continue
  path=\${bridge%/bridge}
  for port in "$path"/brif/*; do
    [ -e "$port" ] || continue
    name=\${port##*/}
    case " eth0 ${cables.join(" ")} " in *" $name "*) ;; *) ip link delete dev "$name" ;; esac
  done
  ip link delete dev "\${path##*/}"
done
`;
const FORGET_ADDRESSES = `
for path in /sys/class/net/*; do
  name=\${path##*/}
  [ "$name" = lo ] || ip address flush dev "$name" scope global
done
echo 0 > /proc/sys/net/ipv4/ip_forward
echo 0 > /proc/sys/net/ipv6/conf/all/forwarding
`;

/** Before each boot: the kernel of a machine that comes up has no rules, no bridges, and only those addresses that somebody sets. */
export async function forgetKernel(
  space: Space,
  cables: readonly string[],
  setsAddresses: boolean,
): Promise<void> {
  const script = [
    // The names of its links are those of its own sysfs.
    "mount -t sysfs sysfs /sys",
    `chroot ${ROOT} nft flush ruleset`,
    unplug(cables),
    setsAddresses ? FORGET_ADDRESSES : "",
    "umount /sys",
  ];
  await space.must(["sh", "-ec", script.join("\n")]);
}
