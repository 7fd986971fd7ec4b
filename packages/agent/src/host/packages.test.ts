/** A real apt and a real dpkg, on a root and a repository below a temporary directory. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";

import { type AptWorld, aptWorld } from "./testing/apt-world.ts";

const FIRST = [
  { name: "alpha", version: "1.0-1" },
  { name: "beta", version: "2:1.0~rc1", fields: { Depends: "alpha", Provides: "greek" } },
  { name: "alpha-rival", version: "1", fields: { Conflicts: "alpha" } },
];

let world: AptWorld;
beforeAll(async () => {
  world = aptWorld();
  world.publish(FIRST);
  await world.port().write.refresh();
});
afterAll(() => world.drop());

describe("on an empty machine", () => {
  beforeEach(async () => {
    const { read, write } = world.port();
    const names = [...(await read.installed()).keys(), ...(await read.leftovers())];
    if (names.length > 0) await write.hold(names, false);
    if (names.length > 0) await write.remove(names, { purge: true });
    world.publish(FIRST);
    await write.refresh();
  });

  test("a package comes with what it depends on, as the simulation said", async () => {
    const { read, write } = world.port();
    const plan = await read.simulate("install", [{ name: "beta" }]);
    expect(plan).toEqual({
      install: [
        { name: "alpha", from: undefined, to: "1.0-1" },
        { name: "beta", from: undefined, to: "2:1.0~rc1" },
      ],
      upgrade: [],
      downgrade: [],
      remove: [],
    });
    expect((await read.installed()).size).toBe(0);
    await write.install([{ name: "beta" }]);
    expect([...(await read.installed()).values()]).toEqual([
      { name: "alpha", version: "1.0-1", arch: "all", whole: true, held: false },
      { name: "beta", version: "2:1.0~rc1", arch: "all", whole: true, held: false },
    ]);
    expect(await read.providers("greek")).toEqual(["beta"]);
  });

  test("a held package is not touched, nor is another removed, unless that is allowed", async () => {
    const { read, write } = world.port();
    await write.install([{ name: "alpha" }]);
    await write.hold(["alpha"], true);
    expect((await read.installed()).get("alpha")).toMatchObject({ held: true });
    const rival = [{ name: "alpha-rival" }];
    await expect(read.simulate("install", rival)).rejects.toMatchObject({ code: "package/blocked" });
    await write.hold(["alpha"], false);
    expect((await read.simulate("install", rival)).remove).toEqual(["alpha"]);
    await expect(write.install(rival)).rejects.toMatchObject({ code: "package/blocked" });
    expect([...(await read.installed()).keys()]).toEqual(["alpha"]);
  });

  test("a version is gone back to only where that is allowed, and the plan tells it from an upgrade", async () => {
    const { read, write } = world.port();
    world.publish([...FIRST, { name: "alpha", version: "1.0-2" }]);
    await write.refresh();
    await write.install([{ name: "alpha" }]);
    const old = [{ name: "alpha", version: "1.0-1" }];
    const { downgrade, upgrade } = await read.simulate("install", old, { allowDowngrade: true });
    expect([downgrade, upgrade]).toEqual([[{ name: "alpha", from: "1.0-2", to: "1.0-1" }], []]);
    await expect(write.install(old)).rejects.toMatchObject({ code: "package/blocked" });
    await write.install(old, { allowDowngrade: true });
    expect((await read.installed()).get("alpha")?.version).toBe("1.0-1");
    expect(await read.candidates(["alpha", "none"])).toEqual(new Map([["alpha", "1.0-2"]]));
    await write.upgrade();
    expect((await read.installed()).get("alpha")?.version).toBe("1.0-2");
  });

  test("a changed configuration file stays, and nobody is asked", async () => {
    const { write } = world.port();
    await write.install([{ name: "alpha" }]);
    const file = join(world.root, "target/etc/alpha.conf");
    writeFileSync(file, "mine\n");
    world.publish([{ name: "alpha", version: "1.1" }]);
    await write.refresh();
    await write.upgrade();
    expect(readFileSync(file, "utf8")).toBe("mine\n");
    world.publish([{ name: "alpha", version: "1.2" }]);
    await write.refresh();
    await write.install([{ name: "alpha" }], { configuration: "new" });
    expect(readFileSync(file, "utf8")).toBe("of 1.2\n");
  });

  test("removing leaves the configuration, purging takes that too", async () => {
    const { read, write } = world.port();
    await write.install([{ name: "beta" }]);
    expect((await read.simulate("remove", [{ name: "alpha" }])).remove.toSorted()).toEqual(["alpha", "beta"]);
    await write.remove(["beta"]);
    expect([...(await read.leftovers())]).toEqual(["beta"]);
    await write.remove(["beta"], { purge: true });
    expect([...(await read.leftovers())]).toEqual([]);
  });

  test("what dpkg was killed in the middle of is finished first", async () => {
    const { write } = world.port();
    await write.install([{ name: "alpha" }]);
    const status = join(world.root, "admin/status");
    writeFileSync(status, readFileSync(status, "utf8").replace("ok installed", "ok unpacked"));
    const fresh = world.port();
    expect(await fresh.read.broken()).toEqual(["alpha"]);
    await fresh.write.install([{ name: "beta" }]);
    expect(await fresh.read.broken()).toEqual([]);
  });
});

describe("what goes wrong has its name", () => {
  test("a package or a version that no source has", async () => {
    const { read, write } = world.port();
    await expect(read.simulate("install", [{ name: "nobody" }])).rejects.toMatchObject({
      code: "package/unavailable",
    });
    await expect(write.install([{ name: "alpha", version: "9" }])).rejects.toMatchObject({
      code: "package/unavailable",
    });
  });

  test("a source that cannot be fetched, though apt itself would be content", async () => {
    const lone = aptWorld();
    try {
      lone.publish(FIRST);
      const bad = join(lone.root, "etc/sources.list.d/bad.sources");
      writeFileSync(bad, `Types: deb\nURIs: file:${lone.root}/nowhere\nSuites: ./\nTrusted: yes\n`);
      const { read, write } = lone.port();
      await expect(write.refresh({ sourceFile: bad })).rejects.toMatchObject({
        code: "package/source",
        message: expect.stringContaining("nowhere") as string,
      });
      // The other one is fetched for itself, and what is wrong elsewhere does not count.
      expect(await read.hasListsOf(lone.sourceFile)).toBe(false);
      await write.refresh({ sourceFile: lone.sourceFile });
      expect(await read.hasListsOf(lone.sourceFile)).toBe(true);
      expect(await read.hasListsOf(bad)).toBe(false);
      await expect(write.refresh()).rejects.toMatchObject({ code: "package/source" });
    } finally {
      lone.drop();
    }
  });
});

/** Holds locks as apt does, with fcntl, until its standard input ends. */
const HOLDER = `
import fcntl, sys
files = [open(path, "w") for path in sys.argv[1:]]
for file in files: fcntl.lockf(file, fcntl.LOCK_EX)
print("held", flush=True)
sys.stdin.read()
`;

