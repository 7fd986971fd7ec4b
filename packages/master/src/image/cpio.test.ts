import { expect, test } from "vitest";

import { cpio } from "./cpio.ts";

const bytes = (parts: readonly Uint8Array[]): Buffer => Buffer.concat(parts);

test("an archive is as the kernel reads it: fields of eight digits, everything on a boundary of four, an end", () => {
  const archive = bytes(
    cpio(
      [
        { path: "bin", kind: "dir", mode: 0o755 },
        { path: "init", kind: "file", mode: 0o755, data: Buffer.from("hello") },
      ],
      1000,
    ),
  );
  const found: { name: string; mode: string; data: string }[] = [];
  for (let at = 0; ;) {
    const field = (index: number) =>
      Number.parseInt(archive.toString("latin1", at + 6 + index * 8, at + 14 + index * 8), 16);
    expect(archive.toString("latin1", at, at + 6)).toBe("070701");
    const [mode, size, nameBytes] = [field(1), field(6), field(11)];
    const name = archive.toString("latin1", at + 110, at + 110 + nameBytes - 1);
    if (name === "TRAILER!!!") break;
    expect([field(2), field(3), field(5)]).toEqual([0, 0, 1000]);
    const from = Math.ceil((at + 110 + nameBytes) / 4) * 4;
    found.push({ name, mode: mode.toString(8), data: archive.toString("latin1", from, from + size) });
    at = Math.ceil((from + size) / 4) * 4;
  }
  expect(found).toEqual([
    { name: "bin", mode: "40755", data: "" },
    { name: "init", mode: "100755", data: "hello" },
  ]);
});

test("the same files give the same bytes", () => {
  const entries = [{ path: "a", kind: "file", mode: 0o644, data: Buffer.from("x") }] as const;
  expect(bytes(cpio(entries, 1)).equals(bytes(cpio(entries, 1)))).toBe(true);
});
