/** docs/security.md names, beside each promise, the tests that would fail if it were broken: they are there, and there are such tests. */
import { existsSync, globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import { describe, expect, test } from "vitest";

const root = fileURLToPath(new URL("../", import.meta.url));
const page = readFileSync(join(root, "docs/security.md"), "utf8");
const FILE = /`((?:test|packages)\/[\w./-]+)`/g;

/** The rows below a heading, without the head of the table. */
function rowsOf(heading: string): string[] {
  const section = page.split(/^## /m).find((part) => part.startsWith(heading));
  return (section ?? "").split("\n").filter((line) => /^\| (?!-|what +\|)/.test(line));
}

describe("docs/security.md", () => {
  const promises = rowsOf("What is guaranteed");

  test("has a test file for each promise", () => {
    expect(promises.length).toBeGreaterThan(20);
    expect(
      promises.filter((row) => ![...row.matchAll(FILE)].some(([, file]) => file!.endsWith(".test.ts"))),
    ).toEqual([]);
  });

  test("names no file that is not there", () => {
    const named = [...page.matchAll(FILE)].map(([, file]) => file!);
    expect(named.filter((file) => !existsSync(join(root, file)))).toEqual([]);
  });

  test("knows every test of abuse", () => {
    const files = globSync("test/system/{abuse-*,*-hostile}.test.ts", { cwd: root });
    expect(files.length).toBeGreaterThan(4);
    expect(files.filter((file) => !page.includes(file))).toEqual([]);
  });

  test("says what to type for each thing that can be stolen", () => {
    const rows = rowsOf("If something was stolen").filter((row) => !row.startsWith("| what was stolen"));
    expect(rows.length).toBeGreaterThan(5);
    expect(rows.filter((row) => row.split("|").length !== 5 || !row.split("|")[3]!.trim())).toEqual([]);
  });
});
