// Goal: a disk that `system.install` has made starts under UEFI, with Secure Boot and without, and is the node that was let in.
// Method: the live system of an image that can be put on a disk, with its real agent and a real master, here and not in an emulator; then a machine in
// an emulator, with the firmware of real ones, that has nothing but this disk.
import { copyFileSync } from "node:fs";
import { join } from "node:path";

import { afterAll, beforeAll, expect, test } from "vitest";

import { BootLan } from "../support/netboot/boot-lan.ts";
import { InstalledNode } from "../support/netboot/installed.ts";
import type { Firmware } from "../support/netboot/machine.ts";

let lan: BootLan;
let node: InstalledNode;
let key: string;
beforeAll(async () => {
  lan = await BootLan.onOwn();
  const image = await lan.build("amd64", "--install");
  await lan.serveDhcp("full");
  node = await InstalledNode.make(lan, image, "disk-2", "52:54:00:b0:0b:01");
  key = await node.key();
});
afterAll(() => lan?.[Symbol.asyncDispose]());

/** As a machine is shipped with it: what it remembers is its own. */
function firmware(code: string, variables: string): Firmware {
  const own = join(lan.fleet.dir, variables);
  copyFileSync(`/usr/share/OVMF/${variables}`, own);
  return { code: `/usr/share/OVMF/${code}`, variables: own };
}

/** Behind four bytes that say how it is kept, one that says what it is. */
const SECURE_BOOT =
  "od -An -tu1 -j4 /sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c";

test.each([
  { what: "UEFI", code: "OVMF_CODE_4M.fd", variables: "OVMF_VARS_4M.fd", secure: "0" },
  {
    what: "UEFI and the keys of Secure Boot",
    code: "OVMF_CODE_4M.secboot.fd",
    variables: "OVMF_VARS_4M.ms.fd",
    secure: "1",
  },
])("a machine with $what starts from the disk as the same node, and is as the site says", async (has) => {
  await using _ = await node.start(firmware(has.code, has.variables));
  expect(await node.key()).toBe(key);
  expect(await node.says(SECURE_BOOT)).toBe(has.secure);
  expect(await node.says("findmnt --noheadings --output SOURCE,FSTYPE /")).toMatch(/^\/dev\/vda3 +ext4$/);
  expect(await node.applied()).not.toContain("failed");
  expect(new Set(await node.applied())).toEqual(new Set(["ok"]));
});
