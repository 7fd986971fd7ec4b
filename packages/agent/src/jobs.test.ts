import { join } from "node:path";

import { type NodeProgressBody, type NodeReturnBody, RESULT_BYTES_MAX } from "@boma/protocol";
import { type AnyFunction, defineFunction, functions } from "@boma/states";
import { expect, onTestFinished, test, vi } from "vitest";
import { z } from "zod";

import { MasterTime } from "./clock.ts";
import { emulatedHost } from "./host/emulated.ts";
import { hostOf } from "./host/hosts.ts";
import { Jobs, RUNNING_MAX } from "./jobs.ts";
import { Journal, type JournalRecord } from "./journal.ts";
import { silentLog } from "./log.ts";
import { openPolicy, type Policy } from "./policy.ts";
import { order, temporaryDirectory } from "./testing/support.ts";

interface Bench {
  readonly jobs: Jobs;
  readonly journal: Journal;
  readonly returns: NodeReturnBody[];
  readonly progress: NodeProgressBody[];
  readonly returned: (count?: number) => Promise<NodeReturnBody>;
}

async function bench(
  change: { functions?: Record<string, AnyFunction>; policy?: Policy; journal?: Journal } = {},
): Promise<Bench> {
  const dir = await temporaryDirectory();
  const journal = change.journal ?? (await Journal.open(join(dir.path, "journal")));
  onTestFinished(async () => {
    if (journal instanceof Journal) await journal.close();
    await dir[Symbol.asyncDispose]();
  });
  const returns: NodeReturnBody[] = [];
  const progress: NodeProgressBody[] = [];
  const jobs = new Jobs({
    journal,
    time: new MasterTime(),
    log: silentLog,
    states: () => undefined,
    host(session) {
      const machine = emulatedHost();
      const { duties } = machine.ports(session);
      return hostOf(
        machine,
        {
          collect: async () => ({ ram: 1 }),
          status: () => undefined as never,
          duties,
          schedules: undefined as never,
          beacons: undefined as never,
          stages: undefined as never,
          drift: undefined as never,
          maintenance: undefined as never,
          permits: undefined as never,
        },
        session,
      );
    },
    functions: { ...functions, ...change.functions },
    policy: () => change.policy ?? openPolicy,
    sign(body) {
      returns.push(body as NodeReturnBody);
      return { job: body.job, id: "id", frame: new Uint8Array([1]) };
    },
    sendReturn: () => undefined,
    sendProgress: (body) => progress.push(body as NodeProgressBody) > 0,
  });
  const returned = async (count = 1): Promise<NodeReturnBody> => {
    await vi.waitFor(() => expect(returns.length).toBeGreaterThanOrEqual(count), { timeout: 8000 });
    await vi.waitFor(() => expect(jobs.isIdle).toBe(true), { timeout: 8000 });
    return returns[count - 1]!;
  };
  return { jobs, journal, returns, progress, returned };
}

/** A function that waits for its signal, or for the test. */
const waiting = (
  change: Partial<AnyFunction> = {},
): { spec: AnyFunction; go: () => void; begun: () => number } => {
  const gate = Promise.withResolvers<void>();
  let begun = 0;
  const spec = defineFunction({
    name: "test.wait",
    summary: "",
    params: z.strictObject({}),
    result: z.string(),
    effect: "write",
    onRestart: "fail",
    examples: [],
    run: async (_, { signal }) => {
      begun++;
      await Promise.race([gate.promise, new Promise((resolve) => signal.addEventListener("abort", resolve))]);
      return "waited";
    },
  });
  return { spec: { ...spec, ...change } as AnyFunction, go: () => gate.resolve(), begun: () => begun };
};

test("a quick function returns ok and says nothing before", async () => {
  const { jobs, journal, progress, returned } = await bench();
  const one = order();
  jobs.accept(one);
  expect(await returned()).toMatchObject({ job: one.job, status: "ok", value: true, cut: false });
  expect(journal.stateOf(one.job)).toBe("done");
  expect(progress).toEqual([]);
});

test.each([
  [
    "an unknown function",
    order({ function: "test.pong" }),
    "refused",
    "function/unknown",
    "Did you mean `test.ping`",
  ],
  ["wrong arguments", order({ args: { text: 1 } }), "refused", "function/arguments", "doc test.ping"],
  ["an expired order", order({ expiresAt: Date.now() - 1 }), "expired", "wire/expired", ""],
  [
    "a command on a machine of memory",
    order({ function: "cmd.run", args: { command: ["id"] } }),
    "refused",
    "confined/refused",
    "",
  ],
] as const)("%s ends as it should", async (...[, one, status, code, hint]) => {
  const { jobs, returned } = await bench();
  jobs.accept(one);
  const { error, ...rest } = await returned();
  expect(rest.status).toBe(status);
  expect(error?.code).toBe(code);
  expect(error?.hint).toContain(hint);
});

test("the policy refuses before anything is written down", async () => {
  const { spec, begun } = waiting();
  const policy: Policy = {
    problems: [],
    check: () => {
      throw new Error("no");
    },
  };
  const { jobs, returned } = await bench({ functions: { "test.wait": spec }, policy });
  jobs.accept(order({ function: "test.wait" }));
  expect((await returned()).status).toBe("refused");
  expect(begun()).toBe(0);
});

