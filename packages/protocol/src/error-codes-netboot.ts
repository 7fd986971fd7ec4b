/** What can go wrong with netboot images and with the service that machines boot from. */
import { failed, type Row, usage } from "./error-row.ts";

export const netbootCodes = {
  "image/refused": failed(
    "A netboot image is not what the release key signed, or is another master's.",
    "Build it again: `boma-master image build`.",
  ),
  "image/build": failed(
    "A netboot image could not be built: packages that cannot be had or unpacked, or a root that does not fit together.",
    "The message is apt's or dpkg's own. What was there before is as it was.",
  ),
  "image/program": usage(
    "A program that builds or serves images is not on this machine.",
    "Install it: the message names its package.",
  ),
  "netboot/listen": failed(
    "The boot service cannot listen where it should.",
    "Another TFTP, HTTP or DHCP server may hold the port; `ss -lntup` says which.",
  ),
  "netboot/dhcp": failed(
    "The boot LAN's DHCP server does not run, so no machine can begin to boot.",
    "The message is dnsmasq's own. The boot service ends; its unit starts it again.",
  ),
  "netboot/window": usage(
    "A boot window cannot be opened or closed like this.",
    "`boma-master netboot status` lists the open ones.",
  ),
  "netboot/rogue-dhcp": failed(
    "Another DHCP server answers on the boot LAN.",
    "Take it away, or serve beside it: `--dhcp proxy`.",
  ),
  "install/disk": failed(
    "No disk may be installed on: none is proven empty, several are, or the one that was named holds data or is in use.",
    "Name it, and allow what is to be destroyed: `boma-master allow NODE disk.wipe DEVICE --reason TEXT`.",
  ),
  "install/not-live": failed(
    "This machine does not run an image that can be put on a disk.",
    "`boma-master image build --install`, a window with --install, and a boot from the network.",
  ),
} as const satisfies Record<string, Row>;
