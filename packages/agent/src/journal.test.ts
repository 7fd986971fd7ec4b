// Goal: no crash and no damage makes the journal forget quietly. Method: files are cut and altered at random.
import { readFile, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { newJobId } from "@boma/protocol";
import fc from "fast-check";
import { expect, test } from "vitest";

import { JOURNAL_HEAD, packRecord, type Scan, scanJournal } from "./journal-file.ts";
import { type DoneRecord, Journal, type JournalRecord, type StartedRecord } from "./journal.ts";
import { order, temporaryDirectory } from "./testing/support.ts";

const started = (job = newJobId()): StartedRecord => ({
  kind: "started",
  job,
  onRestart: "fail",
  order: order({ job }),
});
const done = (job = newJobId(), frame = Buffer.from("return")): DoneRecord => ({
  kind: "done",
  job,
  expiresAt: Date.now() + 60_000,
  id: `id-${job}`,
  frame: new Uint8Array(frame),
});

test("what was recorded is there after the journal is opened again", async () => {
  await using dir = await temporaryDirectory();
  const path = join(dir.path, "journal");
  const [open, kept, acked] = [newJobId(), newJobId(), newJobId()];
  const first = await Journal.open(path);
  await first.append(started(open), { sync: true });
  for (const job of [kept, acked]) {
    await first.append(started(job), { sync: true });
    await first.append(done(job, Buffer.from(job)), { sync: true });
  }
  await first.append({ kind: "acked", job: acked }, { sync: false });
  await first.append({ kind: "mailbox", number: 7 }, { sync: false });
  await first.close();

  const again = await Journal.open(path);
  expect(again.corrupt).toBe(false);
  expect(again.interrupted().map(({ job }) => job)).toEqual([open]);
  expect((await again.unsent()).map(({ job, frame }) => [job, Buffer.from(frame).toString()])).toEqual([
    [kept, kept],
  ]);
  expect(await again.returnOf(acked)).toMatchObject({ job: acked, id: `id-${acked}` });
  expect(again.stateOf(kept)).toBe("done");
  expect(again.mailboxNumber).toBe(7);
  await again.close();
});

/** Buffers and byte arrays compare as different kinds; their packed bytes do not. */
const plain = (records: readonly unknown[]): string[] =>
  records.map((record) => Buffer.from(packRecord(record as object)).toString("hex"));
const read = (scan: Scan): string[] => plain(scan.records.map(({ record }) => record));

const Records = fc.array(
  fc.oneof(
    fc.uint8Array({ maxLength: 300 }).map((frame): JournalRecord => done(newJobId(), Buffer.from(frame))),
    fc.constant(null).map((): JournalRecord => started()),
    fc.nat().map((number): JournalRecord => ({ kind: "mailbox", number })),
  ),
  { minLength: 1, maxLength: 20 },
);
const bytesOf = (records: readonly JournalRecord[]): Buffer =>
  Buffer.concat([JOURNAL_HEAD, ...records.map(packRecord)]);

test("a file cut at any byte gives exactly the records that are whole, and is never called corrupt", () => {
  fc.assert(
    fc.property(Records, fc.nat(), (records, at) => {
      const bytes = bytesOf(records);
      const length = at % (bytes.length + 1);
      const scan = scanJournal(bytes.subarray(0, length));
      let whole = 0;
      while (bytesOf(records.slice(0, whole + 1)).length <= length && whole < records.length) whole++;
      expect(scan.state).not.toBe("corrupt");
      expect(read(scan)).toEqual(plain(records.slice(0, whole)));
      expect(scan.state === "whole").toBe(scan.end === length && length >= JOURNAL_HEAD.length);
    }),
    { numRuns: 300 },
  );
});

test("an altered byte never yields a false record: the damage is the torn end or a corrupt middle", () => {
  fc.assert(
    fc.property(Records, fc.nat(), fc.integer({ min: 1, max: 255 }), (records, at, change) => {
      const bytes = bytesOf(records);
      const place = at % bytes.length;
      bytes[place]! ^= change;
      const scan = scanJournal(bytes);
      expect(scan.state).not.toBe("whole");
      expect(read(scan)).toEqual(plain(records.slice(0, scan.records.length)));
      const lastStart = bytesOf(records.slice(0, -1)).length;
      expect(scan.state).toBe(place < lastStart ? "corrupt" : "torn");
    }),
    { numRuns: 300 },
  );
});

test("a torn end is cut off, and the journal goes on behind the last whole record", async () => {
  await using dir = await temporaryDirectory();
  const path = join(dir.path, "journal");
  const first = await Journal.open(path);
  const [whole, torn, next] = [done(), done(), done()];
  for (const record of [whole, torn]) await first.append(record, { sync: true });
  await first.close();
  await truncate(path, (await readFile(path)).length - 3);

  const second = await Journal.open(path);
  expect(second.stateOf(torn.job)).toBeUndefined();
  await second.append(next, { sync: true });
  await second.close();

  const third = await Journal.open(path);
  expect(third.corrupt).toBe(false);
  expect([whole, torn, next].map(({ job }) => third.stateOf(job))).toEqual(["done", undefined, "done"]);
  await third.close();
});

test("a file torn within its very first line starts over", async () => {
  await using dir = await temporaryDirectory();
  const path = join(dir.path, "journal");
  await writeFile(path, JOURNAL_HEAD.subarray(0, 4));
  const journal = await Journal.open(path);
  await journal.append(done(), { sync: true });
  await journal.close();
  expect(scanJournal(await readFile(path)).state).toBe("whole");
});

test("a corrupt middle is told, and nothing is written to it any more", async () => {
  await using dir = await temporaryDirectory();
  const path = join(dir.path, "journal");
  const bytes = bytesOf([done(), done()]);
  bytes[JOURNAL_HEAD.length + 20]! ^= 1;
  await writeFile(path, bytes);
  const journal = await Journal.open(path);
  expect(journal.corrupt).toBe(true);
  await expect(journal.append(done(), { sync: true })).rejects.toMatchObject({ code: "journal/corrupt" });
  expect(await readFile(path)).toEqual(bytes);
});

test("a write that the disk refuses leaves no half record behind", async () => {
  await using dir = await temporaryDirectory();
  const path = join(dir.path, "journal");
  let isFull = false;
  const { open } = await import("node:fs/promises");
  const openFile = async (name: string) => {
    const file = await open(name, "r+");
    const write = file.write.bind(file) as (
      ...args: unknown[]
    ) => Promise<{ bytesWritten: number; buffer: Buffer }>;
    file.write = (async (bytes: Buffer, ...rest: unknown[]) => {
      if (!isFull) return write(bytes, ...rest);
      await write(bytes, 0, 5, rest[2]);
      throw Object.assign(new Error("ENOSPC: no space left on device"), { code: "ENOSPC" });
    }) as typeof file.write;
    return file;
  };
  const journal = await Journal.open(path, { openFile });
  const [before, during, after] = [started(), started(), started()];
  await journal.append(before, { sync: true });
  isFull = true;
  await expect(journal.append(during, { sync: true })).rejects.toThrow("ENOSPC");
  isFull = false;
  await journal.append(after, { sync: true });
  await journal.close();
  const scan = scanJournal(await readFile(path));
  expect(scan.state).toBe("whole");
  expect(read(scan)).toEqual(plain([before, after]));
});

test("compaction keeps what is unsent, running or not yet expired, and forgets the rest", async () => {
  await using dir = await temporaryDirectory();
  const path = join(dir.path, "journal");
  let now = Date.now();
  const journal = await Journal.open(path, { now: () => now, compactBytes: 20_000 });
  const [running, unsent] = [started(), done()];
  await journal.append(running, { sync: false });
  await journal.append(unsent, { sync: false });
  await journal.append({ kind: "mailbox", number: 3 }, { sync: false });
  const old = done();
  await journal.append(old, { sync: false });
  await journal.append({ kind: "acked", job: old.job }, { sync: false });
  now += 3 * 3_600_000;
  const fresh: DoneRecord[] = [];
  for (let i = 0; i < 60; i++) {
    const record = { ...done(newJobId(), Buffer.alloc(500, "x")), expiresAt: now + 60_000 };
    fresh.push(record);
    await journal.append(record, { sync: false });
    await journal.append({ kind: "acked", job: record.job }, { sync: false });
  }
  await journal.close();

  const again = await Journal.open(path);
  expect(again.corrupt).toBe(false);
  expect(again.stateOf(old.job)).toBeUndefined();
  expect(fresh.every(({ job }) => again.stateOf(job) === "done")).toBe(true);
  expect(again.interrupted()).toEqual([running]);
  const [kept, ...others] = await again.unsent();
  expect(others).toEqual([]);
  expect(kept).toMatchObject({ job: unsent.job, id: unsent.id });
  expect(Buffer.from(kept!.frame).equals(unsent.frame)).toBe(true);
  expect(again.mailboxNumber).toBe(3);
  await again.close();
});
