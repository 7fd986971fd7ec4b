/**
 * What Ubuntu's own installer is told: which disk, by the same proof as ours; nobody to
 * log in but whom the site names; and the agent, which joins when the system is first up.
 */
import { cloudConfig, INSTALL, nameOf, type Packages } from "./nocloud.ts";

/** The image of a window in which Ubuntu's installer is booted instead of one of ours. */
export const UBUNTU = "ubuntu";

export interface Autoinstall {
  readonly mac: string;
  readonly node?: string | undefined;
  readonly disk?: string | undefined;
  /** Where this machine's files are: `http://…/ubuntu/<mac>`. */
  readonly at: string;
  readonly packages: Packages;
}

/** Stands in the answers until the installer has found out which disk that is. */
const PLACE = "/dev/boma-disk";

/**
 * `sh -ec PROVE sh ANSWERS [DISK]`, before the installer looks at any disk. It takes data for nothing that matters, so
 * what is not proven empty is not shown to it; it reads its answers again after this.
 */
export const PROVE = `
answers=$1 named=\${2:-}
fail() { echo "boma: $*" >&2; exit 1; }
zero() { [ "$(dd if="$1" bs=1M skip="$2" count="$3" status=none | tr -d '\\0' | head -c 1 | wc -c)" -eq 0 ]; }
empty() {
  why="it has partitions, or is in use"
  [ "$(lsblk --noheadings --raw --output NAME "$1" | wc -l)" -eq 1 ] || return 1
  [ -z "$(lsblk --noheadings --raw --output MOUNTPOINT "$1" | tr -d '[:space:]')" ] || return 1
  why="something is on it"
  [ -z "$(wipefs --no-act --noheadings "$1")" ] || return 1
  mib=$(($(blockdev --getsize64 "$1") / 1048576))
  why="it has $mib MiB, and a system needs 4 GiB"
  [ "$mib" -ge 4096 ] || return 1
  why="it is not zero"
  zero "$1" 0 16 || return 1
  zero "$1" $((mib - 16)) 17 || return 1
  at=0
  while [ $at -lt 64 ]; do
    zero "$1" $(((mib - 1) * at / 63)) 1 || return 1
    at=$((at + 1))
  done
}
chosen= said=
if [ -n "$named" ]; then
  chosen=$(readlink -e "$named") || fail "there is no $named"
  empty "$chosen" || fail "$named is not empty: $why"
else
  for disk in $(lsblk --nodeps --noheadings --raw --output PATH,TYPE,RM,RO | awk '$2 == "disk" && $3 == 0 && $4 == 0 { print $1 }'); do
    if ! empty "$disk"; then said="$said $disk: $why;"
    elif [ -n "$chosen" ]; then fail "two disks are empty: $chosen and $disk"
    else chosen=$disk; fi
  done
  [ -n "$chosen" ] || fail "no disk is proven empty:$said"
fi
sed -i "s|${PLACE}|$chosen|" "$answers"
`;

/** `sh -ec HAND_OVER sh URL`: who the master is, and a token that is made now, for the boot that comes next. */
const HAND_OVER = `
umask 077
mkdir -p /target/etc/boma
for name in join token; do
  wget --quiet --tries=5 --output-document="/target/etc/boma/$name" "$1/$name"
done
`;

/** `extra` is the site's own cloud-config, which the new system does at its first boot: users, keys, packages. */
export function autoinstallData(
  { mac, node, disk, at, packages }: Autoinstall,
  extra: Readonly<Record<string, unknown>> = {},
): string {
  const prove = ["sh", "-ec", PROVE, "sh", "/autoinstall.yaml", ...(disk === undefined ? [] : [disk])];
  return cloudConfig({
    autoinstall: {
      version: 1,
      "early-commands": [prove],
      storage: { layout: { name: "direct", match: { path: PLACE } } },
      // No password and no user of the installer's: who may log in, the site says.
      "user-data": { ssh_pwauth: false, ...extra, hostname: nameOf({ mac, node }) },
      "late-commands": [
        ["curtin", "in-target", "--", "sh", "-ec", INSTALL, "sh", packages.url, ...packages.sums],
        ["sh", "-ec", HAND_OVER, "sh", at],
      ],
      shutdown: "reboot",
    },
  });
}
