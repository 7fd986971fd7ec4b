import { type ChildProcess, spawn } from "node:child_process";

import { expect, test, vi } from "vitest";

import { SystemJournal } from "./journal.ts";

/** A follower that prints these lines and then stays, or ends where it is told to. */
function followers(...scripts: readonly (readonly string[])[]) {
  const started: { args: readonly string[]; child: ChildProcess }[] = [];
  const start = (args: readonly string[]): ChildProcess => {
    const lines = scripts[Math.min(started.length, scripts.length - 1)]!;
    const stays = lines.at(-1) !== "END";
    const child = spawn(
      "sh",
      ["-c", `printf '%s\\n' "$@"; ${stays ? "exec sleep 60" : ""}`, "sh", ...lines],
      { stdio: ["ignore", "pipe", "pipe"] },
    );
    started.push({ args, child });
    return child;
  };
  return { started, start };
}

const entry = (cursor: string, unit: string, pid = "1"): string =>
  JSON.stringify({ __CURSOR: cursor, MESSAGE: "m", MESSAGE_ID: "i", UNIT: unit, _PID: pid });

test("one follower serves all who listen, and ends with the last of them", async () => {
  const { started, start } = followers([entry("1", "a.service"), entry("2", "b.service")]);
  const journal = new SystemJournal({ start });
  const [first, second]: [string[], string[]] = [[], []];
  const one = journal.watchUnits(["a.service"], (unit) => first.push(unit));
  const other = journal.watchUnits(["a.service", "b.service"], (unit) => second.push(unit));
  await vi.waitFor(() => expect(second).toEqual(["a.service", "b.service"]));
  expect(first).toEqual(["a.service"]);
  expect(started).toHaveLength(1);
  one.stop();
  expect(journal.pid).toBeDefined();
  const ended = new Promise((resolve) => started[0]!.child.once("exit", resolve));
  other.stop();
  await ended;
  expect(journal.pid).toBeUndefined();
});

test("an entry that only looks like systemd's is not taken for it", async () => {
  const { start } = followers([entry("1", "a.service", "4711"), "garbage", "{}", entry("2", "b.service")]);
  const journal = new SystemJournal({ start });
  const heard: string[] = [];
  const following = journal.watchUnits(["a.service", "b.service"], (unit) => heard.push(unit));
  await vi.waitFor(() => expect(heard).toEqual(["b.service"]));
  following.stop();
});

test("a follower that ends is begun again behind the last entry, and meanwhile that is said", async () => {
  const { started, start } = followers(
    [entry("s=1;i=7", "a.service"), "END"],
    [entry("s=1;i=8", "a.service")],
  );
  const journal = new SystemJournal({ start, firstRetryMs: 200 });
  const heard: string[] = [];
  const following = journal.follow(({ __CURSOR: cursor }) => heard.push(cursor));
  await vi.waitFor(() => expect(journal.problem).toBe("journalctl ended with 0"));
  await vi.waitFor(() => expect(heard).toEqual(["s=1;i=7", "s=1;i=8"]));
  expect(started[0]!.args).toContain("--lines=0");
  expect(started[1]!.args).toContain("--after-cursor=s=1;i=7");
  expect(journal.problem).toBeUndefined();
  following.stop();
});
