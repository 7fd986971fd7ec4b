import { chmod, readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { inspect } from "node:util";

import { type JoinKit, newNkey, newSigningKey } from "@boma/protocol";
import { expect, test } from "vitest";

import { closeHome, Identity } from "./identity.ts";
import { lockHome, processIdentity } from "./lock.ts";
import { temporaryDirectory } from "./testing/support.ts";

const kit = (): JoinKit => {
  const account = newNkey.account();
  return {
    servers: ["127.0.0.1:4222"],
    root: newSigningKey().publicKey,
    enrolAccount: account.publicKey,
    enrolSeed: account.seed,
  };
};

test("the first boot makes keys, and every later one finds the same with the start counted up", async () => {
  await using dir = await temporaryDirectory();
  const first = await Identity.open(dir.path, { proposed: "web01" });
  await first.begin({ kit: kit() });
  const again = await Identity.open(dir.path, { proposed: "other" });
  await again.begin({});
  expect(again.key).toBe(first.key);
  expect(again.fingerprint).toBe(first.fingerprint);
  expect(again.id).toBe("web01");
  expect([first.start, again.start]).toEqual([1, 2]);
  expect(again.kit).toEqual(first.kit);
  expect((await stat(join(dir.path, "identity.json"))).mode & 0o777).toBe(0o600);
});

test("a damaged identity is an error that quotes no seed, and never a new identity", async () => {
  await using dir = await temporaryDirectory();
  const { keys } = await Identity.open(dir.path, { proposed: "web01" });
  const path = join(dir.path, "identity.json");
  const text = await readFile(path, "utf8");
  for (const damaged of ["", "{", text.slice(0, -20), text.replace('"start": 0', '"start": -1')]) {
    await writeFile(path, damaged);
    const error = await Identity.open(dir.path, { proposed: "web01" }).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: "usage/file" });
    expect(inspect(error)).not.toContain(keys.nkey.seed);
    expect(await readFile(path, "utf8")).toBe(damaged);
  }
});

test("an approved node refuses a kit with another root", async () => {
  await using dir = await temporaryDirectory();
  const identity = await Identity.open(dir.path, { proposed: "web01" });
  await identity.begin({ kit: kit() });
  await identity.begin({ kit: kit() });
  await identity.approve({ id: "web01", credential: "jwt", assigned: { env: "dev" } });
  await expect(identity.begin({ kit: kit() })).rejects.toMatchObject({ code: "trust/manifest" });
  const moved = { ...identity.kit!, servers: ["10.0.0.1:4222"] };
  await identity.begin({ kit: moved });
  expect(identity.kit).toEqual(moved);
});

test("next keys stay the same until they are adopted, and then are the identity", async () => {
  await using dir = await temporaryDirectory();
  const identity = await Identity.open(dir.path, { proposed: "web01" });
  await identity.approve({ id: "web01", credential: "old", assigned: {} });
  const next = await identity.makeNextKeys();
  expect((await identity.makeNextKeys()).nkey.seed).toBe(next.nkey.seed);
  await identity.adoptNextKeys(next, { credential: "new" });
  const again = await Identity.open(dir.path, { proposed: "web01" });
  expect(again.key).toBe(next.nkey.publicKey);
  expect(again.approved).toMatchObject({ id: "web01", credential: "new" });
  expect(await again.nextKeys()).toBeUndefined();
});

test("rights of others on the home are taken away and told", async () => {
  await using dir = await temporaryDirectory();
  await Identity.open(dir.path, { proposed: "web01" });
  const path = join(dir.path, "identity.json");
  await chmod(path, 0o644);
  expect(await closeHome(dir.path)).toEqual([path]);
  expect((await stat(path)).mode & 0o777).toBe(0o600);
});

test("a home has one agent at a time, and the next one when it has left", async () => {
  await using dir = await temporaryDirectory();
  const lock = await lockHome(dir.path);
  await expect(lockHome(dir.path)).rejects.toMatchObject({ code: "home/locked" });
  await lock.release();
  await (await lockHome(dir.path)).release();
});

test("of many that find a dead agent's lock at once, exactly one gets it, however often they meet", async () => {
  const stale = { pid: process.pid, ...(await processIdentity(process.pid)), start: "1" };
  for (let round = 0; round < 20; round++) {
    await using dir = await temporaryDirectory();
    await writeFile(join(dir.path, "lock.7"), JSON.stringify(stale));
    const attempts = await Promise.allSettled(Array.from({ length: 8 }, () => lockHome(dir.path)));
    const codes = attempts.map((one) =>
      one.status === "fulfilled" ? "held" : (one.reason as { code: string }).code,
    );
    expect(codes.sort()).toEqual(["held", ...Array.from({ length: 7 }, () => "home/locked")]);
  }
});
