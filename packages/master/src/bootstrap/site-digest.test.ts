import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterEach, beforeEach, expect, test } from "vitest";

import { firstDifference, siteDigest, siteFiles } from "./site-digest.ts";

let dir = "";
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "boma-site-"));
  mkdirSync(join(dir, "states"));
  writeFileSync(join(dir, "top.ts"), "top");
  writeFileSync(join(dir, "states/base.ts"), "base");
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

test("what is made of a site, and its history, do not make it another", () => {
  const before = siteDigest(siteFiles(dir));
  for (const name of [".boma", ".git"]) {
    mkdirSync(join(dir, name));
    writeFileSync(join(dir, name, "x"), "x");
  }
  expect(siteDigest(siteFiles(dir))).toBe(before);
});

test("each edit, new file and changed link does, and the first of them is named", () => {
  const before = siteFiles(dir);
  writeFileSync(join(dir, "states/base.ts"), "edited");
  expect(firstDifference(before, siteFiles(dir))).toBe("states/base.ts");
  symlinkSync("/etc/shadow", join(dir, "link"));
  const linked = siteFiles(dir);
  expect(linked.get("link")).toBe("link /etc/shadow");
  expect(firstDifference(before, linked)).toBe("link");
  expect(siteDigest(linked)).not.toBe(siteDigest(before));
});
