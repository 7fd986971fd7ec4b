/**
 * The first stage of a live node: busybox, three modules of the kernel, and the
 * root. It needs no network, and gives over to systemd within a second or two.
 */
import { readFile } from "node:fs/promises";
import { basename, join } from "node:path";

import { BomaError } from "@boma/protocol";

import { cpio, type CpioEntry } from "./cpio.ts";

/** What mounts a squashfs out of a file, below a layer of memory. */
const MODULES = ["loop", "squashfs", "overlay"] as const;

export interface StageOne {
  /** The unpacked root, for its busybox and its modules. */
  readonly root: string;
  readonly kernelVersion: string;
  /** The packed root. */
  readonly squashfs: Uint8Array;
  readonly seconds: number;
}

export async function stageOne({ root, kernelVersion, squashfs, seconds }: StageOne) {
  const modules = join(root, "usr/lib/modules", kernelVersion);
  const files = await modulesInOrder(modules);
  const dir = (path: string): CpioEntry => ({ path, kind: "dir", mode: 0o755 });
  const file = (path: string, data: Uint8Array, mode = 0o644): CpioEntry => ({
    path,
    kind: "file",
    mode,
    data,
  });
  const order = files.map((path) => `${basename(path)}\n`).join("");
  return cpio(
    [
      ...["bin", "dev", "lib", "lib/modules", "proc", "run", "sys"].map(dir),
      file("bin/busybox", await readFile(join(root, "usr/bin/busybox")), 0o755),
      ...(await Promise.all(
        files.map(async (path) => file(`lib/modules/${basename(path)}`, await readFile(join(modules, path)))),
      )),
      file("lib/modules/order", Buffer.from(order)),
      file("init", Buffer.from(INIT), 0o755),
      file("root.squashfs", squashfs),
    ],
    seconds,
  );
}

/** What they need comes before them; what is built into the kernel is no file. */
async function modulesInOrder(dir: string): Promise<readonly string[]> {
  const [text, builtin] = await Promise.all(
    ["modules.dep", "modules.builtin"].map((name) => readFile(join(dir, name), "utf8")),
  );
  const needs = new Map(
    text!.split("\n").flatMap((line) => {
      const [path, rest] = line.split(":");
      return rest === undefined ? [] : [[path!, rest.split(" ").filter(Boolean)] as const];
    }),
  );
  const built = new Set(builtin!.split("\n").map(moduleName));
  const found = new Set<string>();
  for (const name of MODULES) {
    if (built.has(name)) continue;
    const path = [...needs.keys()].find((one) => moduleName(one) === name);
    if (path === undefined)
      throw new BomaError("image/build", `this kernel has no module ${name}, which a live node boots with`);
    for (const needed of (needs.get(path) ?? []).toReversed()) found.add(needed);
    found.add(path);
  }
  return [...found];
}

const moduleName = (path: string): string => basename(path).replace(/\.ko(\.\w+)?$/, "");

/**
 * The kernel's own words are the only thing that it is told from outside. What it
 * takes of them is checked here: digits for the time, a name's characters for the name.
 */
const INIT = `#!/bin/busybox sh
# The first stage of a boma live node: mounts the root that lies beside it, and gives over to systemd.
export PATH=/bin
set -f
/bin/busybox mkdir -p /proc /sys /dev /run /lower /upper /new
/bin/busybox --install -s /bin
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
say() { echo "boma: $*" > /dev/console; }
fail() { say "cannot start: $*"; say "this machine boots again in 30 s"; sleep 30; reboot -f; }

while read -r module; do
  insmod "/lib/modules/$module" || fail "the module $module does not load"
done < /lib/modules/order

name=
for word in $(cat /proc/cmdline); do
  case $word in
    boma.time=*)
      time=\${word#*=}
      case $time in
        ''|*[!0-9]*|????????????*) ;;
        # A clock without a battery says 1970, and no certificate holds then. It is never set back.
        *) [ "$(date +%s)" -ge "$time" ] || date -s "@$time" > /dev/null ;;
      esac ;;
    boma.id=*) name=\${word#*=} ;;
    BOOTIF=01-*) [ -n "$name" ] || name=node-$(echo "\${word#BOOTIF=01-}" | tr -d :-) ;;
  esac
done
case $name in *[!a-z0-9._-]*|'') name=boma-live ;; esac

mount -t squashfs -o loop,ro /root.squashfs /lower || fail "the root does not mount"
mount -t tmpfs -o mode=755,size=80% upper /upper || fail "there is no memory for the root"
mkdir /upper/files /upper/work
mount -t overlay -o lowerdir=/lower,upperdir=/upper/files,workdir=/upper/work root /new || fail "the root's layers do not mount"
echo "$name" > /new/etc/hostname
say "$name starts"
mount --move /dev /new/dev
umount /proc /sys
exec switch_root /new /sbin/init
`;
