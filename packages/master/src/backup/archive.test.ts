import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterEach, beforeEach, expect, test } from "vitest";

import { ArchiveReader } from "./archive-reader.ts";
import { ArchiveWriter } from "./archive-writer.ts";
import { type BackupManifest, MANIFEST } from "./manifest.ts";
import { readTarHeader, tarHeader } from "./tar-header.ts";

let dir: string;
let file: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "boma-archive-"));
  file = join(dir, "backup.tar");
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const LONG = `site/${"directory/".repeat(20)}größe.ts`;

async function* chunks(...texts: readonly string[]): AsyncGenerator<Uint8Array> {
  for (const text of texts) yield Buffer.from(text);
}

async function write(extra?: string): Promise<void> {
  const archive = await ArchiveWriter.create(file);
  await archive.file("home/operator.json", chunks("one ", "two"), 0o600);
  await archive.file(LONG, chunks("x".repeat(100_000)), 0o644);
  await archive.file("site/empty", chunks());
  await archive.link("site/link", "elsewhere/".repeat(15));
  if (extra !== undefined) await archive.file(extra, chunks("extra"));
  const manifest = {
    format: 1,
    takenAt: 1,
    boma: "0",
    natsServer: "2.9.10",
    master: "m",
    root: "AAAA",
    serial: 1,
    hasRootKey: false,
    streams: {},
    parts: [...archive.parts],
  } satisfies Omit<BackupManifest, "root"> & { readonly root: string };
  await archive.file(MANIFEST, chunks(JSON.stringify(manifest)));
  await archive.finish();
}

const textOf = async (archive: ArchiveReader, name: string): Promise<string> => {
  const parts: Buffer[] = [];
  for await (const part of archive.bytes(name)) parts.push(part);
  return Buffer.concat(parts).toString();
};

test("what was written is read again, whatever its name and length, and tar agrees", async () => {
  await write();
  const archive = await ArchiveReader.open(file);
  expect(await textOf(archive, "home/operator.json")).toBe("one two");
  expect(await textOf(archive, LONG)).toBe("x".repeat(100_000));
  expect(await textOf(archive, "site/empty")).toBe("");
  expect(archive.below("site").find(({ path }) => path === "link")?.entry).toMatchObject({
    kind: "link",
    target: "elsewhere/".repeat(15),
  });
  const options = { encoding: "utf8", env: { ...process.env, LC_ALL: "C.UTF-8" } } as const;
  expect(execFileSync("tar", ["tf", file, "--quoting-style=literal"], options).trim().split("\n")).toEqual([
    "home/operator.json",
    LONG,
    "site/empty",
    "site/link",
    MANIFEST,
  ]);
  expect(statSync(file).mode & 0o777).toBe(0o600);
});

test("every bit of a part counts, and so does every byte of the file", async () => {
  await write();
  const whole = readFileSync(file);
  for (const at of [512, 512 + 6, whole.indexOf("xxx") + 50_000]) {
    const changed = Buffer.from(whole);
    changed[at]! ^= 1;
    writeFileSync(file, changed);
    await expect(ArchiveReader.open(file)).rejects.toMatchObject({ code: "backup/damaged" });
  }
  for (const length of [0, 100, 512, 2048, whole.length - 2048]) {
    writeFileSync(file, whole.subarray(0, length));
    await expect(ArchiveReader.open(file)).rejects.toMatchObject({ code: "backup/damaged" });
  }
});

test.each(["../out", "home/../../out", "/etc/passwd", "home//x", "home/./x"])(
  "%s is no place for a part",
  async (name) => {
    await write(name);
    await expect(ArchiveReader.open(file)).rejects.toMatchObject({ code: "backup/damaged" });
  },
);

test("one that was given up leaves nothing behind", async () => {
  const archive = await ArchiveWriter.create(file);
  await archive.file("home/x", chunks("x"));
  await archive.abandon();
  expect([existsSync(file), existsSync(`${file}.partial`)]).toEqual([false, false]);
});

test("a part may be larger than eight octal gigabytes", () => {
  const size = 3 * 8 ** 11 + 5;
  const header = tarHeader({ name: "streams/JOBS", kind: "file", mode: 0o600, size, target: "" }, 0);
  expect(readTarHeader(header)).toMatchObject({ name: "streams/JOBS", size });
});
