import { expect, test } from "vitest";

import type { Call } from "../../define-function.ts";
import type { FunctionHost } from "../../function-host.ts";
import { writeHost } from "../../host/host.ts";
import { memoryHost } from "../../testing/memory-host.ts";
import reboot from "./reboot.ts";

function calling(change: Partial<FunctionHost["machine"]> = {}) {
  const { ports, tree, log } = memoryHost();
  const own = writeHost(ports);
  const host = { ...own, machine: { ...own.machine, ...change } } as FunctionHost;
  const call = (job: string, signal = new AbortController().signal): Call => ({
    job,
    host,
    signal,
    line: () => undefined,
    test: false,
    functions: {},
  });
  const run = (job: string, args: object = {}, signal?: AbortSignal) =>
    reboot.run(reboot.params.parse(args), call(job, signal));
  return { run, tree, log, own };
}
const boots = (log: readonly string[]) => log.filter((line) => line.startsWith("machine.reboot")).length;

test("it succeeds when the machine has another boot id, and leaves nothing behind", async () => {
  const { run, tree, log } = calling();
  const result = reboot.result.parse(await run("job-1"));
  expect(result.bootId).not.toBe(result.previousBootId);
  expect(reboot.outcome!(result)).toBe("changed");
  expect(boots(log)).toBe(1);
  expect([...tree.keys()].filter((path) => path.includes("job-1"))).toEqual([]);
});

/** As on a real machine: the call ends with the agent, and the boot comes after it. */
const goingDown = { reboot: () => Promise.reject(new Error("the agent stops")) };

test("the job that is taken up after the boot tells of it, and does not boot again", async () => {
  const stopping = new AbortController();
  const { run, tree, log, own } = calling(goingDown);
  stopping.abort();
  await expect(run("job-1", {}, stopping.signal)).rejects.toThrow();
  expect([...tree.keys()].some((path) => path.includes("job-1"))).toBe(true);
  const before = await own.machine.bootId();
  await own.machine.reboot({ delayMs: 0, reason: "" });
  expect(await run("job-1")).toMatchObject({ previousBootId: before, bootId: await own.machine.bootId() });
  expect(boots(log)).toBe(1);
});

test("an agent that restarts without its machine orders the boot again", async () => {
  const stopping = new AbortController();
  const { run, own } = calling(goingDown);
  stopping.abort();
  await expect(run("job-1", {}, stopping.signal)).rejects.toThrow();
  // The same boot id as before: it is not taken for a boot.
  await expect(run("job-1")).rejects.toThrow("the agent stops");
  expect(await own.machine.bootId()).toMatch(/1$/);
});

test("another job's boot is not taken for one's own", async () => {
  const { run, log } = calling();
  await run("job-1");
  await run("job-2");
  expect(boots(log)).toBe(2);
});

test("a boot that could not be ordered is an error, and is not remembered", async () => {
  const { run, tree } = calling({ reboot: () => Promise.reject(new Error("no systemd")) });
  await expect(run("job-1")).rejects.toThrow("no systemd");
  expect([...tree.keys()].filter((path) => path.includes("job-1"))).toEqual([]);
});

test("while it waits, a cancelled job calls the boot off", async () => {
  const { run, log } = calling();
  const cancelled = new AbortController();
  const running = run("job-1", { delay: "1h" }, cancelled.signal);
  cancelled.abort();
  await expect(running).rejects.toThrow();
  expect(boots(log)).toBe(0);
});

test.each(["-1s", "25h", "soon", ""])("a delay of %j is refused", (delay) => {
  expect(reboot.params.safeParse({ delay }).success).toBe(false);
});
