/**
 * Goal: a change that cuts a node off undoes itself, whoever dies in between.
 * Method: the real dead-man in a process of its own, on files of a temporary directory.
 */
import { spawn } from "node:child_process";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import { BomaError } from "@boma/protocol";
import { afterEach, beforeEach, expect, test } from "vitest";

import { confirmation } from "./confirmation.ts";
import { readBootId, revertLeftovers, uptimeMs } from "./dead-man.ts";
import { armUndo, undoDir } from "./undo-file.ts";

const bin = fileURLToPath(new URL("../../bin/boma-agent.mjs", import.meta.url));
const program = [process.execPath, bin];

let dir: string;
let path: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), "boma-confirm-"));
  path = join(dir, "rules");
  await writeFile(path, "old\n", { mode: 0o640 });
});
afterEach(() => rm(dir, { recursive: true, force: true }));

const undo = (more: { commands?: readonly (readonly string[])[] } = {}) => ({
  files: [
    {
      path,
      was: {
        base64: Buffer.from("old\n").toString("base64"),
        mode: "0640",
        owner: String(process.getuid!()),
        group: String(process.getgid!()),
      },
    },
    { path: join(dir, "made"), was: null },
  ],
  commands: more.commands ?? [],
});

const content = () => readFile(path, "utf8");
const never = () => Promise.reject(new Error("no way out"));

test("a change that is proved over a new connection stays, and nothing of the dead-man is left", async () => {
  let reached = 0;
  const armed = await confirmation({
    agentDir: dir,
    root: "/",
    program,
    reach: async () => void reached++,
  }).arm("net", undo(), 60_000);
  await writeFile(path, "new\n");
  await armed.prove();
  expect(reached).toBe(1);
  expect(await content()).toBe("new\n");
  expect(await readdir(undoDir(dir))).toEqual([]);
});

test("a change that cannot be proved is taken back: files as they were, what was made is gone, programs run after", async () => {
  const mark = join(dir, "loaded");
  const commands = [["/bin/cp", path, mark]];
  const armed = await confirmation({ agentDir: dir, root: "/", program, reach: never }).arm(
    "net",
    undo({ commands }),
    400,
  );
  await writeFile(path, "new\n");
  await writeFile(join(dir, "made"), "");
  const error = await armed.prove().catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(BomaError);
  expect(error).toMatchObject({ code: "state/reverted", message: expect.stringContaining("no way out") });
  expect(await content()).toBe("old\n");
  expect(await readdir(dir)).not.toContain("made");
  expect(await readFile(mark, "utf8")).toBe("old\n");
  expect(await readdir(undoDir(dir))).toEqual([]);
});

test("it is taken back also when the process that made the change is killed at once", async () => {
  const script = `
    import { writeFile } from "node:fs/promises";
    import { confirmation } from ${JSON.stringify(new URL("./confirmation.ts", import.meta.url).href)};
    const { dir, path, program, undo } = JSON.parse(process.argv[1]);
    await confirmation({ agentDir: dir, root: "/", program, reach: () => Promise.reject(new Error()) }).arm("net", undo, 700);
    await writeFile(path, "new\\n");
    process.stdout.write("armed");
    setInterval(() => undefined, 1000);
  `;
  const given = JSON.stringify({ dir, path, program, undo: undo() });
  const child = spawn(process.execPath, ["--input-type=module", "-e", script, given], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  await new Promise((resolve) => child.stdout.once("data", resolve));
  expect(await content()).toBe("new\n");
  child.kill("SIGKILL");
  await expect.poll(content, { timeout: 15_000 }).toBe("old\n");
  await expect.poll(() => readdir(undoDir(dir))).toEqual([]);
});

test("what an earlier boot left armed is taken back at the next start, before its time", async () => {
  await armUndo(undoDir(dir), {
    declaration: "net",
    root: "/",
    undo: { ...undo(), commands: [] },
    bootId: "another boot",
    deadlineUptimeMs: Number.MAX_SAFE_INTEGER,
  });
  await writeFile(path, "new\n");
  expect(await revertLeftovers(undoDir(dir))).toMatchObject([{ declaration: "net", problems: [] }]);
  expect(await content()).toBe("old\n");
});

test("what is armed in this boot is left to its dead-man by a start of the agent", async () => {
  const [bootId, uptime] = await Promise.all([readBootId(), uptimeMs()]);
  await armUndo(undoDir(dir), {
    declaration: "net",
    root: "/",
    undo: { ...undo(), commands: [] },
    bootId,
    deadlineUptimeMs: uptime + 60_000,
  });
  await writeFile(path, "new\n");
  expect(await revertLeftovers(undoDir(dir))).toEqual([]);
  expect(await content()).toBe("new\n");
});

test("an apply that fails is taken back at once", async () => {
  const armed = await confirmation({ agentDir: dir, root: "/", program, reach: never }).arm(
    "net",
    undo(),
    60_000,
  );
  await writeFile(path, "half");
  await armed.revert();
  expect(await content()).toBe("old\n");
});

test("an undo that nobody can read is told and set aside; the others are taken back, and the agent can start", async () => {
  await armUndo(undoDir(dir), {
    declaration: "net",
    root: "/",
    undo: { ...undo(), commands: [] },
    bootId: "another boot",
    deadlineUptimeMs: 0,
  });
  const garbage = { "00.armed.json": "", "01.reverting.json": '{"declaration":', "zz.armed.json": "[]" };
  for (const [name, text] of Object.entries(garbage)) await writeFile(join(undoDir(dir), name), text);
  await writeFile(path, "new\n");
  const reverted = await revertLeftovers(undoDir(dir));
  expect(reverted.filter(({ problems }) => problems.length > 0)).toHaveLength(3);
  expect(await content()).toBe("old\n");
  expect(await readdir(undoDir(dir))).toEqual(["00.unreadable", "01.unreadable", "zz.unreadable"]);
  expect(await revertLeftovers(undoDir(dir))).toEqual([]);
});

test("where no dead-man can be started nothing is armed: a later start takes nothing back", async () => {
  const arming = confirmation({ agentDir: dir, root: "/", program: [join(dir, "gone")], reach: never });
  await expect(arming.arm("net", undo(), 60_000)).rejects.toThrow();
  expect(await readdir(undoDir(dir))).toEqual([]);
});

test("a program that fails does not keep the rest from being taken back", async () => {
  const commands = [["/bin/false"], ["/nonexistent"]];
  await armUndo(undoDir(dir), {
    declaration: "net",
    root: "/",
    undo: { ...undo(), commands },
    bootId: "another boot",
    deadlineUptimeMs: 0,
  });
  await writeFile(path, "new\n");
  const [reverted] = await revertLeftovers(undoDir(dir));
  expect(reverted!.problems).toHaveLength(2);
  expect(await content()).toBe("old\n");
});
