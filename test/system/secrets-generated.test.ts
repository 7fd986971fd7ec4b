/** Secrets that the master makes up and keeps in its store, on a real bus. */
import { randomBytes } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

import { newNkey } from "@boma/protocol";
import { jetstreamManager } from "@nats-io/jetstream";
import { expect, test } from "vitest";

import { GenSecrets } from "../../packages/master/src/secrets/gen-secrets.ts";
import type { ForNode } from "../../packages/master/src/secrets/provider.ts";
import { parseReference } from "../../packages/master/src/secrets/reference.ts";
import { Store } from "../../packages/master/src/store/store.ts";
import { canary } from "../support/canary.ts";
import { startTestBus } from "../support/nats.ts";

const nodeOf = (id: string, change: Partial<ForNode> = {}): ForNode => ({
  id,
  key: newNkey.user().publicKey,
  assurance: "operator",
  assigned: {},
  ...change,
});
const read = (gen: GenSecrets, text: string, node: ForNode): Promise<string> =>
  gen.read(parseReference(text), node);

test("a generated secret is made once, is the same for all nodes and after a new start, and lies nowhere in the clear", async () => {
  await using bus = await startTestBus();
  const key = randomBytes(32);
  const open = async () => GenSecrets.open(await Store.open(await bus.ctrl(), key));
  const [web, db] = [nodeOf("web-01"), nodeOf("db-01")];
  const gen = await open();
  const values = await Promise.all([web, db, web].map((node) => read(gen, "gen:web/cookie?len=48", node)));
  expect(new Set(values).size).toBe(1);
  expect(Buffer.from(values[0]!, "base64")).toHaveLength(48);
  const again = await open();
  expect(await read(again, "gen:web/cookie?len=48", db)).toBe(values[0]);
  expect(JSON.stringify(again.list())).not.toContain(values[0]);
  expect(again.list()).toMatchObject([{ name: "web/cookie", length: 48, encoding: "base64" }]);

  await bus.stop();
  const files = readdirSync(bus.dir, { recursive: true, withFileTypes: true }).filter((entry) =>
    entry.isFile(),
  );
  expect(files.some(({ parentPath }) => parentPath.includes("RECORDS"))).toBe(true);
  for (const { parentPath, name } of files)
    expect(canary(values[0]!).in(readFileSync(join(parentPath, name))), name).toEqual([]);
});

test("forms and lengths are what the reference asks for, and asking otherwise later is an error that says how it was made", async () => {
  await using bus = await startTestBus();
  const gen = await GenSecrets.open(await Store.open(await bus.ctrl(), randomBytes(32)));
  const node = nodeOf("web-01");
  expect(await read(gen, "gen:a?len=20&enc=alnum", node)).toMatch(/^[A-Za-z0-9]{20}$/);
  expect(await read(gen, "gen:b?len=16&enc=hex", node)).toMatch(/^[0-9a-f]{32}$/);
  await expect(read(gen, "gen:a?len=21&enc=alnum", node)).rejects.toMatchObject({
    code: "secret/unknown",
    message: expect.stringContaining("was made with len=20&enc=alnum") as string,
  });
  expect(await read(gen, "gen:consul/first?enc=uuid", node)).toMatch(
    /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/,
  );
  await expect(read(gen, "gen:d?enc=uuid&len=32", node)).rejects.toMatchObject({ code: "state/secret" });
  const ceph = Buffer.from(await read(gen, "gen:ceph/admin?enc=ceph", node), "base64");
  expect([ceph.readUInt16LE(0), ceph.readUInt16LE(10), ceph.length]).toEqual([1, 16, 28]);
  expect(Math.abs(ceph.readUInt32LE(2) * 1000 - Date.now())).toBeLessThan(3_600_000);
  for (const bad of [
    "gen:c?enc=ceph&len=32",
    "gen:c?len=4",
    "gen:c?enc=rot13",
    "gen:c?per=env",
    "gen:c#x",
    "gen:../c",
    "gen:c?size=3",
  ])
    await expect(read(gen, bad, node), bad).rejects.toMatchObject({ code: "state/secret" });
});

test("a node's own secret follows it to new keys, and is given to no other machine that gets its name", async () => {
  await using bus = await startTestBus();
  const gen = await GenSecrets.open(await Store.open(await bus.ctrl(), randomBytes(32)));
  const reference = "gen:root?per=node";
  const [web, db] = [nodeOf("web-01"), nodeOf("db-01")];
  const own = await read(gen, reference, web);
  expect(await read(gen, reference, db)).not.toBe(own);

  const rekeyed = nodeOf("web-01", { formerKey: web.key });
  expect(await read(gen, reference, rekeyed)).toBe(own);
  const again = nodeOf("web-01");
  await gen.endKey(rekeyed.key, again);
  expect(await read(gen, reference, again)).toBe(own);

  const stranger = nodeOf("web-01");
  await expect(read(gen, reference, stranger)).rejects.toMatchObject({ code: "secret/denied" });
  await gen.endKey(again.key, undefined);
  expect(await read(gen, reference, stranger)).not.toBe(own);
});

test("one that was forgotten is made anew, and its former value is gone from the store", async () => {
  await using bus = await startTestBus();
  const control = await bus.ctrl();
  const gen = await GenSecrets.open(await Store.open(control, randomBytes(32)));
  const node = nodeOf("web-01");
  const first = await read(gen, "gen:cookie", node);
  expect(await gen.forget("cookie")).toBe(true);
  expect(await gen.forget("cookie")).toBe(false);
  expect(await read(gen, "gen:cookie", node)).not.toBe(first);
  const { streams } = await jetstreamManager(control, { checkAPI: false });
  expect((await streams.info("RECORDS", { subjects_filter: "boma.rec.secret.*" })).state.num_subjects).toBe(
    1,
  );
});
