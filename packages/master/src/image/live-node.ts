/** What makes a Debian root with the agent's package a live node: whom the agent believes, and what is started. */
import { link, put } from "./root-tree.ts";

export interface LiveNode {
  /** Who the master is: what `boma-agent run --join` takes. */
  readonly join: string;
  /** What its nodes claim to be meant for: shown where somebody decides on them, and assigned by nobody's claim. */
  readonly profile?: string | undefined;
  /** Where apt on the node gets packages. */
  readonly sources: string;
}

const WANTS = "etc/systemd/system/multi-user.target.wants";

export async function makeLive(root: string, { join: kit, profile, sources }: LiveNode): Promise<void> {
  // It holds the seed with which strangers knock: for root's eyes, as on an installed node.
  await put(root, "etc/boma/join", `${kit.trim()}\n`, 0o600);
  if (profile !== undefined)
    await put(root, "etc/boma/grains.d/50-image.json", `${JSON.stringify({ profile })}\n`);
  await put(root, "etc/systemd/system/boma-agent.service.d/50-console.conf", CONSOLE);
  await put(root, "etc/systemd/network/80-boma-live.network", NETWORK);
  await put(root, `etc/apt/sources.list.d/boma.${/^Types:/m.test(sources) ? "sources" : "list"}`, sources);
  for (const unit of ["boma-agent.service", "systemd-networkd.service"])
    await link(root, `/usr/lib/systemd/system/${unit}`, `${WANTS}/${unit}`);
  for (const unit of ["systemd-resolved.service", "systemd-timesyncd.service"])
    await link(root, `/usr/lib/systemd/system/${unit}`, `etc/systemd/system/sysinit.target.wants/${unit}`);
}

/** What it prints is for whoever stands before the machine: the fingerprint, and what it waits for. */
const CONSOLE = `[Service]
StandardOutput=journal+console
StandardError=journal+console
`;

/** Every cable, until the site's own states say otherwise: their files sort before this one. */
const NETWORK = `[Match]
Type=ether
Name=en* eth*

[Network]
DHCP=yes
LLDP=yes

[DHCPv4]
ClientIdentifier=mac

[Link]
RequiredForOnline=no
`;
