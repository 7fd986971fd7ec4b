import { readFile, readdir, stat, writeFile, utimes } from "node:fs/promises";
import { join } from "node:path";

import type { Parcel } from "@boma/states/core";
import { expect, test } from "vitest";

import { Identity } from "../identity.ts";
import { temporaryDirectory } from "../testing/support.ts";
import { CatalogCache } from "./catalog-cache.ts";

const SECRET = "correct horse battery staple";
const parcel: Parcel = {
  catalog: { format: 1, bundle: null, entries: [], secrets: { "vault:db": "tag" } },
  partial: false,
  secrets: { "vault:db": SECRET },
};
const origin = { job: "JOB", operator: "alice", at: 1000 };

async function home() {
  const dir = await temporaryDirectory();
  const identity = await Identity.open(dir.path, { proposed: "web01", durable: false });
  const path = join(dir.path, "drift/catalog");
  const open = (keys = identity): CatalogCache =>
    new CatalogCache(path, { durable: false, keys: () => keys.keys });
  return { dir, identity, path, open, [Symbol.asyncDispose]: () => dir[Symbol.asyncDispose]() };
}

test("what was kept is there after a restart, readable by this node only", async () => {
  await using node = await home();
  await node.open().keep({ ...parcel, plan: { hash: "h", digests: {} } }, origin, { unfinished: false });
  expect(await node.open().load()).toMatchObject({ parcel, origin, unfinished: false });
  expect((await node.open().load())!.parcel.plan).toBeUndefined();
  expect((await stat(node.path)).mode & 0o777).toBe(0o600);
  expect((await readFile(node.path)).includes(SECRET)).toBe(false);
});

test("a node that never kept one has none", async () => {
  await using node = await home();
  expect(await node.open().load()).toBeUndefined();
});

test.each([
  ["a byte that is another", (bytes: Buffer) => void (bytes[bytes.length - 20]! ^= 1)],
  ["a file that was cut", (bytes: Buffer) => bytes.subarray(0, 90)],
  ["no catalog at all", () => Buffer.from("{}")],
])("%s is refused", async (_, change) => {
  await using node = await home();
  await node.open().keep(parcel, origin, { unfinished: false });
  const bytes = await readFile(node.path);
  await writeFile(node.path, change(bytes) ?? bytes);
  await expect(node.open().load()).rejects.toMatchObject({ code: "drift/catalog" });
});

test("the catalog of another node is refused", async () => {
  await using node = await home();
  await using other = await home();
  await other.open().keep(parcel, origin, { unfinished: false });
  await node.open().keep(parcel, origin, { unfinished: false });
  await writeFile(node.path, await readFile(other.path));
  await expect(node.open().load()).rejects.toMatchObject({ code: "drift/catalog" });
});

test("a catalog that somebody else sealed to this node is refused: its sealing key is no secret", async () => {
  await using node = await home();
  await using other = await home();
  const { nkey, seal } = node.identity.keys;
  const forger = { ...other.identity.keys, nkey, seal };
  await new CatalogCache(node.path, { durable: false, keys: () => forger }).keep(parcel, origin, {
    unfinished: false,
  });
  await expect(node.open().load()).rejects.toThrow("not trusted");
});

test("it outlives a change of the node's keys, wherever that breaks off", async () => {
  await using node = await home();
  const cache = node.open();
  node.identity.beforeNextKeys((keys) => cache.renew(keys));
  await cache.keep(parcel, origin, { unfinished: false });
  const applied = new Date("2026-01-02T03:04:05Z");
  await utimes(node.path, applied, applied);
  const next = await node.identity.makeNextKeys();
  await cache.renew(next);
  // The power fails here: the old keys are in force still.
  expect(await node.open().load()).toMatchObject({ parcel });
  await node.identity.adoptNextKeys(next, { credential: "credential" });
  expect(await node.open().load()).toMatchObject({ parcel, origin });
  // A file that was changed in between is newer than the apply, and so looked at.
  expect(await cache.keptAt()).toBe(applied.getTime());
  expect(await readdir(join(node.dir.path, "drift"))).toEqual(["catalog"]);
});

test("an apply that did not come to its end is known, until one does", async () => {
  await using node = await home();
  const cache = node.open();
  await cache.keep(parcel, origin, { unfinished: false });
  await cache.begin();
  expect((await node.open().load())!.unfinished).toBe(true);
  await cache.keep(parcel, origin, { unfinished: true });
  expect((await node.open().load())!.unfinished).toBe(true);
  await cache.keep(parcel, origin, { unfinished: false });
  expect((await node.open().load())!.unfinished).toBe(false);
});

test("where the new one cannot be kept the old one is not kept either, for it is not meant any more", async () => {
  await using node = await home();
  const cache = node.open();
  await cache.keep(parcel, origin, { unfinished: false });
  const huge = { ...parcel, secrets: { big: "x".repeat(40 * 1024 * 1024) } };
  await expect(cache.keep(huge, origin, { unfinished: false })).rejects.toMatchObject({
    code: "drift/catalog",
  });
  expect(await node.open().load()).toBeUndefined();
});

test("whoever waited with a catalog learns that another one was applied meanwhile", async () => {
  await using node = await home();
  const cache = node.open();
  await cache.keep(parcel, origin, { unfinished: false });
  const held = (await cache.load())!;
  expect(() => cache.assertCurrent(held)).not.toThrow();
  await cache.keep(parcel, { ...origin, job: "NEXT" }, { unfinished: false });
  expect(() => cache.assertCurrent(held)).toThrow("another catalog");
});
