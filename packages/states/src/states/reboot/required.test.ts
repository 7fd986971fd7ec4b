import { expect, test } from "vitest";

import { checkParams } from "../../check-params.ts";
import { check, make } from "../../engine/step.ts";
import { writeHost } from "../../host/host.ts";
import type { AnySpec } from "../../state-spec.ts";
import type { Given } from "../../testing/given.ts";
import { memoryHost } from "../../testing/memory-host.ts";
import required from "./required.ts";

function step(given: Given, params: object = {}) {
  const host = memoryHost(given);
  const want = checkParams(required.spec, { ...params, name: "kernel" });
  return { ...host, one: { spec: required.spec, want, ports: host.ports } };
}
const boots = (log: readonly string[]) => log.filter((call) => call.startsWith("machine.reboot")).length;

test("a machine that nothing asks to boot is left up", async () => {
  expect(await check(step({}).one)).toEqual({});
});

test("it boots once for what asks for it, and the run that goes on after it finds it done", async () => {
  const { one, log } = step({ machine: { rebootReasons: ["linux-base asked"] } });
  await make(one, await check(one));
  expect(await check(one)).toEqual({});
  expect(boots(log)).toBe(1);
});

test("what it boots for is on the disk before it boots", async () => {
  const { one, log } = step({}, { when: "always" });
  await make(one, await check(one));
  const marker = log.findIndex((call) => call.startsWith("files.write /var/lib/boma/reboots/kernel.json"));
  expect(marker).toBeGreaterThanOrEqual(0);
  expect(log.findIndex((call) => call.startsWith("machine.reboot"))).toBeGreaterThan(marker);
});

test("a reason that outlasts the boot is an error, and never a second boot", async () => {
  const { one, log } = step({ machine: { lastingReasons: ["kernel 2 is installed, and 1 runs"] } });
  await expect(make(one, await check(one))).rejects.toMatchObject({ code: "state/blocked" });
  await expect(check(one)).rejects.toMatchObject({ message: expect.stringContaining("kernel 2") });
  expect(boots(log)).toBe(1);
});

test("a marker of a boot that did not happen yet does not count as done", async () => {
  const { one, ports } = step({}, { when: "always", reasons: ["a"] });
  const bootId = await ports.machine.read.bootId();
  await ports.files.write.makeDirectory("/var");
  await ports.files.write.makeDirectory("/var/lib");
  await ports.files.write.makeDirectory("/var/lib/boma");
  await ports.files.write.makeDirectory("/var/lib/boma/reboots");
  await ports.files.write.write(
    "/var/lib/boma/reboots/kernel.json",
    JSON.stringify({ bootId, reasons: ["a"] }),
  );
  expect(Object.keys(await check(one))).toEqual(["reasons"]);
});

test("with `always` another reason is another boot, and the same one is not", async () => {
  const first = step({}, { when: "always", reasons: ["a"] });
  await make(first.one, await check(first.one));
  expect(await check(first.one)).toEqual({});
  const second = {
    ...first.one,
    want: checkParams(required.spec, { name: "kernel", when: "always", reasons: ["b"] }),
  };
  await make(second, await check(second));
  expect(boots(first.log)).toBe(2);
});

test("a refresh that was owed when the machine went down does not boot it again", async () => {
  const { one, ports, log } = step({});
  const refresh = () => (required.spec as AnySpec).refresh!(one.want as never, writeHost(ports));
  await ports.files.write.makeDirectory("/var");
  for (const path of ["/var/lib", "/var/lib/boma", "/var/lib/boma/reboots"])
    await ports.files.write.makeDirectory(path);
  const before = JSON.stringify({ bootId: "the boot before", reasons: [] });
  await ports.files.write.write("/var/lib/boma/reboots/kernel.refresh.json", before);
  await refresh();
  expect(boots(log)).toBe(0);
  await refresh();
  expect(boots(log)).toBe(1);
});
