import { mkdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";

import { expect, test } from "vitest";

import { temporaryDirectory } from "../testing/support.ts";
import { realHost } from "./hosts.ts";
import { newestKernel } from "./kernel-versions.ts";
import { realKernel } from "./kernel.ts";
import { isBuiltIn, isLoaded } from "./kernel.ts";

const session = { signal: new AbortController().signal, line: () => undefined };
const real = realHost.ports(session);

async function kernelOf(files: Record<string, string>) {
  const directory = await temporaryDirectory();
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(directory.path, path)), { recursive: true });
    await writeFile(join(directory.path, path), text);
  }
  const roots = {
    proc: join(directory.path, "proc"),
    sys: join(directory.path, "sys"),
    modules: join(directory.path, "lib/modules"),
  };
  const tools = { session, commands: real.commands.write, files: real.files.write };
  return { kernel: realKernel(tools, roots), directory };
}

test("a parameter of this machine is read, and one that no kernel has is not there", async () => {
  const { kernel } = real;
  expect(await kernel.read.parameter("kernel/ostype")).toBe("Linux");
  expect(await kernel.read.parameter("kernel/no_such_parameter")).toBeUndefined();
  expect(await kernel.read.parameter("kernel/ostype/below")).toBeUndefined();
});

test("a parameter that is not there is not made, and a value is one line", async () => {
  const { kernel, directory } = await kernelOf({ "proc/sys/net/ipv4/conf/eth0.100/forwarding": "0\n" });
  await using _ = directory;
  const key = "net/ipv4/conf/eth0.100/forwarding";
  await kernel.write.setParameter(key, "1");
  expect(await kernel.read.parameter(key)).toBe("1");
  expect(await readFile(join(directory.path, "proc/sys", key), "utf8")).toBe("1\n");
  await expect(kernel.write.setParameter("net/ipv4/no_such", "1")).rejects.toMatchObject({
    code: "state/command-failed",
  });
  expect(await kernel.read.parameter("net/ipv4/no_such")).toBeUndefined();
});

test("what the kernel does not let anybody write is unsupported, with the reason", async () => {
  await expect(real.kernel.write.setParameter("kernel/ostype", "x")).rejects.toMatchObject({
    code: "state/unsupported",
    message: expect.stringContaining("/proc/sys/kernel/ostype"),
  });
});

test("a module is loaded, built in, or neither, whichever of its signs there is", async () => {
  const { kernel, directory } = await kernelOf({
    "proc/modules": "br_netfilter 32768 0 - Live 0x0\nleaving 16384 0 - Unloading 0x0\n",
    "proc/sys/kernel/osrelease": "6.1.0\n",
    "sys/module/nf_tables/initstate": "live\n",
    "sys/module/kvm/parameters/x": "1\n",
    "lib/modules/6.1.0/modules.builtin": "kernel/drivers/md/dm-mod.ko\n",
  });
  await using _ = directory;
  const statuses = ["br_netfilter", "nf_tables", "kvm", "dm_mod", "boma_no_such_module"].map((name) =>
    kernel.read.module(name),
  );
  expect(await Promise.all(statuses)).toEqual(["loaded", "loaded", "builtin", "builtin", "missing"]);
  expect(isLoaded("leaving 16384 0 - Unloading 0x0\n", "leaving")).toBe(false);
  expect(isBuiltIn("kernel/fs/xdm-mod.ko\nkernel/dm-mod/other.ko\n", "dm_mod")).toBe(false);
});

test("a kernel is newer by its numbers, of the same flavour, and only where the running one is installed", () => {
  const running = "6.1.0-9-amd64";
  const images = ["vmlinuz-6.1.0-9-amd64", "initrd.img-6.1.0-13-amd64", "config-6.1.0-13-amd64"];
  expect(newestKernel(images, running)).toBeUndefined();
  expect(newestKernel([...images, "vmlinuz-6.1.0-13-amd64", "vmlinuz-6.1.0-10-amd64"], running)).toBe(
    "6.1.0-13-amd64",
  );
  expect(
    newestKernel([...images, "vmlinuz-6.9.0-1-cloud-amd64", "vmlinuz-6.1.0-8-amd64"], running),
  ).toBeUndefined();
  expect(newestKernel(["vmlinuz-6.9.0-1-amd64"], running)).toBeUndefined();
});

test("the machine knows its name, its boot and its locales", async () => {
  const { read } = real.machine;
  expect(await read.hostname()).toBe((await readFile("/proc/sys/kernel/hostname", "utf8")).trim());
  expect(await read.bootId()).toMatch(/^[0-9a-f-]{36}$/);
  expect(await read.uptimeMs()).toBeGreaterThan(0);
  expect(await read.locales()).toContain("C");
});
