import { appendFileSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { expect, test } from "vitest";

import { auditEntries } from "./audit-lines.ts";

const line = (n: number): string =>
  `${JSON.stringify({ n, at: new Date(n * 1000).toISOString(), prev: "0".repeat(64), kind: "request" })}\n`;

test("a reader that goes on where it stood gets what came since, once, also in segments that were begun meanwhile", async () => {
  const dir = mkdtempSync(join(tmpdir(), "boma-lines-"));
  const numbers = async (after: number, since?: number) =>
    (await Array.fromAsync(auditEntries(dir, { after, since }))).map(({ n }) => n);
  try {
    writeFileSync(join(dir, "00000001.jsonl"), line(1) + line(2));
    expect(await numbers(0)).toEqual([1, 2]);
    appendFileSync(join(dir, "00000001.jsonl"), line(3));
    expect(await numbers(2)).toEqual([3]);
    expect(await numbers(3)).toEqual([]);
    writeFileSync(join(dir, "00000002.jsonl"), line(4) + line(5));
    expect(await numbers(3)).toEqual([4, 5]);
    expect(await numbers(1)).toEqual([2, 3, 4, 5]);
    expect(await numbers(0, 4000)).toEqual([4, 5]);
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
});
