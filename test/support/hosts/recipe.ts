/** What a host of the tests is made of: Debian of this machine's own release, from where this machine gets its own. */
import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** Beside the essential packages and apt. */
export const PACKAGES: readonly string[] = [
  "systemd",
  "systemd-sysv",
  "dbus",
  "libpam-systemd",
  "udev",
  "kmod",
  "ca-certificates",
  "curl",
  "gpg",
  "git",
  "openssh-server",
  "sudo",
  "cron",
  "locales",
  "tzdata",
  "iproute2",
  "iputils-ping",
  "nftables",
  "procps",
  "netbase",
  "adduser",
  "acl",
  "passwd",
  "e2fsprogs",
  "xfsprogs",
  "bzip2",
  "xz-utils",
  "zstd",
  "unzip",
  // What the Node of the lock file is linked against.
  "libatomic1",
  "libstdc++6",
];

/** What a test may install: lies in every host as a repository of files, so that none needs a network for it. */
export const OFFERED: readonly string[] = ["hello", "tree", "nginx-light", "rsyslog"];

/** Where the repository lies in a host. */
export const REPOSITORY = "/srv/packages";

/** Units that wait for networks, terminals or people that a host of a test does not have. */
export const MASKED: readonly string[] = [
  "systemd-networkd.service",
  "systemd-networkd.socket",
  "systemd-networkd-wait-online.service",
  "systemd-network-generator.service",
  "systemd-firstboot.service",
  "systemd-timesyncd.service",
  "systemd-udevd.service",
  "systemd-udevd-kernel.socket",
  "systemd-udevd-control.socket",
  "systemd-udev-trigger.service",
  "getty@tty1.service",
  "console-getty.service",
  "apt-daily.timer",
  "apt-daily-upgrade.timer",
  "dpkg-db-backup.timer",
  "fstrim.timer",
  "e2scrub_all.timer",
  "e2scrub_reap.service",
  "xfs_scrub_all.timer",
];

export interface Recipe {
  readonly codename: string;
  /** deb822 stanzas of this machine that serve its release. */
  readonly sources: string;
  /** Changes with everything that a root file system is made from. */
  readonly digest: string;
}

const fieldOf = (stanza: string, name: string): string =>
  new RegExp(`^${name}:[ \\t]*(.*)$`, "im").exec(stanza)?.[1]?.trim() ?? "";

/** `deb [options] URI suite components` as a stanza. */
function stanzaOf(line: string): string {
  const found = /^deb\s+(?:\[([^\]]*)\]\s+)?(\S+)\s+(\S+)\s+(.+)$/.exec(line);
  if (!found) return "";
  const [, options = "", uri, suite, components] = found;
  const signedBy = /signed-by=(\S+)/.exec(options)?.[1];
  const lines = ["Types: deb", `URIs: ${uri}`, `Suites: ${suite}`, `Components: ${components}`];
  return [...lines, ...(signedBy === undefined ? [] : [`Signed-By: ${signedBy}`])].join("\n");
}

function textsIn(dir: string, ending: string): readonly string[] {
  const names = readdirSync(dir).filter((name) => name.endsWith(ending));
  return names.toSorted().map((name) => readFileSync(join(dir, name), "utf8"));
}

const withoutComments = (text: string): string => text.replaceAll(/^[ \t]*#.*\n?/gm, "");

/** The sources of this machine that serve its release: others' repositories stay out of the tests. */
function sourcesOf(codename: string): string {
  const lists = [...textsIn("/etc/apt", "sources.list"), ...textsIn("/etc/apt/sources.list.d", ".list")];
  const stanzas = [
    ...textsIn("/etc/apt/sources.list.d", ".sources").flatMap((text) =>
      withoutComments(text).split(/\n\s*\n/),
    ),
    ...lists.flatMap((text) => withoutComments(text).split("\n")).map((line) => stanzaOf(line.trim())),
  ];
  const suites = new Set([codename, `${codename}-updates`, `${codename}-security`]);
  const ours = stanzas
    .map((stanza) => stanza.trim())
    .filter((stanza) => fieldOf(stanza, "Types").split(/\s+/).includes("deb"))
    .filter((stanza) => fieldOf(stanza, "Enabled").toLowerCase() !== "no")
    .filter((stanza) =>
      fieldOf(stanza, "Suites")
        .split(/\s+/)
        .every((suite) => suites.has(suite)),
    );
  if (ours.length === 0) throw new Error(`/etc/apt of this machine names no source of Debian ${codename}`);
  return `${[...new Set(ours)].join("\n\n")}\n`;
}

/** Undefined on a machine that is no Debian. */
export function debianCodename(): string | undefined {
  const release = readFileSync("/etc/os-release", "utf8");
  if (!/^ID="?debian"?$/m.test(release)) return undefined;
  return /^VERSION_CODENAME="?([\w-]+)"?$/m.exec(release)?.[1];
}

/** A change of how a root file system is made, as against what it is made of. */
const FORMAT = 1;

export function readRecipe(): Recipe {
  const codename = debianCodename();
  if (codename === undefined)
    throw new Error("the hosts tier builds Debian hosts, and needs a Debian to do so");
  const sources = sourcesOf(codename);
  const parts = [FORMAT, process.arch, codename, sources, PACKAGES, OFFERED, MASKED];
  const digest = createHash("sha256").update(JSON.stringify(parts)).digest("hex").slice(0, 16);
  return { codename, sources, digest };
}
