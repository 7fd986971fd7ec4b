import { expect, test } from "vitest";

import type { Image } from "../image/image-shelf.ts";
import { PiFiles } from "./pi-files.ts";

const image = {
  manifest: {},
  kernel: Buffer.from("kernel"),
  initrd: Buffer.from("root"),
} as unknown as Image;
const DIR = "dc-a6-32-01-02-03";
const MAC = "dc:a6:32:01:02:03";

function pi(boots: boolean) {
  const seen: string[] = [];
  const files = new PiFiles({
    firmware: new Map([["start4.elf", Buffer.from("firmware")]]),
    shelf: { find: () => image, refresh: () => Promise.resolve() },
    boot: ({ mac }) =>
      Promise.resolve(
        boots ? { boots, token: `bt_${mac.length}_X`, node: "pi-1", time: 5 } : { boots, why: "no window" },
      ),
    saw: (mac, stage, address) => seen.push(`${mac} ${stage} ${address}`),
    words: { console: "ttyS1", extra: "" },
  });
  const get = async (path: string) => {
    const found = await files.file(path, "10.77.0.7");
    return found && Buffer.from(found).toString();
  };
  return { get, seen };
}

test("a Pi in its window gets firmware, words with its token, kernel and root, in the order in which it asks", async () => {
  const { get, seen } = pi(true);
  expect(await get(`${DIR}/start4.elf`)).toBe("firmware");
  expect(await get(`${DIR}/config.txt`)).toMatch(/^initramfs initrd followkernel$/m);
  expect(await get(`${DIR}/cmdline.txt`)).toBe(
    "panic=30 console=ttyS1 boma.id=pi-1 boma.token=bt_17_X boma.time=5 BOOTIF=01-dc-a6-32-01-02-03\n",
  );
  expect([await get(`${DIR}/kernel8.img`), await get(`${DIR}/initrd`)]).toEqual(["kernel", "root"]);
  expect(seen).toEqual([`${MAC} kernel 10.77.0.7`, `${MAC} initrd 10.77.0.7`]);
});

test("outside its window it gets neither words nor kernel", async () => {
  const { get, seen } = pi(false);
  expect(await get(`${DIR}/cmdline.txt`)).toBeUndefined();
  expect(await get(`${DIR}/kernel8.img`)).toBeUndefined();
  expect(seen).toEqual([]);
});

test("what no Pi asks for, and what leads elsewhere, is nothing", async () => {
  const { get } = pi(true);
  for (const path of [
    "start4.elf",
    `${DIR}/../start4.elf`,
    `${DIR}/etc/passwd`,
    `${DIR}/`,
    "0123/config.txt",
  ])
    expect(await get(path), path).toBeUndefined();
});