async function hold(paths: readonly string[]): Promise<{ readonly release: () => Promise<void> }> {
  const holder = spawn("python3", ["-c", HOLDER, ...paths], { stdio: ["pipe", "pipe", "inherit"] });
  await once(holder.stdout, "data");
  return {
    async release() {
      holder.stdin.end();
      await once(holder, "exit");
    },
  };
}

describe("a lock that somebody holds", () => {
  const cases: [string, (world: AptWorld) => string[], (world: AptWorld, ms: number) => Promise<void>][] = [
    [
      "of dpkg",
      ({ root }) => [join(root, "admin/lock-frontend"), join(root, "admin/lock")],
      (at, lockTimeoutMs) => at.port().write.install([{ name: "alpha" }], { lockTimeoutMs }),
    ],
    [
      "of the lists",
      ({ root }) => [join(root, "state/lists/lock")],
      (at, lockTimeoutMs) => at.port().write.refresh({ lockTimeoutMs }),
    ],
  ];
  test.each(cases)("%s is waited for, and named when the time is over", async (_, paths, run) => {
    const { release } = await hold(paths(world));
    await expect(run(world, 1000)).rejects.toMatchObject({ code: "package/locked" });
    const waiting = run(world, 60_000);
    await release();
    await waiting;
  });
});
