import { expect, test } from "vitest";

import { checkParams } from "../../check-params.ts";
import { check, make } from "../../engine/step.ts";
import type { Given } from "../../testing/given.ts";
import { memoryHost } from "../../testing/memory-host.ts";
import module from "./module.ts";

function step(given: Given, name: string, params: object = {}) {
  const host = memoryHost(given);
  return {
    ...host,
    step: { spec: module.spec, want: checkParams(module.spec, { ...params, name }), ports: host.ports },
  };
}

test("hyphens and underscores name the same module", () => {
  const claims = (name: string) => module.spec.claims!(module(name).params as never);
  expect(claims("dm-mod")).toEqual(claims("dm_mod"));
});

test("a built-in module counts as loaded, and needs no file", async () => {
  const { step: one } = step({ kernel: { modules: { dm_mod: "builtin" } } }, "dm-mod");
  expect(await check(one)).toEqual({});
});

test("a module that the kernel does not have is an error", async () => {
  await expect(check(step({}, "nosuch").step)).rejects.toMatchObject({ code: "state/unsupported" });
});

test("a built-in module cannot be kept out, and that is said", async () => {
  const { step: one } = step({ kernel: { modules: { dm_mod: "builtin" } } }, "dm_mod", { blacklist: true });
  await expect(check(one)).rejects.toMatchObject({ code: "state/blocked" });
});

test("a module in use is not forced out", async () => {
  const given: Given = { kernel: { modules: { usb_storage: "loaded" }, modulesInUse: ["usb_storage"] } };
  const { step: one, ports } = step(given, "usb-storage", { blacklist: true });
  await expect(make(one, await check(one))).rejects.toMatchObject({ code: "state/command-failed" });
  expect(await ports.kernel.read.module("usb_storage")).toBe("loaded");
});

test("options are there before the module is loaded", async () => {
  const given: Given = { kernel: { modules: { loop: "available" } } };
  const { step: one, log } = step(given, "loop", { options: { max_loop: "64" } });
  await make(one, await check(one));
  const calls = log.map((line) => line.split(" ").slice(0, 2).join(" "));
  expect(calls.indexOf("files.write /etc/modprobe.d/boma-loop.conf")).toBeGreaterThanOrEqual(0);
  expect(calls.indexOf("kernel.load loop")).toBeGreaterThan(
    calls.indexOf("files.write /etc/modprobe.d/boma-loop.conf"),
  );
});

test("a blacklisted module is kept out also where another one needs it", async () => {
  const { step: one, ports } = step({ kernel: { modules: { foo: "available" } } }, "foo", {
    blacklist: true,
  });
  await make(one, await check(one));
  const text = await ports.files.read.readText("/etc/modprobe.d/boma-foo.conf");
  expect(text).toContain("blacklist foo\ninstall foo /bin/false\n");
});
