import fc from "fast-check";
import { expect, test } from "vitest";

import { unifiedDiff } from "./text-diff.ts";

/** What `patch` does with a unified diff. */
function patched(text: string, diff: string): string {
  const lines = text.match(/[^\n]*\n|[^\n]+$/g) ?? [];
  const out: string[] = [];
  let at = 0;
  let lastSign = "";
  for (const row of diff === "" ? [] : diff.split("\n")) {
    const [, from, count] = /^@@ -(\d+)(?:,(\d+))? /.exec(row) ?? [];
    const body = `${row.slice(1)}\n`;
    if (from !== undefined) {
      const begins = count === "0" ? Number(from) : Number(from) - 1;
      while (at < begins) out.push(lines[at++]!);
    } else if (row.startsWith("\\")) {
      if (out.at(-1)?.endsWith("\n") && lastSign !== "-") out[out.length - 1] = out.at(-1)!.slice(0, -1);
    } else if (row.startsWith("+")) out.push(body);
    else {
      expect(lines[at]?.replace(/\n?$/, "\n")).toBe(body);
      if (row.startsWith(" ")) out.push(lines[at]!);
      at += 1;
    }
    lastSign = row[0]!;
  }
  return [...out, ...lines.slice(at)].join("");
}

const line = fc.constantFrom("a", "b", "c", "d", "listen 80;", "", "}");
const text = fc
  .tuple(fc.array(line, { maxLength: 40 }), fc.boolean())
  .map(([lines, ends]) => lines.join("\n") + (ends ? "\n" : ""));

test("a diff that is applied to the old text gives the new one", () => {
  fc.assert(
    fc.property(text, text, (from, to) => {
      expect(patched(from, unifiedDiff(from, to, 10_000))).toBe(to);
    }),
    { numRuns: 2000 },
  );
});

test("one changed line of many is shown with three lines around it", () => {
  const lines = Array.from({ length: 20 }, (_, n) => `line ${n}`);
  const now = lines.with(10, "other");
  expect(unifiedDiff(`${lines.join("\n")}\n`, `${now.join("\n")}\n`)).toBe(
    "@@ -8,7 +8,7 @@\n line 7\n line 8\n line 9\n-line 10\n+other\n line 11\n line 12\n line 13",
  );
});

test("a missing newline at the end is a difference, and said", () => {
  expect(unifiedDiff("a\n", "a")).toBe("@@ -1 +1 @@\n-a\n+a\n\\ No newline at end of file");
});

test("a long diff is cut and says how much is left out; beyond 5,000 lines only their number", () => {
  const many = (count: number, word: string): string => `${word}\n`.repeat(count);
  const cut = unifiedDiff(many(300, "a"), many(300, "b")).split("\n");
  expect(cut).toHaveLength(201);
  expect(cut.at(-1)).toBe("… 401 more lines");
  expect(unifiedDiff(many(6000, "a"), many(10, "a"))).toBe("5990 lines differ, of 6000 and 10");
});

test("texts made to be slow to compare are compared all the same", () => {
  const mixed = (seed: number): string =>
    Array.from({ length: 5000 }, (_, n) => `${(n * seed) % 97}\n`).join("");
  const diff = unifiedDiff(mixed(31), mixed(57), 100_000);
  expect(patched(mixed(31), diff)).toBe(mixed(57));
});
