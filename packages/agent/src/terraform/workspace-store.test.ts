import { mkdir, mkdtemp, readdir, readFile, rm, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { newSealingKey, type SealingKey } from "@boma/protocol";
import { afterEach, beforeEach, expect, test } from "vitest";

import { NOTHING_FOUND, WorkspaceStore } from "./workspace-store.ts";

const PLAN = "01K9ZC0000000000000000000A";
const plain = Buffer.from("a plan with hunter2 in it");

let dir: string;
let key: SealingKey;
let store: WorkspaceStore;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), "boma-workspace-"));
  key = newSealingKey();
  store = new WorkspaceStore({ dir, durable: true, sealKey: () => key });
  await store.open();
});
afterEach(() => rm(dir, { recursive: true, force: true }));

const sealedPath = () => join(dir, "plans", `${PLAN}.sealed`);

test("a plan is kept in a form that holds nothing of it, and comes back as it was", async () => {
  const digest = await store.keepPlan(PLAN, plain);
  expect((await readFile(sealedPath())).includes("hunter2")).toBe(false);
  expect(Buffer.from(await store.plan(PLAN, digest)).equals(plain)).toBe(true);
});

test("one that is another than what was approved is not given out", async () => {
  await store.keepPlan(PLAN, plain);
  await expect(store.plan(PLAN, "0".repeat(64))).rejects.toMatchObject({ code: "terraform/gone" });
});

test("a plan that was altered, removed, or sealed to former keys is gone, and says which", async () => {
  const digest = await store.keepPlan(PLAN, plain);
  key = newSealingKey();
  await expect(store.plan(PLAN, digest)).rejects.toThrow(/other keys/);
  await writeFile(sealedPath(), "something");
  await expect(store.plan(PLAN, digest)).rejects.toMatchObject({ code: "terraform/gone" });
  expect(await store.discard(PLAN)).toBe(true);
  expect(await store.discard(PLAN)).toBe(false);
  await expect(store.plan(PLAN, digest)).rejects.toThrow(/is not on this node/);
});

test("a plan is used once, by one of those who want it at the same time, and by no later process", async () => {
  await store.assertUnused(PLAN);
  const ends = await Promise.allSettled(["a", "b", "c"].map((job) => store.use(PLAN, job)));
  expect(ends.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
  const next = new WorkspaceStore({ dir, durable: true, sealKey: () => key });
  await expect(next.assertUnused(PLAN)).rejects.toMatchObject({ code: "terraform/used" });
  await expect(next.use(PLAN, "d")).rejects.toMatchObject({ code: "terraform/used" });
});

test("plans go after a week, and that they were used is known for longer", async () => {
  await store.keepPlan(PLAN, plain);
  await store.use(PLAN, "job");
  const old = (Date.now() - 8 * 86_400_000) / 1000;
  for (const name of await readdir(join(dir, "plans"))) await utimes(join(dir, "plans", name), old, old);
  await store.keepPlan("01K9ZC0000000000000000000B", plain);
  expect((await readdir(join(dir, "plans"))).toSorted()).toEqual([
    `${PLAN}.used`,
    "01K9ZC0000000000000000000B.sealed",
  ]);
});

test("a state is kept sealed, the newest first, and no more of them than there is use for", async () => {
  for (let serial = 1; serial <= 33; serial++)
    await store.keepState(`state ${serial}`, serial, 1000 + serial);
  const kept = await store.backups();
  expect(kept).toHaveLength(30);
  expect(kept[0]).toMatchObject({ backup: "1033-33", serial: 33, at: 1033 });
  expect(await store.backup("1033-33")).toBe("state 33");
  const files = await readdir(join(dir, "backups"));
  expect((await readFile(join(dir, "backups", files[0]!))).includes("state")).toBe(false);
  await expect(store.backup("1001-1")).rejects.toMatchObject({ code: "terraform/gone" });
});

test("a process that a killed agent left behind is known as long as it lives, and no other one that has its pid", async () => {
  expect(await store.orphan()).toBeUndefined();
  await store.began("job", "apply", process.pid);
  expect(await store.orphan()).toMatchObject({ job: "job", what: "apply", pid: process.pid });
  const path = join(dir, "running.json");
  const running = JSON.parse(await readFile(path, "utf8")) as object;
  await writeFile(path, JSON.stringify({ ...running, start: "1" }));
  expect(await store.orphan()).toBeUndefined();
  await writeFile(path, "{ cut off");
  expect(await store.orphan()).toBeUndefined();
});

test("what a look found is news once, and that all is in order again is news as well", async () => {
  expect(await store.isNews(NOTHING_FOUND)).toBe(false);
  expect(await store.isNews("a")).toBe(true);
  expect(await store.isNews("a")).toBe(false);
  expect(await store.isNews("b")).toBe(true);
  expect(await store.isNews(NOTHING_FOUND)).toBe(true);
});

test("a state that no backend took survives the sweep, under a name by which it can be put back", async () => {
  const text = JSON.stringify({ serial: 7, lineage: "l" });
  await mkdir(join(dir, "work/edge"), { recursive: true });
  await writeFile(join(dir, "work/edge/errored.tfstate"), text);
  await store.sweep();
  expect(await readdir(dir)).not.toContain("work");
  const [kept] = await store.backups();
  expect(kept).toMatchObject({ serial: 7 });
  expect(await store.backup(kept!.backup)).toBe(text);
});

test("one that cannot be sealed is kept as it is rather than lost", async () => {
  await mkdir(join(dir, "work/edge"), { recursive: true });
  await writeFile(join(dir, "work/edge/errored.tfstate"), "not even a state");
  await rm(join(dir, "backups"), { recursive: true });
  const rescued = await store.rescue(1000);
  expect(rescued).toBe(join(dir, "1000-errored.tfstate"));
  await store.sweep();
  expect(await readFile(rescued!, "utf8")).toBe("not even a state");
});
