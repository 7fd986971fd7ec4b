/** Goal: what a later version wrote neither stops the one that runs again after it, nor gets lost. */
import { globSync, readFileSync } from "node:fs";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterEach, beforeEach, expect, test } from "vitest";

import { DriftBook, noFacts } from "./drift/drift-book.ts";
import { DutyBook } from "./duties/duty-book.ts";
import { readSpool } from "./events/spool-file.ts";
import { writeAtomic } from "./files.ts";
import { Identity } from "./identity.ts";
import { JOURNAL_HEAD, packRecord } from "./journal-file.ts";
import { Journal } from "./journal.ts";
import { ScheduleFile } from "./schedules/schedule-file.ts";
import { StageHolds } from "./stages/stage-holds.ts";
import { pendingFile } from "./states/pending-file.ts";

let dir: string;
let path: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), "boma-kept-"));
  path = join(dir, "file.json");
});
afterEach(() => rm(dir, { recursive: true, force: true }));

const write = (content: unknown): Promise<void> => writeAtomic(path, JSON.stringify(content));
const read = async (file = path): Promise<unknown> => JSON.parse(await readFile(file, "utf8"));
const NOT_DURABLE = { durable: false } as const;

test("refreshes that are owed are read with all that a later version noted of them, and written back with it", async () => {
  const noted = { "service.running(a)": { since: 1, cause: null, instance: "x", later: [1] } };
  await write({ refresh: ["service.running(a)"], noted, later: true });
  const file = pendingFile(path, NOT_DURABLE);
  expect(await file.list()).toEqual(["service.running(a)"]);
  await file.add(["service.running(b)"], "");
  expect(await read()).toMatchObject({ later: true, noted: { "service.running(a)": { later: [1] } } });
  await file.done(["service.running(a)", "service.running(b)"]);
  expect(await read()).toEqual({ refresh: [], noted: {}, later: true });
});

test("an identity is the same one, and what a later version keeps in it outlives a start", async () => {
  const { key } = await Identity.open(dir, { proposed: "web01", ...NOT_DURABLE });
  path = join(dir, "identity.json");
  await write({ ...((await read()) as object), later: { of: "a key" } });
  const identity = await Identity.open(dir, { proposed: "other", ...NOT_DURABLE });
  expect([identity.key, identity.id]).toEqual([key, "web01"]);
  await identity.begin({});
  expect(await read()).toMatchObject({ start: 1, later: { of: "a key" } });
});

test("duties, schedules, stages and what is known of drift are read, and kept as they are", async () => {
  const duty = { kind: "beacon.load", params: {}, later: 1 };
  await write({ one: duty });
  const book = await DutyBook.open(path, NOT_DURABLE);
  await book.port.write.set("two", { kind: "beacon.disk", params: {} });
  expect(await read()).toMatchObject({ one: duty });

  const place = { times: "t", dealtWith: 1, missed: 0, later: 2 };
  await write({ nightly: place });
  const schedules = new ScheduleFile(path, NOT_DURABLE);
  await schedules.write(
    await schedules.read((thrown) => {
      throw thrown as Error;
    }),
  );
  expect(await read()).toEqual({ nightly: place });

  await write({ boot: "b", stages: ["apps", "later"], later: 3 });
  expect([...(await new StageHolds(path, { bootId: "b", ...NOT_DURABLE }).held())]).toEqual(["apps"]);

  await write({ ...noFacts(), enforcing: ["x"], later: 4 });
  const drift = await DriftBook.open(path, NOT_DURABLE);
  expect(drift).toMatchObject({ problem: undefined, facts: { enforcing: ["x"] } });
  await drift.save();
  expect(await read()).toMatchObject({ later: 4 });
});

test("a journal and a spool with records of a kind that is not known yet are whole, and the others count", async () => {
  const records = [
    { kind: "later", of: "whatever" },
    { kind: "mailbox", number: 7, later: 1 },
  ];
  await writeFile(path, Buffer.concat([JOURNAL_HEAD, ...records.map(packRecord)]));
  const journal = await Journal.open(path, NOT_DURABLE);
  expect([journal.corrupt, journal.mailboxNumber]).toEqual([false, 7]);
  await journal.close();

  const event = { number: 3, id: "i", at: 1, plenty: false, tellsLost: false, frame: Buffer.from("f") };
  const spool = [{ kind: "later" }, { kind: "event", ...event, later: 1 }];
  await writeFile(path, Buffer.concat([JOURNAL_HEAD, ...spool.map(packRecord)]));
  const held = await readSpool(path);
  expect(held).toMatchObject({ damaged: false, events: [{ number: 3, later: 1 }], nextNumber: 4 });
});

test("nothing that the agent writes to its disk is of a form that refuses what it does not know", () => {
  const root = import.meta.dirname;
  const written = globSync("**/*.ts", { cwd: root })
    .filter((file) => !file.endsWith(".test.ts"))
    .map((file) => ({ file, text: readFileSync(join(root, file), "utf8") }))
    .filter(({ text }) => /\b(writeAtomic|packRecord)\(/.test(text));
  expect(written.length).toBeGreaterThan(10);
  // The kept catalog is a message, whose schema has a version; it is given anew with the next apply.
  const strict = written.filter(({ text }) => text.includes("strictObject("));
  expect(strict.map(({ file }) => file)).toEqual(["drift/catalog-cache.ts"]);
});
