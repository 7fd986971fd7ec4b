import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterEach, beforeEach, expect, test } from "vitest";

import { capture, cleanEnvironment, type ProgramWorld, tell } from "./program.ts";

let dir: string;
let stopping: AbortController;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), "boma-program-"));
  stopping = new AbortController();
});
afterEach(() => rm(dir, { recursive: true, force: true }));

const world = (more: Partial<ProgramWorld> = {}): ProgramWorld => ({
  program: "/bin/sh",
  cwd: dir,
  env: {},
  signal: stopping.signal,
  started: async () => undefined,
  ...more,
});
const log = () => join(dir, "log");

test("lines are told as they come, those of both streams, and nothing of them stays on the disk", async () => {
  const lines: string[] = [];
  const code = await tell(world(), ["-c", "echo one; echo two >&2; printf three; exit 3"], {
    log: log(),
    line: ({ text }) => lines.push(text),
  });
  expect({ code, lines }).toEqual({ code: 3, lines: ["one", "two", "three"] });
  expect(await readdir(dir)).toEqual([]);
});

test("a stop interrupts the program, and its own end is awaited, however long that takes it", async () => {
  const lines: string[] = [];
  const script =
    "trap 'echo saving; sleep 0.2; echo saved; exit 7' INT; echo began; while :; do sleep 0.05; done";
  const code = await tell(world(), ["-c", script], {
    log: log(),
    line({ text }) {
      lines.push(text);
      if (text === "began") stopping.abort();
    },
  });
  expect({ code, lines }).toEqual({ code: 7, lines: ["began", "saving", "saved"] });
});

test("one that was stopped before it began is not begun", async () => {
  stopping.abort(new Error("stopped"));
  await expect(capture(world(), ["-c", "touch began"])).rejects.toThrow("stopped");
  expect(await readdir(dir)).toEqual([]);
});

test("what is captured comes back apart from what went wrong, and its process was named before its end", async () => {
  const pids: number[] = [];
  const started = async (pid: number): Promise<void> => void pids.push(pid);
  const { code, stdout, stderr } = await capture(world({ started }), ["-c", "echo $$; echo bad >&2"]);
  expect({ code, stderr, pids }).toEqual({ code: 0, stderr: "bad\n", pids: [Number(stdout)] });
});

test("nothing of what a quick program says is lost while its process is still being noted", async () => {
  const started = async (pid: number): Promise<void> => {
    while (isAlive(pid)) await new Promise(setImmediate);
    for (let turn = 0; turn < 50; turn++) await new Promise(setImmediate);
  };
  const { stdout } = await capture(world({ started }), ["-c", "printf %065000d 7"]);
  expect(stdout).toHaveLength(65_000);
});

const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
};

test("a program that cannot be started is an error that names it", async () => {
  const none = world({ program: join(dir, "none") });
  await expect(capture(none, [])).rejects.toMatchObject({ code: "terraform/program" });
});

test("nothing that decides how Terraform behaves comes from the agent's own environment", () => {
  const before = { ...process.env };
  Object.assign(process.env, {
    TF_LOG: "trace",
    TF_VAR_x: "1",
    TF_CLI_ARGS: "-auto-approve",
    BOMA_TOKEN: "t",
  });
  try {
    const env = cleanEnvironment({ TF_INPUT: "0" });
    expect(Object.keys(env).filter((name) => /^(TF_|BOMA_)/.test(name))).toEqual(["TF_INPUT"]);
    expect(env["PATH"]).toBeDefined();
  } finally {
    for (const name of ["TF_LOG", "TF_VAR_x", "TF_CLI_ARGS", "BOMA_TOKEN"])
      if (before[name] === undefined) delete process.env[name];
      else process.env[name] = before[name];
  }
});
