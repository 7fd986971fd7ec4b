// Goal: a Raspberry Pi is given all that it boots from over TFTP, below its own address, and its agent joins by the words that it was given.
// Method: a real master, the real boot service, and a client that asks for the files that the EEPROM asks for, in its order.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterAll, beforeAll, expect, test } from "vitest";

import { BootService } from "../support/netboot/boot-service.ts";
import { putImage } from "../support/netboot/small-image.ts";
import { fetchTftp } from "../support/netboot/tftp-client.ts";

const KERNEL = "a kernel of the Pi's ".repeat(5000);
let boot: BootService;
let dir = "";
beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), "boma-pi-"));
  mkdirSync(join(dir, "firmware"));
  for (const name of ["start4.elf", "fixup4.dat", "bcm2711-rpi-4-b.dtb"])
    writeFileSync(join(dir, "firmware", name), `the ${name}`);
  boot = await BootService.start(
    "--tftp-port",
    "0",
    "--pi-firmware",
    join(dir, "firmware"),
    "--console",
    "ttyS1",
  );
  putImage(boot.fleet.home, { name: "pi", arch: "arm64", kernel: KERNEL, initrd: "the root of the Pi" });
});
afterAll(async () => {
  await boot?.[Symbol.asyncDispose]();
  rmSync(dir, { recursive: true, force: true });
});

const asked = (mac: string) => async (name: string) =>
  (await fetchTftp(boot.tftpPort!, `${mac.replaceAll(":", "-")}/${name}`))?.toString();

test("in its window a Pi gets firmware, configuration, words, kernel and root, and what it boots is told", async () => {
  const mac = "dc:a6:32:01:02:03";
  const get = asked(mac);
  await boot.open(mac, "--id", "pi-1", "--env", "dev");
  for (const name of ["start4.elf", "fixup4.dat", "bcm2711-rpi-4-b.dtb"])
    expect(await get(name)).toBe(`the ${name}`);
  // It asks for many that are not there, and goes on.
  for (const name of ["recover4.elf", "pieeprom.sig", "dt-blob.bin", "bootcfg.txt"])
    expect(await get(name)).toBeUndefined();
  expect(await get("config.txt")).toMatch(/^kernel=kernel8\.img$/m);
  const words = await get("cmdline.txt");
  expect(words).toMatch(
    /^panic=30 console=ttyS1 boma\.id=pi-1 boma\.token=bt_\S+ boma\.time=\d+ BOOTIF=01-dc-a6-32-01-02-03\n$/,
  );
  expect(await get("kernel8.img")).toBe(KERNEL);
  expect(await get("initrd")).toBe("the root of the Pi");
  await boot.stage(mac, "initrd");
  await boot.booted("pi-1", mac, words!.trim());
  await boot.stage(mac, "approved");
});

test("outside its window it gets firmware, and neither words nor kernel", async () => {
  const get = asked("dc:a6:32:01:02:99");
  expect(await get("start4.elf")).toBe("the start4.elf");
  for (const name of ["cmdline.txt", "kernel8.img", "initrd"]) expect(await get(name)).toBeUndefined();
});
