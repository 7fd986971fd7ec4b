/** The chain on the disk: what is acknowledged is there, what was changed is found, and a disk that is full stops everything. */
import { appendFileSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { open } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import {
  ENVELOPE_VERSION,
  newSealingKey,
  newSigningKey,
  NodeReturn,
  seal,
  signManifest,
  newJobId,
} from "@boma/protocol";
import fc from "fast-check";
import { afterEach, describe, expect, test } from "vitest";

import type { Keyring } from "../keyring.ts";
import { Audit, type AuditOptions } from "./audit.ts";
import type { OpenSegment } from "./chain-file.ts";
import { headLines } from "./head-book.ts";
import { headsFile, segmentsIn } from "./segments.ts";
import { type Fault, verifyDirectory, type Witness } from "./verify.ts";

const dirs: string[] = [];
const newDir = (): string => {
  const dir = mkdtempSync(join(tmpdir(), "boma-audit-"));
  dirs.push(dir);
  return dir;
};
afterEach(() => {
  for (const dir of dirs.splice(0)) rmSync(dir, { recursive: true, force: true });
});

function newKeyring(root = newSigningKey(), serial = 1): Keyring {
  const [sign, sealing] = [newSigningKey(), newSealingKey()];
  const masters = [{ name: "m", sign: sign.publicKey, seal: sealing.publicKey }];
  const manifest = signManifest({ serial, versionMin: ENVELOPE_VERSION, masters }, root);
  const base = { root: root.publicKey, name: "m", sign, seal: sealing, manifest };
  return { ...base, store: new Uint8Array(32), former: [], release: undefined };
}

const log = { error: () => undefined, warn: () => undefined, info: () => undefined };
const keepAll = { ms: 1e12, bytes: 1e12 };

const openAt = (dir: string, keyring: Keyring, options: Partial<AuditOptions> = {}): Promise<Audit> =>
  Audit.open({ dir, keyring: () => keyring, keep: keepAll, log, ...options });

async function written(count: number, options: Partial<AuditOptions> = {}) {
  const [dir, keyring] = [newDir(), newKeyring()];
  const audit = await openAt(dir, keyring, options);
  for (let at = 1; at <= count; at++) await audit.write({ kind: "request", operator: "ann", verb: `v${at}` });
  await audit.close();
  return { dir, keyring, verify: () => verifyDirectory(dir, { root: keyring.root }) };
}

/** One bit of the signature is another one; the words are as they were. */
function spoilt(frame: Uint8Array): Uint8Array {
  const copy = Uint8Array.from(frame);
  copy[6 + "node.return".length + 32]! ^= 1;
  return copy;
}

const witnessOf = async (dir: string): Promise<Witness> => ({
  file: "elsewhere",
  lines: await headLines(headsFile(dir)),
});

const first = ({ faults }: { faults: readonly Fault[] }) => faults[0];

describe("a chain that nobody touched", () => {
  test("holds, over several segments and starts of the master", async () => {
    const { dir, keyring, verify } = await written(20, { segmentBytesMax: 800 });
    const again = await openAt(dir, keyring, { segmentBytesMax: 800 });
    await Promise.all(
      Array.from({ length: 50 }, (_, at) => again.write({ kind: "request", operator: `o${at}` })),
    );
    await again.close();
    const verified = await verify();
    expect(verified).toMatchObject({ ok: true, first: 1, faults: [] });
    expect(verified.signed).toBe(verified.last);
    expect(segmentsIn(dir).length).toBeGreaterThan(3);
  });

  test("loses nothing that was acknowledged when its last line was cut short, and says that something was cut", async () => {
    const { dir, keyring, verify } = await written(3);
    const [name] = segmentsIn(dir);
    appendFileSync(join(dir, name!), '{"n":5,"at":"2026');
    const again = await openAt(dir, keyring);
    expect(await again.write({ kind: "request" })).toBe(6);
    await again.close();
    expect(await verify()).toMatchObject({ ok: true, last: 6 });
    expect(readFileSync(join(dir, name!), "utf8")).toContain('"kind":"recovered","bytes":17');
  });

  test("still holds when old segments have gone, and says from which record on it is there", async () => {
    const { dir, verify } = await written(60, { segmentBytesMax: 2_000, keep: { ms: 1e12, bytes: 6_000 } });
    const verified = await verify();
    expect(verified).toMatchObject({ ok: true, faults: [] });
    expect(verified.first).toBeGreaterThan(10);
    expect(segmentsIn(dir)[0]).not.toBe("00000001.jsonl");
  });
});

describe("what was done to a chain", () => {
  test("is found when an old segment is taken away, for the chain does not say that it was let go of", async () => {
    const { dir, verify } = await written(30, { segmentBytesMax: 1_000 });
    rmSync(join(dir, "00000001.jsonl"));
    expect(first(await verify())?.what).toMatch(/records 1 to \d+ are missing, and nothing says/);
  });

  test("is found when two segments change their names", async () => {
    const { dir, verify } = await written(30, { segmentBytesMax: 1_000 });
    const [one, two] = [join(dir, "00000002.jsonl"), join(dir, "00000003.jsonl")];
    const [a, b] = [readFileSync(one), readFileSync(two)];
    writeFileSync(one, b);
    writeFileSync(two, a);
    expect(first(await verify())).toMatchObject({ file: one, line: 1 });
  });

  test("is found when the end is cut off on the disk together with its head, by a witness alone", async () => {
    const { dir, keyring, verify } = await written(9);
    const witness = await witnessOf(dir);
    const path = join(dir, "00000001.jsonl");
    const lines = readFileSync(path, "utf8").split("\n");
    writeFileSync(path, `${lines.slice(0, 7).join("\n")}\n`);
    writeFileSync(headsFile(dir), "");
    expect((await verify()).ok).toBe(true);
    const verified = await verifyDirectory(dir, { root: keyring.root, witnesses: [witness] });
    expect(first(verified)).toMatchObject({
      record: 8,
      what: expect.stringContaining("the end was cut off") as string,
    });
  });

  test("is found when the whole chain is written anew with the master's own key, by a witness", async () => {
    const { dir, keyring } = await written(5);
    const witness = await witnessOf(dir);
    rmSync(dir, { recursive: true });
    const forged = await openAt(dir, keyring);
    for (let at = 1; at <= 5; at++) await forged.write({ kind: "request", operator: "bob", verb: `v${at}` });
    await forged.close();
    expect(await verifyDirectory(dir, { root: keyring.root })).toMatchObject({ ok: true });
    const verified = await verifyDirectory(dir, { root: keyring.root, witnesses: [witness] });
    expect(verified.faults.map(({ what }) => what).join()).toContain("another chain");
  });

  test("is found when a head was signed by a key that the root does not vouch for", async () => {
    const { dir, verify } = await written(3);
    const stranger = await written(3);
    writeFileSync(headsFile(dir), readFileSync(headsFile(stranger.dir)));
    expect(first(await verify())?.what).toContain("a head that does not hold");
  });

  test("is found when a node's result says something else than the node signed", async () => {
    const [dir, keyring, node] = [newDir(), newKeyring(), newSigningKey()];
    const audit = await openAt(dir, keyring);
    const job = newJobId(Date.now());
    const body = { job, status: "failed" as const, value: null, startedAt: 1, ms: 1, cut: false };
    const frame = seal(NodeReturn, body, { to: "master", key: node });
    const result = { kind: "result" as const, job, node: "U", id: "a", sign: node.publicKey, frame };
    await audit.write({ kind: "job", job, nodes: [["U", "a"]] });
    await audit.write({ ...result, status: "failed" });
    await audit.write({ ...result, status: "failed", frame: spoilt(frame) });
    await audit.write({ ...result, status: "ok" });
    const other = newSigningKey();
    await audit.write({ ...result, status: "failed", sign: other.publicKey });
    await audit.close();
    const { faults, results } = await verifyDirectory(dir, { root: keyring.root });
    expect(results).toBe(4);
    expect(faults.map(({ record }) => record)).toEqual([4, 5, 6]);
    expect(faults[0]?.what).toBe("the node's signature does not hold");
    expect(faults[1]?.what).toBe("the node signed that it ended failed, not ok");
  });

  test("is found when a result is of a job that was not for this node, or of none that was begun", async () => {
    const [dir, keyring] = [newDir(), newKeyring()];
    const audit = await openAt(dir, keyring);
    const said = { kind: "result" as const, status: "timeout", by: "master" };
    await audit.write({ kind: "job", job: "j1", nodes: [["U1", "a"]] });
    await audit.write({ kind: "job-nodes", job: "j1", nodes: [["U2", "b"]] });
    await audit.write({ ...said, job: "j1", node: "U2" });
    await audit.write({ ...said, job: "j1", node: "U3" });
    await audit.write({ ...said, job: "j2", node: "U1" });
    await audit.write({ kind: "finished", job: "j1" });
    await audit.write({ ...said, job: "j1", node: "U1" });
    await audit.close();
    const { faults } = await verifyDirectory(dir, { root: keyring.root });
    expect(faults.map(({ record, what }) => `${record}: ${what}`)).toEqual([
      "5: the job j1 was not for this node",
      "6: nothing says that the job j2 was begun",
      "8: the job j1 had finished before",
    ]);
  });

  test("is always found: any byte, any line removed, doubled, moved or put in, any end cut off", async () => {
    const { dir, keyring, verify } = await written(12, { segmentBytesMax: 900 });
    expect((await verify()).ok).toBe(true);
    const witness = await witnessOf(dir);
    const names = segmentsIn(dir);
    const pristine = new Map(names.map((name) => [name, readFileSync(join(dir, name))]));
    const change = fc.record({
      name: fc.constantFrom(...names),
      how: fc.constantFrom("byte", "remove", "double", "swap", "insert", "cut"),
      at: fc.nat(),
      other: fc.nat(),
      bits: fc.integer({ min: 1, max: 255 }),
    });
    await fc.assert(
      fc.asyncProperty(change, async ({ name, ...how }) => {
        const before = pristine.get(name)!;
        const after = changed(before, how);
        fc.pre(!after.equals(before));
        writeFileSync(join(dir, name), after);
        const { ok } = await verifyDirectory(dir, { root: keyring.root, witnesses: [witness] });
        writeFileSync(join(dir, name), before);
        expect(ok).toBe(false);
      }),
      { numRuns: 150 },
    );
  }, 60_000);
});

function changed(
  before: Buffer,
  { how, at, other, bits }: { how: string; at: number; other: number; bits: number },
): Buffer {
  const bytes = Buffer.from(before);
  if (how === "byte") {
    bytes[at % bytes.length]! ^= bits;
    return bytes;
  }
  if (how === "cut") return bytes.subarray(0, at % bytes.length);
  const lines = before.toString("utf8").split("\n").slice(0, -1);
  const [one, two] = [at % lines.length, other % lines.length];
  if (how === "remove") lines.splice(one, 1);
  if (how === "double") lines.splice(one, 0, lines[one]!);
  if (how === "swap") [lines[one], lines[two]] = [lines[two]!, lines[one]!];
  if (how === "insert") lines.splice(one, 0, lines[two]!.replace('"verb"', '"word"'));
  return Buffer.from(lines.map((line) => `${line}\n`).join(""));
}

describe("a disk that takes no more", () => {
  /** A real file that refuses while it is told to, after half of what it was given. */
  function fullDisk() {
    const disk = { full: false };
    const openSegment: OpenSegment = async (path) => {
      const file = await open(
        path,
        readdirSync(join(path, "..")).includes(path.split("/").at(-1)!) ? "r+" : "wx+",
      );
      return {
        write: async (bytes, offset, length, position) => {
          if (!disk.full) return file.write(bytes, offset, length, position);
          await file.write(bytes, offset, Math.floor(length / 2), position);
          throw Object.assign(new Error("ENOSPC: no space left on device"), { code: "ENOSPC" });
        },
        datasync: () => file.datasync(),
        truncate: (length) => file.truncate(length),
        close: () => file.close(),
      };
    };
    return { disk, openSegment };
  }

  test("refuses what is about to be done, keeps what was done, and goes on by itself", async () => {
    const [dir, keyring, { disk, openSegment }] = [newDir(), newKeyring(), fullDisk()];
    const audit = await openAt(dir, keyring, { openSegment });
    await audit.write({ kind: "request", verb: "one" });
    disk.full = true;
    await expect(audit.write({ kind: "request", verb: "two" })).rejects.toMatchObject({
      code: "audit/unwritable",
    });
    await audit.later({ kind: "ended", request: 2 });
    await expect(audit.write({ kind: "request", verb: "three" })).rejects.toMatchObject({
      code: "audit/unwritable",
    });
    expect(audit.status).toMatchObject({ owed: 1, trouble: expect.stringContaining("ENOSPC") as string });
    disk.full = false;
    await new Promise<void>((resolve) => audit.listen(() => audit.status.last === 3 && resolve()));
    expect(audit.status).toMatchObject({ owed: 0, trouble: undefined });
    expect(await audit.write({ kind: "request", verb: "four" })).toBe(4);
    await audit.close();
    expect(await verifyDirectory(dir, { root: keyring.root })).toMatchObject({ ok: true, last: 4 });
    const text = readFileSync(join(dir, "00000001.jsonl"), "utf8");
    expect(text).not.toMatch(/two|three/);
  });
});
