/** What system runs here, under the names that Salt's users know. */
import {
  assignments,
  clean,
  lastPart,
  lookUp,
  present,
  wholeNumber,
  type Collector,
  type Source,
} from "./source.ts";

/** Debian's names of what uname says. */
const DEBIAN_ARCH: Readonly<Record<string, string>> = {
  x86_64: "amd64",
  aarch64: "arm64",
  armv7l: "armhf",
  armv6l: "armel",
  i386: "i386",
  i586: "i386",
  i686: "i386",
  ppc64le: "ppc64el",
  riscv64: "riscv64",
  s390x: "s390x",
};

/** Salt's spelling where it is not the NAME of os-release. */
const OS_NAMES: Readonly<Record<string, string>> = {
  debian: "Debian",
  raspbian: "Raspbian",
  ubuntu: "Ubuntu",
  fedora: "Fedora",
  centos: "CentOS",
  rhel: "RedHat",
  rocky: "Rocky",
  almalinux: "AlmaLinux",
  arch: "Arch",
  alpine: "Alpine",
  opensuse: "SUSE",
  sles: "SUSE",
};

const FAMILIES: readonly (readonly [string, string])[] = [
  ["debian", "Debian"],
  ["ubuntu", "Debian"],
  ["rhel", "RedHat"],
  ["fedora", "RedHat"],
  ["centos", "RedHat"],
  ["suse", "Suse"],
  ["arch", "Arch"],
  ["alpine", "Alpine"],
];

const RELEASE_BYTES_MAX = 16 * 1024;

export const os: Collector = {
  name: "os",
  collect: async (source) => {
    const [release, kernel, kernelrelease, cpuarch, init, zone] = await Promise.all([
      readRelease(source),
      source.word("/proc/sys/kernel/ostype"),
      source.word("/proc/sys/kernel/osrelease"),
      source.word("/proc/sys/kernel/arch"),
      source.word("/proc/1/comm"),
      timezone(source),
    ]);
    // The file of the architecture is younger than Debian 12's kernel on some boards.
    const raw = cpuarch ?? clean(source.system.machine);
    return present({
      ...release,
      kernel,
      kernelrelease,
      cpuarch: raw,
      arch: raw && debianArch(raw, source.system.nodeArch),
      init,
      timezone: zone,
    });
  },
};

/** A 32-bit Raspberry Pi OS runs on a 64-bit kernel: its packages are armhf all the same. */
function debianArch(raw: string, nodeArch: string): string {
  if (raw === "aarch64" && nodeArch === "arm") return "armhf";
  if (raw === "x86_64" && nodeArch === "ia32") return "i386";
  return lookUp(DEBIAN_ARCH, raw) ?? raw;
}

async function readRelease(source: Source) {
  const text =
    (await source.text("/etc/os-release", RELEASE_BYTES_MAX)) ??
    (await source.text("/usr/lib/os-release", RELEASE_BYTES_MAX));
  const fields = assignments(text);
  const field = (name: string) => clean(unquote(fields.get(name)));
  const id = field("ID")?.toLowerCase();
  const release = field("VERSION_ID");
  const name = field("NAME");
  return {
    os: lookUp(OS_NAMES, id) ?? name ?? id,
    os_family: family([id, ...(field("ID_LIKE")?.toLowerCase().split(/\s+/) ?? [])]),
    osfullname: name,
    osfinger: name && release && `${name}-${release}`,
    osrelease: release,
    osmajorrelease: wholeNumber(release?.split(".")[0]),
    oscodename: field("VERSION_CODENAME"),
  };
}

function family(ids: readonly (string | undefined)[]): string | undefined {
  for (const id of ids) {
    const found = FAMILIES.find(([name]) => id === name || id?.startsWith(name));
    if (found) return found[1];
  }
  return ids[0];
}

/** os-release is read by shells: a value may be in either kind of quotes, with escapes in the double ones. */
function unquote(text: string | undefined): string | undefined {
  const value = text?.trim();
  if (value === undefined) return undefined;
  const quoted = /^"(.*)"$/s.exec(value) ?? /^'(.*)'$/s.exec(value);
  return (quoted?.[1] ?? value).replaceAll(/\\(["$`\\])/g, "$1");
}

async function timezone(source: Source): Promise<string | undefined> {
  const link = await source.link("/etc/localtime");
  const zone = link?.split("/zoneinfo/")[1];
  return (
    clean(zone) ?? (await source.word("/etc/timezone")) ?? (lastPart(link) === "UTC" ? "UTC" : undefined)
  );
}
