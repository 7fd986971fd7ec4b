import { describe, expect, test } from "vitest";

import { checkParams } from "../../check-params.ts";
import { check, make } from "../../engine/step.ts";
import type { Given } from "../../testing/given.ts";
import { memoryHost } from "../../testing/memory-host.ts";
import { fileFor, isKey, slashed, written } from "./key.ts";
import set from "./set.ts";
import { settingsIn } from "./winner.ts";

const FORWARD = "/etc/sysctl.d/90-boma-net.ipv4.ip_forward.conf";
const live = { kernel: { parameters: { "net/ipv4/ip_forward": "0" } } };

function step(given: Given, params: object = { value: 1 }, key = "net.ipv4.ip_forward") {
  const { ports, tree } = memoryHost(given);
  return { step: { spec: set.spec, want: checkParams(set.spec, { ...params, key }), ports }, tree };
}

test("both spellings of a key are one key, and a dot within a part survives", () => {
  expect(slashed("net.ipv4.ip_forward")).toBe("net/ipv4/ip_forward");
  expect(slashed("net/ipv4/conf/eth0.100/forwarding")).toBe("net/ipv4/conf/eth0.100/forwarding");
  expect(slashed("net.ipv4.conf.eth0/100.forwarding")).toBe("net/ipv4/conf/eth0.100/forwarding");
  expect(written("net.ipv4.conf.eth0/100.forwarding")).toBe("net/ipv4/conf/eth0.100/forwarding");
  expect(written("net/ipv4/ip_forward")).toBe("net.ipv4.ip_forward");
  expect(fileFor("net.ipv4.conf.eth0/100.forwarding")).not.toBe(fileFor("net.ipv4.conf.eth0.100.forwarding"));
  expect(set.spec.claims!(set("net/ipv4/ip_forward", { value: "1" }).params as never)).toEqual(
    set.spec.claims!(set("net.ipv4.ip_forward", { value: "1" }).params as never),
  );
});

test.each(["../../etc/passwd", "net/../../x", "net..x", "a b.c", "net", "net.x=1", "net.ipv4.\nx", "/net/x"])(
  "%j is no key",
  (key) => expect(isKey(key) && !slashed(key).includes("..")).toBe(false),
);

describe("a file that another has put there", () => {
  const other = (file: string, line: string): Given => ({ ...live, files: { [file]: `${line}\n` } });

  test("that is read after ours and says otherwise is an error that names it", async () => {
    const { step: one } = step(other("/usr/lib/sysctl.d/99-vendor.conf", "net.ipv4.ip_forward = 0"));
    await expect(check(one)).rejects.toMatchObject({
      code: "state/blocked",
      message: expect.stringContaining("/usr/lib/sysctl.d/99-vendor.conf"),
    });
  });

  test.each([
    ["is read before ours", "/etc/sysctl.d/10-first.conf", "net.ipv4.ip_forward = 0"],
    ["says the same", "/etc/sysctl.d/99-same.conf", "-net/ipv4/ip_forward=1"],
    ["is of another key", "/etc/sysctl.d/99-other.conf", "net.ipv4.ip_forward_update = 0"],
    ["is a comment", "/etc/sysctl.d/99-comment.conf", "# net.ipv4.ip_forward = 0"],
    ["is a pattern, which an exact key outranks", "/etc/sysctl.d/99-star.conf", "net.ipv4.* = 0"],
    ["is not read at all", "/etc/sysctl.d/99-off.conf.bak", "net.ipv4.ip_forward = 0"],
  ])("that %s is left alone", async (_why, file, line) => {
    const { step: one } = step(other(file, line));
    await make(one, await check(one));
    expect(await check(one)).toEqual({});
  });

  test("that is hidden by one of the same name in /etc does not count", async () => {
    const { step: one } = step({
      ...live,
      files: {
        "/usr/lib/sysctl.d/99-vendor.conf": "net.ipv4.ip_forward = 0\n",
        "/etc/sysctl.d/99-vendor.conf": { link: "/dev/null" },
      },
    });
    expect(Object.keys(await check(one))).toEqual(["value", "file"]);
  });

  test("that is a link to nowhere says nothing", async () => {
    const { step: one } = step({ ...live, files: { "/etc/sysctl.d/99-gone.conf": { link: "/nowhere" } } });
    expect(Object.keys(await check(one))).toEqual(["value", "file"]);
  });
});

test("settings are read as the system reads them", () => {
  const text = "# c\n; c\n\n  kernel.x=1\n-kernel/y =  a\tb \nkernel.z\n*.w = 3\n";
  expect(settingsIn("f", text)).toEqual([
    { file: "f", key: "kernel/x", value: "1" },
    { file: "f", key: "kernel/y", value: "a b" },
  ]);
});

test("a file that is right does not hide a live value that something has changed", async () => {
  const { step: one, tree } = step(live);
  await make(one, await check(one));
  const file = tree.get(FORWARD);
  const again = step({ ...live, files: { [FORWARD]: { contents: (file as { bytes: Uint8Array }).bytes } } });
  expect(await check(again.step)).toEqual({ value: { from: "0", to: "1" } });
});

test("a key that this kernel lacks is an error, and with ignoreMissing the file alone is kept", async () => {
  await expect(check(step({}).step)).rejects.toMatchObject({ code: "state/unsupported" });
  expect(Object.keys(await check(step({}, { value: 1, ignoreMissing: true }).step))).toEqual(["file"]);
});

test("where parameters are read-only nothing is kept for the next boot either", async () => {
  const { step: one, tree } = step({ kernel: { ...live.kernel, readOnly: true } });
  await expect(make(one, await check(one))).rejects.toMatchObject({ code: "state/unsupported" });
  expect(tree.has(FORWARD)).toBe(false);
});
