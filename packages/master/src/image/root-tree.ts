/**
 * A Debian root out of packages that are unpacked and not installed: no script of
 * theirs runs. What the scripts of the base system would have done is here, and is
 * the same at every build; users and defaults are made at boot, by systemd.
 */
import { chmod, lstat, mkdir, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";

import type { FetchedPackage } from "./apt-archive.ts";
import { beginDatabase, recordPackage } from "./dpkg-database.ts";
import { program } from "./program.ts";

/** What runs, looks after and repairs a live node. What its states need beyond it, they install. */
export const BASE_PACKAGES = [
  "?essential",
  "apt",
  "busybox-static",
  "ca-certificates",
  "dbus",
  "iproute2",
  "kmod",
  "libatomic1",
  "libstdc++6",
  "login",
  "mawk",
  "mount",
  "netbase",
  "nftables",
  "passwd",
  "procps",
  "systemd",
  "systemd-resolved",
  "systemd-sysv",
  "systemd-timesyncd",
  "tzdata",
  "udev",
  // Without it dpkg would want the program that merges /usr, and Perl with it.
  "usr-is-merged",
] as const;

/** On a merged /usr these are links, and packages still name paths through them. */
const LINKS = ["bin", "sbin", "lib", "lib64"] as const;

export async function buildRoot(root: string, packages: readonly FetchedPackage[]): Promise<void> {
  for (const link of LINKS) {
    await mkdir(join(root, "usr", link), { recursive: true, mode: 0o755 });
    await symlink(`usr/${link}`, join(root, link));
  }
  await beginDatabase(root);
  for (const { file } of packages) await unpack(root, file);
  await settle(root);
  await trim(root);
}

async function unpack(root: string, file: string): Promise<void> {
  const how = ["--same-permissions", "--no-same-owner", "--keep-directory-symlink"];
  // It lists what it unpacks, which is what dpkg wants to know.
  const tar = ["tar", "--extract", "--verbose", ...how, "--directory", root];
  await recordPackage(root, file, await program(["dpkg-deb", "--fsys-tarfile", file], { into: tar }));
}

/** What the base system's own scripts would have set up. */
async function settle(root: string): Promise<void> {
  await accounts(root);
  await put(
    root,
    "etc/nsswitch.conf",
    await readFile(join(root, "usr/share/libc-bin/nsswitch.conf"), "utf8"),
  );
  await put(root, "etc/hosts", "127.0.0.1 localhost\n::1 localhost ip6-localhost ip6-loopback\n");
  // Empty, and not away: systemd makes an id for this boot, and does not take it for a first one of many.
  await put(root, "etc/machine-id", "");
  for (const [name, text] of Object.entries(PAM)) await put(root, `etc/pam.d/common-${name}`, text);
  await certificates(root);
  await link(root, "/run/systemd/resolve/stub-resolv.conf", "etc/resolv.conf");
  await link(root, "mawk", "usr/bin/awk");
  await link(root, "/proc/self/mounts", "etc/mtab");
  await link(root, "../usr/share/zoneinfo/UTC", "etc/localtime");
}

async function accounts(root: string): Promise<void> {
  const master = (name: string) => readFile(join(root, `usr/share/base-passwd/${name}.master`), "utf8");
  const passwd = await master("passwd");
  await put(root, "etc/passwd", passwd);
  await put(root, "etc/group", await master("group"));
  const names = passwd.split("\n").flatMap((line) => line.split(":", 1)[0] || []);
  // Nobody has a password: who may log in is for the states to say.
  await put(root, "etc/shadow", names.map((name) => `${name}:*:1:0:99999:7:::\n`).join(""), 0o640);
  await mkdir(join(root, "root"), { recursive: true, mode: 0o700 });
}

const PAM = {
  account: "account required pam_unix.so\n",
  auth: "auth required pam_unix.so nullok\n",
  password: "password required pam_unix.so obscure yescrypt\n",
  session: "session required pam_unix.so\nsession optional pam_systemd.so\n",
  "session-noninteractive": "session required pam_unix.so\n",
} as const;

/** As `update-ca-certificates` leaves it: one file of all, and for OpenSSL a link each, by the hash of its name. */
async function certificates(root: string): Promise<void> {
  const dir = "usr/share/ca-certificates/mozilla";
  const names = (await readdir(join(root, dir))).filter((name) => name.endsWith(".crt")).toSorted();
  const all = await Promise.all(names.map((name) => readFile(join(root, dir, name), "utf8")));
  const certs = "etc/ssl/certs";
  const pem = (name: string): string => `${certs}/${name.slice(0, -".crt".length)}.pem`;
  // Files, as long as it reads them: links would lead into the machine that builds.
  for (const [at, name] of names.entries()) await put(root, pem(name), all[at]!);
  await program(["openssl", "rehash", join(root, certs)]);
  for (const name of names) await link(root, `/${dir}/${name}`, pem(name));
  await put(root, `${certs}/ca-certificates.crt`, all.join(""));
  await put(root, "etc/ca-certificates.conf", names.map((name) => `mozilla/${name}\n`).join(""));
}

/** Whatever only people at a terminal read is not for a machine's memory; licences stay with what they are of. */
async function trim(root: string): Promise<void> {
  for (const dir of ["man", "locale", "info", "lintian", "bash-completion"])
    await rm(join(root, "usr/share", dir), { recursive: true, force: true });
  const docs = join(root, "usr/share/doc");
  for (const name of await readdir(docs)) {
    const dir = join(docs, name);
    if (!(await lstat(dir)).isDirectory()) continue;
    for (const file of await readdir(dir))
      if (file !== "copyright") await rm(join(dir, file), { recursive: true, force: true });
  }
}

export async function put(
  root: string,
  path: string,
  text: string | Uint8Array,
  mode = 0o644,
): Promise<void> {
  const to = join(root, path);
  await mkdir(dirname(to), { recursive: true, mode: 0o755 });
  await rm(to, { force: true });
  await writeFile(to, text);
  await chmod(to, mode);
}

export async function link(root: string, to: string, path: string): Promise<void> {
  const at = join(root, path);
  await mkdir(dirname(at), { recursive: true, mode: 0o755 });
  await rm(at, { force: true });
  await symlink(to, at);
}
