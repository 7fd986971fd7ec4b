import { describe, expect, test, vi } from "vitest";

import { type Given, memoryHost } from "../../testing/index.ts";
import { tryState } from "../../testing/try-state.ts";
import run from "./run.ts";

const want = (name: string, params: object = {}) => run.spec.params.parse({ name, ...params });

describe("a command that nothing guards", () => {
  test("runs each time, is a change each time, and converges nowhere", async () => {
    const host = memoryHost({ commands: { date: {} } });
    for (let time = 0; time < 2; time++) {
      const { changes } = await tryState(run, "date", {}, host);
      expect(changes).toEqual({ run: { from: undefined, to: "date" } });
    }
    expect(host.log).toHaveLength(2);
  });

  test("is a warning; with any guard it is none", () => {
    expect(run.spec.warnings!(want("date"), {})).toEqual([expect.stringContaining("every time")]);
    for (const guard of ["unless", "onlyIf", "creates"])
      expect(run.spec.warnings!(want("date"), { [guard]: ["test -e /x"] })).toEqual([]);
    expect(run.spec.warnings!(want("date", { once: true }), {})).toEqual([]);
    expect(run.spec.warnings!(want("date", { check: "true" }), {})).toEqual([]);
  });
});

describe("with a check", () => {
  const given = { commands: { make: { makes: { "/done": "" } }, idle: {} } };

  test("it does not run when the check is content", async () => {
    const { changes, host } = await tryState(run, "make", { check: "true" }, given);
    expect(changes).toEqual({});
    expect(host.log).toEqual([]);
  });

  test("it runs, and the check is asked again", async () => {
    const { left } = await tryState(run, "make", { check: "test -e /done" }, given);
    expect(left).toEqual({});
  });

  test("it fails when it ran and the check is still not content", async () => {
    await expect(tryState(run, "idle", { check: "test -e /done" }, given)).rejects.toMatchObject({
      code: "state/not-converged",
    });
  });

  test("the check has directory, user and variables of the command", async () => {
    const host = memoryHost({ commands: { make: {} } });
    const read = vi.spyOn(host.ports.commands.read, "read");
    await run.spec.check(
      want("make", { check: ["ask", "a b"], cwd: "/srv", user: "anna", env: { A: "1" } }),
      {
        commands: host.ports.commands.read,
        files: host.ports.files.read,
      } as never,
    );
    expect(read).toHaveBeenCalledWith({
      argv: ["ask", "a b"],
      shell: false,
      cwd: "/srv",
      user: "anna",
      env: { A: "1" },
    });
  });
});

describe("once", () => {
  const given: Given = {
    commands: { "/usr/bin/migrate": {}, false: { exitCode: 1, stderr: "no\n" } },
    files: { "/var/lib": { directory: true } },
  };

  test("it runs a first time and never again", async () => {
    const { host, left } = await tryState(run, "/usr/bin/migrate 1", { once: true }, given);
    expect(left).toEqual({});
    expect((await tryState(run, "/usr/bin/migrate 1", { once: true }, host)).changes).toEqual({});
  });

  test("another command of the same name runs anew", async () => {
    const params = (argument: string) => ({ command: ["/usr/bin/migrate", argument], once: true });
    const { host } = await tryState(run, "migrate", params("1"), given);
    expect((await tryState(run, "migrate", params("2"), host)).changes).not.toEqual({});
    expect((await tryState(run, "migrate", params("1"), host)).changes).toEqual({});
  });

  test("a failure is no success, and it is tried again", async () => {
    const host = memoryHost(given);
    for (let time = 0; time < 2; time++)
      await expect(tryState(run, "false", { once: true }, host)).rejects.toMatchObject({
        code: "state/command-failed",
        message: "false exited with 1:\nno",
      });
  });

  test("its mark holds no secret", async () => {
    const { host } = await tryState(
      run,
      "/usr/bin/migrate",
      { once: true, env: { PASSWORD: "canary" }, stdin: "canary" },
      given,
    );
    const marks = [...host.tree].filter(([path]) => path.startsWith("/var/lib/boma"));
    expect(marks).not.toEqual([]);
    expect(
      JSON.stringify(
        marks.map(([path, entry]) => [path, "bytes" in entry && Buffer.from(entry.bytes).toString()]),
      ),
    ).not.toContain("canary");
  });
});

test("exit codes that mean success are those that are said", async () => {
  const given = { commands: { grep: { exitCode: 1 } } };
  await expect(tryState(run, "grep x", {}, given)).rejects.toMatchObject({ code: "state/command-failed" });
  expect((await tryState(run, "grep x", { successCodes: [0, 1] }, given)).changes).toHaveProperty("run");
});

test("a text is split into words and no shell reads it; a shell gets it whole", async () => {
  const host = memoryHost({ commands: { echo: {}, "echo $HOME | cat": {} } });
  const spy = vi.spyOn(host.ports.commands.write, "run");
  await tryState(run, `echo '$HOME' "a b"`, {}, host);
  expect(spy.mock.lastCall?.[0]).toMatchObject({ argv: ["echo", "$HOME", "a b"], shell: false });
  await tryState(run, "echo $HOME | cat", { shell: true }, host);
  expect(spy.mock.lastCall?.[0]).toMatchObject({ argv: ["echo $HOME | cat"], shell: true });
});

test.each([
  ["an unclosed quote", "echo 'a", {}],
  ["no word", "  ", {}],
  ["an unclosed quote in the check", "echo", { check: "test 'a" }],
  ["a list for a shell", "name", { command: ["a", "b"], shell: true }],
  ["check and once together", "echo", { check: "true", once: true }],
])("%s is refused where it is written", async (_, name, params) => {
  await expect(tryState(run, name, params)).rejects.toMatchObject({ code: "state/params" });
});
