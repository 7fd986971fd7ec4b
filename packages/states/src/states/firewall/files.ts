/** Where a firewall lies on the disk, and the units that load it before there is a network. */
import type { Want } from "./parameters.ts";

const DIRECTORY = "/etc/boma/firewall";
export const RULES = `${DIRECTORY}/boma.nft`;
export const SAFE = `${DIRECTORY}/boma-safe.nft`;
export const UNIT = "boma-firewall.service";
export const DOCKER_UNIT = "boma-firewall-docker.service";
export const NFT = "/usr/sbin/nft";

const MANAGED = "# Kept by boma: changes made here are undone.\n";

export const unitPath = (unit: string): string => `/etc/systemd/system/${unit}`;

/**
 * No ExecStop: whoever stops it must not open the machine. What was not confirmed before a power cut is taken back
 * first. Where the rules cannot be loaded the safe ones are, and the unit fails, so that somebody comes to look.
 */
export const UNIT_TEXT = `${MANAGED}[Unit]
Description=The firewall of boma
DefaultDependencies=no
After=local-fs.target boma-undo.service
Before=network-pre.target
Wants=network-pre.target
ConditionPathExists=|${RULES}
ConditionPathExists=|${SAFE}

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/bin/sh -c '${NFT} -f ${RULES} || { ${NFT} -f ${SAFE}; exit 1; }'
ExecReload=${NFT} -f ${RULES}

[Install]
WantedBy=sysinit.target
`;

/**
 * Docker drops by policy what it does not know, and that is final; but it leaves one chain to others. It makes that
 * chain anew when it starts, so these rules come with it each time.
 */
export function dockerUnitText({ masquerade }: NonNullable<Want["nat"]>): string {
  const rules = masquerade.flatMap(({ iif, oif, from }) => {
    const [inside, outside] = [iif, oif].map((name) => name.replace(/\*$/, "+")) as [string, string];
    return [
      ...from
        .filter((network) => !network.includes(":"))
        .map((network) => `-i ${inside} -o ${outside} -s ${network}`),
      `-i ${outside} -o ${inside} -m conntrack --ctstate RELATED,ESTABLISHED`,
    ];
  });
  const commands = [...new Set(rules)].flatMap((rule) => {
    const words = `DOCKER-USER ${rule} -m comment --comment boma -j ACCEPT`;
    return [`ExecStart=-/usr/sbin/iptables -w -D ${words}`, `ExecStart=/usr/sbin/iptables -w -I ${words}`];
  });
  return `${MANAGED}[Unit]
Description=What passes the firewall of boma, for Docker
After=docker.service
PartOf=docker.service

[Service]
Type=oneshot
RemainAfterExit=yes
${commands.join("\n")}

[Install]
WantedBy=docker.service
`;
}
