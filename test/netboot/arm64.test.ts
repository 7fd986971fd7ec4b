// Goal: an arm64 machine whose clock says 1970 gets from kernel and initramfs to converged, over TLS, with nobody's hand on it.
// Method: the image and the words of its own boot script on a Cortex-A72, the core of a Raspberry Pi 4; the emulator has no board of it.
import { afterAll, beforeAll, expect, test } from "vitest";

import { bootSeconds, figuresText } from "../support/netboot/boot-figures.ts";
import { BootLan, type ImageFigures } from "../support/netboot/boot-lan.ts";
import { switchOn } from "../support/netboot/machine.ts";

const MAC = "52:54:00:b0:08:01";
let lan: BootLan;
let figures: ImageFigures;
beforeAll(async () => {
  lan = await BootLan.start();
  figures = await lan.build("arm64");
  await lan.serve();
});
afterAll(() => lan?.[Symbol.asyncDispose]());

test("an arm64 machine that believes it is 1970 boots, joins over TLS, and converges", async () => {
  const { fleet } = lan;
  await fleet.ok("netboot", "open", "--mac", MAC, "--env", "dev", "--id", "pi-1", "--diskless");
  const direct = await lan.direct(figures, MAC);
  const switchedOn = Date.now();
  await using machine = switchOn({ arch: "arm64", mac: MAC, direct, clock: "1970-01-01" });
  await machine.line(/pi-1 starts/);
  await lan.stage(MAC, "converged");
  console.log(figuresText("arm64", await bootSeconds(lan, MAC, switchedOn), figures));
  expect(await lan.onNode("pi-1", "uname -m; cat /etc/motd")).toBe("aarch64\npi-1 runs from memory\n");
  const now = Number(await lan.onNode("pi-1", "date +%s"));
  expect(Math.abs(now - Date.now() / 1000)).toBeLessThan(24 * 3600);
});
