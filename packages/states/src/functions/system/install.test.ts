/** Where an installation does not begin, and when it is over: nothing else of it can be tried without a machine. */
import { expect, test } from "vitest";

import type { Call } from "../../define-function.ts";
import { writeHost } from "../../host/host.ts";
import type { Given } from "../../testing/given.ts";
import { memoryHost } from "../../testing/memory-host.ts";
import bootInstalled from "./boot-installed.ts";
import install from "./install.ts";

const DONE = { job: "job-1", disk: "/dev/vda", serial: "s", bytes: 1, hostname: "h", kernel: "k" };
const onDisk = (done: object): Given => ({ files: { "/var/lib/boma/installed.json": JSON.stringify(done) } });

function calling(given: Given, job = "job-1") {
  const { ports, log } = memoryHost(given);
  const call = { job, host: writeHost(ports), line: () => undefined } as unknown as Call;
  return { call, log };
}

test("the job that is taken up by the system that it made has come to its end there", async () => {
  const { call, log } = calling(onDisk(DONE));
  expect(await install.run({}, call)).toEqual(DONE);
  expect(log).toEqual([]);
});

test("another job on that system installs nothing: it does not run from memory", async () => {
  const { call, log } = calling(onDisk(DONE), "job-2");
  await expect(install.run({}, call)).rejects.toMatchObject({ code: "install/not-live" });
  expect(log).toEqual([]);
});

test("the restart has succeeded where the system of the disk runs, and does not restart that", async () => {
  const { call, log } = calling(onDisk(DONE));
  expect(await bootInstalled.run({}, call)).toMatchObject({ disk: "/dev/vda" });
  expect(log).toEqual([]);
});

test("nothing is restarted where nothing was installed, and where it comes back without a disk that is said", async () => {
  await expect(bootInstalled.run({}, calling({}).call)).rejects.toMatchObject({ code: "install/not-live" });
  const memory: Given = { files: { "/run/boma-installed.json": JSON.stringify(DONE) } };
  const { call, log } = calling(memory);
  await expect(bootInstalled.run({}, call)).rejects.toThrow("not from the disk");
  expect(log.filter((line) => line.startsWith("machine.reboot"))).toHaveLength(1);
});
