import { mkdirSync, writeFileSync } from "node:fs";
import { mkdir, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { expect, test, vi } from "vitest";

import { temporaryDirectory } from "../testing/support.ts";
import { type WatchOptions, watchPaths } from "./paths.ts";

function watching(paths: readonly string[], options?: WatchOptions) {
  const heard: string[] = [];
  const watched = watchPaths(paths, (path) => heard.push(path), { gatherMs: 5, ...options });
  return { ...watched, heard, watched, [Symbol.dispose]: () => watched.stop() };
}

test("a file that is written, replaced by another one, and removed is heard of each time", async () => {
  await using dir = await temporaryDirectory();
  const path = join(dir.path, "conf");
  await writeFile(path, "one");
  using files = watching([path]);
  await writeFile(path, "two");
  await vi.waitFor(() => expect(files.heard).toEqual([path]));
  for (const text of ["three", "four"]) {
    files.heard.length = 0;
    await writeFile(`${path}.tmp`, text);
    await rename(`${path}.tmp`, path);
    await vi.waitFor(() => expect(files.heard).toEqual([path]));
  }
  files.heard.length = 0;
  await rm(path);
  await vi.waitFor(() => expect(files.heard).toEqual([path]));
});

test("what is beside a watched file is not heard of", async () => {
  await using dir = await temporaryDirectory();
  using files = watching([join(dir.path, "conf")]);
  await writeFile(join(dir.path, "other"), "");
  await writeFile(join(dir.path, "conf"), "");
  await vi.waitFor(() => expect(files.heard).toEqual([join(dir.path, "conf")]));
});

test("a file below directories that come, go and come again is heard of", async () => {
  await using dir = await temporaryDirectory();
  const path = join(dir.path, "a/b/conf");
  using files = watching([path]);
  for (let time = 0; time < 3; time++) {
    files.heard.length = 0;
    await mkdir(join(dir.path, "a/b"), { recursive: true });
    await writeFile(path, "made");
    await vi.waitFor(() => expect(files.heard).toContain(path));
    // Only once it is watched where it lies is the next word about itself.
    files.heard.length = 0;
    await writeFile(path, "changed");
    await vi.waitFor(() => expect(files.heard).toContain(path));
    files.heard.length = 0;
    await rm(join(dir.path, "a"), { recursive: true });
    await vi.waitFor(() => expect(files.heard).toContain(path));
  }
});

test("a directory that is moved away with its parent is found to be gone", async () => {
  await using dir = await temporaryDirectory();
  const path = join(dir.path, "a/b/conf");
  await mkdir(join(dir.path, "a/b"), { recursive: true });
  using files = watching([path], { compareMs: 20 });
  await rename(join(dir.path, "a"), join(dir.path, "away"));
  await vi.waitFor(() => expect(files.heard).toContain(path));
  files.heard.length = 0;
  await writeFile(join(dir.path, "away/b/conf"), "not ours");
  await mkdir(join(dir.path, "a/b"), { recursive: true });
  await writeFile(path, "ours");
  await vi.waitFor(() => expect(files.heard).toContain(path));
});

test("of a directory each entry is told", async () => {
  await using dir = await temporaryDirectory();
  using files = watching([`${dir.path}/`]);
  await writeFile(join(dir.path, "one"), "");
  await writeFile(join(dir.path, "two"), "");
  await vi.waitFor(() =>
    expect(files.heard.toSorted()).toEqual([join(dir.path, "one"), join(dir.path, "two")]),
  );
});

test("of a directory that comes with what is in it, each entry is told", async () => {
  await using dir = await temporaryDirectory();
  const path = join(dir.path, "unit.d");
  using files = watching([`${path}/`]);
  // In one turn: it is full before anybody can have begun to watch it.
  mkdirSync(path);
  writeFileSync(join(path, "own.conf"), "");
  await vi.waitFor(() => expect(files.heard).toContain(join(path, "own.conf")));
});

test("paths beyond the bound are named", async () => {
  await using dir = await temporaryDirectory();
  for (const name of ["a", "b", "c"]) await mkdir(join(dir.path, name));
  using files = watching(
    ["a", "b", "c"].map((name) => join(dir.path, name, "conf")),
    { directoriesMax: 2 },
  );
  expect(files.watched.unwatched).toEqual([join(dir.path, "c/conf")]);
});
