import { readFile } from "node:fs/promises";

import type { Command, OutputLine } from "@boma/states";
import { afterEach, expect, test, vi } from "vitest";

import { environment, runProgram } from "./commands.ts";

const never = new AbortController().signal;
const run = (change: Partial<Command>, out: (line: OutputLine) => void = () => undefined, signal = never) =>
  runProgram({ argv: [], shell: false, ...change }, out, signal);
const script = (text: string): Partial<Command> => ({ argv: [text], shell: true });

afterEach(() => vi.unstubAllEnvs());

test("a program gives its output, its lines and its exit code", async () => {
  const lines: OutputLine[] = [];
  const exit = await run(script("echo one; echo two >&2; printf three; exit 3"), (line) => lines.push(line));
  expect(exit).toEqual({ exitCode: 3, signal: null, stdout: "one\nthree", stderr: "two\n", cut: false });
  expect(lines.filter(({ stream }) => stream === "stdout").map(({ text }) => text)).toEqual(["one", "three"]);
  expect(lines.filter(({ stream }) => stream === "stderr").map(({ text }) => text)).toEqual(["two"]);
});

test("arguments reach the program as they are: no shell reads them", async () => {
  const { stdout } = await run({ argv: ["printf", "%s|", "$HOME", "a b", "; id", "*"] });
  expect(stdout).toBe("$HOME|a b|; id|*|");
});

test("standard input, directory and variables are those that were asked for", async () => {
  expect((await run({ argv: ["cat"], stdin: "hello" })).stdout).toBe("hello");
  expect((await run({ argv: ["pwd"], cwd: "/usr" })).stdout).toBe("/usr\n");
  expect((await run({ ...script('echo "$COLOUR"'), env: { COLOUR: "blue" } })).stdout).toBe("blue\n");
});

test("no variable of the agent's own reaches a child", async () => {
  vi.stubEnv("BOMA_TOKEN", "bt_secret");
  vi.stubEnv("MY_API_TOKEN", "secret");
  vi.stubEnv("PLAIN", "kept");
  const { stdout } = await run({ argv: ["env"] });
  expect(stdout).not.toMatch(/bt_secret|MY_API_TOKEN/);
  expect(stdout).toContain("PLAIN=kept");
  expect(Object.keys(environment(undefined)).filter((name) => name.startsWith("BOMA_"))).toEqual([]);
});

test.each([
  [{ argv: ["no-such-program-here"] }, "no such program: no-such-program-here"],
  [{ argv: ["true"], cwd: "/nonexistent" }, "the directory /nonexistent cannot be used"],
  [{ argv: ["true"], cwd: "/etc/passwd" }, "/etc/passwd is not a directory"],
  [{ argv: ["/etc/passwd"] }, "/etc/passwd may not be executed"],
  [{ argv: ["true"], user: "nobody-of-this-name" }, "no such user"],
])("%j cannot run, and the message says why", async (command, message) => {
  await expect(run(command)).rejects.toMatchObject({
    code: "function/failed",
    message: expect.stringContaining(message),
  });
});

const asRoot = async () => {
  const { stdout } = await run({ argv: ["id", "-un"], user: "nobody" });
  expect(stdout).toBe("nobody\n");
  expect((await run({ argv: ["id", "-G"], user: "nobody" })).stdout).not.toMatch(/\b0\b/);
};
const asAnybody = () =>
  expect(run({ argv: ["id", "-un"], user: "nobody" })).rejects.toMatchObject({ code: "function/failed" });

// Each account can show its own half of the rule; where tests run as root it is the first.
test.each(
  process.getuid?.() === 0
    ? [["a program for another user has that user's ids and groups", asRoot] as const]
    : [["an agent that is not root runs nothing as another user, and says so", asAnybody] as const],
)("%s", (_title, holds) => holds());

test("long output keeps its beginning and its end", async () => {
  const exit = await run(script("echo first; yes middle | head -c 1000000; echo last"));
  expect(exit.cut).toBe(true);
  expect(exit.stdout.startsWith("first\n")).toBe(true);
  expect(exit.stdout.endsWith("last\n")).toBe(true);
  expect(Buffer.byteLength(exit.stdout)).toBeLessThan(70_000);
});

const isAlive = async (pid: number): Promise<boolean> => {
  const text = await readFile(`/proc/${pid}/stat`, "latin1").catch(() => "");
  return text !== "" && !"ZX".includes(text.slice(text.lastIndexOf(")") + 2, text.lastIndexOf(")") + 3));
};
const allEnded = (pids: readonly number[]) =>
  vi.waitFor(async () => expect(await Promise.all(pids.map(isAlive))).toEqual(pids.map(() => false)), {
    timeout: 8000,
  });

/** Starts a script that prints pids, cancels it once all were printed, and gives them. */
async function cancelAfterPids(text: string, count: number): Promise<{ pids: number[]; ms: number }> {
  const pids: number[] = [];
  const controller = new AbortController();
  let cancelledAt = 0;
  await run(
    script(text),
    (line) => {
      if (/^\d+$/.test(line.text)) pids.push(Number(line.text));
      if (pids.length < count) return;
      cancelledAt ||= performance.now();
      controller.abort();
    },
    controller.signal,
  );
  expect(pids).toHaveLength(count);
  return { pids, ms: performance.now() - cancelledAt };
}

test("cancelling ends children, those in sessions of their own, and orphans of these", async () => {
  const { pids, ms } = await cancelAfterPids(
    `sleep 600 & echo $!
     setsid sh -c 'echo $$; exec sleep 600' &
     (setsid sh -c 'sh -c "echo \\$\\$; exec sleep 600" & exit 0' &)
     echo $$
     wait`,
    4,
  );
  await allEnded(pids);
  expect(ms).toBeLessThan(2000);
});

test("a program that ignores the request to end is killed after a while", async () => {
  const { pids, ms } = await cancelAfterPids(`trap '' TERM; echo $$; while :; do sleep 0.05; done`, 1);
  await allEnded(pids);
  expect(ms).toBeGreaterThan(1500);
});

test("what is left in the group ends with the call, and does not hold it up", async () => {
  const lines: string[] = [];
  const began = performance.now();
  await run(script("sleep 600 & echo $!"), (line) => lines.push(line.text));
  expect(performance.now() - began).toBeLessThan(5000);
  await allEnded([Number(lines[0])]);
});