test("a function that outlives its time is stopped and said to be out of time", async () => {
  const { spec } = waiting();
  const { jobs, returned } = await bench({ functions: { "test.wait": spec } });
  jobs.accept(order({ function: "test.wait", timeoutMs: 30 }));
  expect(await returned()).toMatchObject({
    status: "timeout",
    value: "waited",
    error: { code: "job/timeout" },
  });
});

test("cancelling ends what runs, and keeps from beginning what waits or has not come", async () => {
  const { spec, begun } = waiting();
  const { jobs, journal, returns, returned } = await bench({ functions: { "test.wait": spec } });
  const all = Array.from({ length: RUNNING_MAX + 1 }, () => order({ function: "test.wait" }));
  for (const one of all) jobs.accept(one);
  await vi.waitFor(() => expect(begun()).toBe(RUNNING_MAX));
  expect(jobs.queued).toBe(1);
  const unknown = order();
  jobs.cancel(all.at(-1)!.job);
  jobs.cancel(unknown.job);
  for (const one of all.slice(0, -1)) jobs.cancel(one.job);
  await returned(RUNNING_MAX + 2);
  expect(returns.every(({ status }) => status === "cancelled")).toBe(true);
  expect(begun()).toBe(RUNNING_MAX);
  expect(journal.stateOf(unknown.job)).toBe("done");
});

test("a job that waits or takes a while says that it was accepted, once", async () => {
  const { spec, go } = waiting();
  const { jobs, progress, returned } = await bench({ functions: { "test.wait": spec } });
  const one = order({ function: "test.wait" });
  jobs.accept(one);
  await vi.waitFor(() =>
    expect(progress).toEqual([{ job: one.job, part: 0, accepted: true, lines: [], dropped: 0 }]),
  );
  go();
  await returned();
  expect(progress).toHaveLength(1);
});

test("a result too large is a failure that says so; a program's output loses its middle", async () => {
  const big = { ...waiting().spec, run: async () => "x".repeat(RESULT_BYTES_MAX) } as AnyFunction;
  const program = {
    ...functions["cmd.run"]!,
    run: async () => ({
      exitCode: 0,
      signal: null,
      stdout: "y".repeat(RESULT_BYTES_MAX),
      stderr: "",
      cut: false,
    }),
  } as AnyFunction;
  const { jobs, returned } = await bench({ functions: { "test.wait": big, "cmd.run": program } });
  jobs.accept(order({ function: "test.wait" }));
  expect(await returned()).toMatchObject({ status: "failed", error: { code: "job/too-large" } });
  jobs.accept(order({ function: "cmd.run", args: { command: ["yes"] } }));
  expect(await returned(2)).toMatchObject({ status: "ok", cut: true, value: { exitCode: 0, cut: true } });
});

test("a write whose start cannot be recorded does not run", async () => {
  const { spec, begun } = waiting();
  const journal = {
    corrupt: false,
    stateOf: () => undefined,
    append: (record: JournalRecord) =>
      record.kind === "started" ? Promise.reject(new Error("ENOSPC: no space left")) : Promise.resolve(),
  } as unknown as Journal;
  const { jobs, returned } = await bench({ functions: { "test.wait": spec }, journal });
  jobs.accept(order({ function: "test.wait" }));
  const { status, error } = await returned();
  expect(status).toBe("refused");
  expect(error?.message).toContain("ENOSPC");
  expect(begun()).toBe(0);
});

test("when the agent stops, a running job gives no return; the next process fails or resumes it", async () => {
  const [fails, resumes] = [waiting(), waiting({ onRestart: "resume", name: "test.again" })];
  const specs = { "test.wait": fails.spec, "test.again": resumes.spec };
  const first = await bench({ functions: specs });
  for (const name of Object.keys(specs)) first.jobs.accept(order({ function: name }));
  await vi.waitFor(() => expect(fails.begun() + resumes.begun()).toBe(2));
  await first.jobs.stop(1000);
  expect(first.returns).toEqual([]);
  const left = first.journal.interrupted();
  expect(left).toHaveLength(2);

  resumes.go();
  const second = await bench({ functions: specs, journal: first.journal });
  for (const record of left) second.jobs.recover(record);
  await second.returned(2);
  const byFunction = (name: string) =>
    second.returns.find(({ job }) => left.find((record) => record.job === job)?.order.function === name);
  expect(byFunction("test.wait")).toMatchObject({ status: "failed", error: { code: "job/agent-restarted" } });
  expect(byFunction("test.again")).toMatchObject({ status: "ok", value: "waited" });
  expect([fails.begun(), resumes.begun()]).toEqual([1, 2]);
});

test("with patience a stop lets what runs end with its own return, and begins nothing more", async () => {
  const { spec, begun, go } = waiting();
  const { jobs, journal, returns } = await bench({ functions: { "test.wait": spec } });
  jobs.accept(order({ function: "test.wait" }));
  await vi.waitFor(() => expect(begun()).toBe(1));
  const stopped = jobs.stop(1000, 60_000);
  jobs.accept(order({ function: "test.wait" }));
  go();
  await stopped;
  expect(returns).toMatchObject([{ status: "ok", value: "waited" }]);
  expect(journal.interrupted()).toEqual([]);
  expect(begun()).toBe(1);
});
