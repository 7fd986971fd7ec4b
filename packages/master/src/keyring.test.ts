import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { newSigningKey, readManifest } from "@boma/protocol";
import { expect, test } from "vitest";

import { readReleaseKey, releaseKeyFile } from "./bundles/release-key.ts";
import { homeAt, makeHome } from "./home.ts";
import { createKeyring, keepWorkingKey, nextWorkingKey, readKeyring } from "./keyring.ts";

function newHome() {
  const path = mkdtempSync(join(tmpdir(), "boma-keyring-"));
  const home = homeAt(path);
  makeHome(home);
  createKeyring(home);
  return { home, [Symbol.dispose]: () => rmSync(path, { recursive: true }) };
}
/** What a node believes that pins this root. */
const pinned = (home: ReturnType<typeof homeAt>) => {
  const { manifest, root } = readKeyring(home);
  return readManifest(manifest, root).release;
};

test("a new master's root names the release key that was made with it, and goes on to when working keys change", () => {
  using made = newHome();
  const { publicKey } = readReleaseKey(releaseKeyFile(made.home));
  expect(pinned(made.home)).toEqual(publicKey);
  keepWorkingKey(made.home, nextWorkingKey(made.home));
  expect(pinned(made.home)).toEqual(publicKey);
  expect(readKeyring(made.home).release).toEqual(publicKey);
});

test("the root can name another release key, whose secret half was never here", () => {
  using made = newHome();
  const elsewhere = newSigningKey().publicKey;
  const next = nextWorkingKey(made.home, undefined, elsewhere);
  keepWorkingKey(made.home, next);
  expect(next.serial).toBe(2);
  expect(pinned(made.home)).toEqual(elsewhere);
});

test("without the root no other release key can be named", () => {
  using made = newHome();
  const before = pinned(made.home);
  rmSync(join(made.home.keys, "root.json"));
  expect(() => nextWorkingKey(made.home, undefined, newSigningKey().publicKey)).toThrow(
    "the root key is not at",
  );
  expect(pinned(made.home)).toEqual(before);
});
