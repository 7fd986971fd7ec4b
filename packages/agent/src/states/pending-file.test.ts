import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterEach, beforeEach, expect, test } from "vitest";

import { pendingFile } from "./pending-file.ts";

let dir: string;
let path: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), "boma-pending-"));
  path = join(dir, "states", "pending.json");
});
afterEach(() => rm(dir, { recursive: true, force: true }));

test("what is owed is known to the next process, and gone when it was done", async () => {
  await pendingFile(path).add(["a", "b"]);
  await pendingFile(path).done(["a"]);
  expect(await pendingFile(path).list()).toEqual(["b"]);
});

test("what another process wrote since is neither overlooked nor lost", async () => {
  const [agent, apply] = [pendingFile(path), pendingFile(path)];
  expect(await agent.list()).toEqual([]);
  await apply.add(["left by apply"]);
  expect(await agent.list()).toEqual(["left by apply"]);
  await agent.add(["own"]);
  expect(await apply.list()).toEqual(["left by apply", "own"]);
});

test("changes that come at once all stay", async () => {
  const pending = pendingFile(path);
  await Promise.all(Array.from({ length: 20 }, (_, n) => pending.add([`s${n}`])));
  expect(await pending.list()).toHaveLength(20);
});

test.each(["", '{"refresh":["a"', '{"refresh":1}', "[]"])(
  "a file with %o in it is an error that names the file, and stays as it is",
  async (text) => {
    await pendingFile(path).add(["x"]);
    await writeFile(path, text);
    const pending = pendingFile(path);
    await expect(pending.list()).rejects.toMatchObject({ code: "state/pending" });
    await expect(pending.add(["y"])).rejects.toThrow(path);
    expect(await readFile(path, "utf8")).toBe(text);
  },
);

test("a note that could not be written is tried again by whoever notes the same again", async () => {
  await writeFile(join(dir, "states"), "no directory");
  const pending = pendingFile(path);
  await expect(pending.add(["a"])).rejects.toThrow();
  await rm(join(dir, "states"));
  await pending.add(["a"]);
  expect(await pendingFile(path).list()).toEqual(["a"]);
});

test("since when and because of what something is owed stays as it was first noted, until it is done", async () => {
  const clock = { now: 1000 };
  const pending = pendingFile(path, { now: () => clock.now });
  await pending.add(["a"], "file.managed(/conf)");
  clock.now = 2000;
  await pending.add(["a", "b"], "");
  expect(await pendingFile(path).owed()).toEqual(
    new Map([
      ["a", { since: 1000, cause: "file.managed(/conf)" }],
      ["b", { since: 2000, cause: null }],
    ]),
  );
  await pending.done(["a"]);
  await pending.add(["a"], "pkg.installed(x)");
  expect((await pending.owed()).get("a")).toEqual({ since: 2000, cause: "pkg.installed(x)" });
});

test("of what an agent of before wrote down, since when is not known", async () => {
  await pendingFile(path).add(["x"]);
  await writeFile(path, '{"refresh":["a"]}');
  expect(await pendingFile(path).owed()).toEqual(new Map([["a", { since: null, cause: null }]]));
});

test("the start that runs without the change is kept as it was first seen, and forgotten with the next change", async () => {
  const clock = { now: 1000 };
  const pending = pendingFile(path, { now: () => clock.now });
  await pending.add(["a"], "file.managed(/conf)");
  await pending.waits("a", "first");
  await pending.waits("a", "second");
  await pending.waits("nobody", "third");
  expect(await pendingFile(path).instances()).toEqual(new Map([["a", "first"]]));
  clock.now = 2000;
  await pendingFile(path).add(["a"], "pkg.installed(x)");
  expect(await pending.instances()).toEqual(new Map());
  expect(await pending.owed()).toEqual(new Map([["a", { since: 1000, cause: "file.managed(/conf)" }]]));
  await pending.waits("a", "second");
  await pending.done(["a"]);
  expect([await pending.instances(), await pending.owed()]).toEqual([new Map(), new Map()]);
});
