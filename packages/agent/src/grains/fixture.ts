/** Trees of /proc, /sys and /etc as tests want them, in a folder that goes away with the test. */
import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import type { NetworkInterfaceInfo } from "node:os";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

import { onTestFinished } from "vitest";

import type { SystemCalls } from "./source.ts";

/** Text or bytes are a file, `{ link }` is a symbolic link, null is an empty folder. */
export type Tree = Readonly<Record<string, string | Uint8Array | { readonly link: string } | null>>;

export async function plantTree(...trees: readonly Tree[]): Promise<string> {
  const root = await mkdtemp(join(tmpdir(), "boma-grains-"));
  onTestFinished(() => rm(root, { recursive: true, force: true }));
  for (const [path, content] of trees.flatMap((tree) => Object.entries(tree))) {
    const full = join(root, path);
    await mkdir(content === null ? full : dirname(full), { recursive: true });
    if (content === null) continue;
    if (typeof content === "string" || content instanceof Uint8Array) await writeFile(full, content);
    else await symlink(content.link, full);
  }
  return root;
}

export const debian: Tree = {
  "etc/os-release":
    'PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\nNAME="Debian GNU/Linux"\nVERSION_ID="12"\nVERSION_CODENAME=bookworm\nID=debian\n',
  "etc/machine-id": "3d1219c7c4c5404aaa1f6d2a48adfda4\n",
  "etc/localtime": { link: "/usr/share/zoneinfo/Europe/Berlin" },
  "proc/sys/kernel/ostype": "Linux\n",
  "proc/sys/kernel/osrelease": "6.1.0-56-amd64\n",
  "proc/sys/kernel/arch": "x86_64\n",
  "proc/sys/kernel/hostname": "Web1.example.org\n",
  "proc/sys/kernel/random/boot_id": "9b508030-a4fd-4223-acf9-971de16ee45f\n",
  "proc/1/comm": "systemd\n",
  "proc/meminfo": "MemTotal:        4018744 kB\nMemFree:          100000 kB\nSwapTotal:        999420 kB\n",
  "proc/cpuinfo":
    "processor\t: 0\nmodel name\t: Intel(R) Xeon(R) CPU\nflags\t\t: fpu vme sse2 hypervisor\n\nprocessor\t: 1\nmodel name\t: other\n",
  "sys/devices/system/cpu/online": "0-1\n",
  "proc/swaps": "Filename\tType\tSize\tUsed\tPriority\n",
};

/** An entry of /sys/block with the folder that it links to. */
export function block(
  name: string,
  device: string,
  files: Readonly<Record<string, string | Uint8Array>>,
): Tree {
  const folder = `sys/devices/${device}/${name}`;
  return {
    [`sys/block/${name}`]: { link: `../devices/${device}/${name}` },
    ...Object.fromEntries(Object.entries(files).map(([path, text]) => [`${folder}/${path}`, text])),
  };
}

export const systemCalls = (
  addresses: Readonly<Record<string, readonly Partial<NetworkInterfaceInfo>[]>>,
): SystemCalls => ({
  machine: "x86_64",
  nodeArch: "x64",
  hostname: "unused",
  addresses: () => addresses as NodeJS.Dict<NetworkInterfaceInfo[]>,
});

export const ipv4 = (cidr: string, mac: string): Partial<NetworkInterfaceInfo> => ({
  address: cidr.split("/")[0] ?? "",
  cidr,
  family: "IPv4",
  mac,
});
export const ipv6 = (cidr: string, mac: string) =>
  ({ ...ipv4(cidr, mac), family: "IPv6", scopeid: 0 }) as Partial<NetworkInterfaceInfo>;
