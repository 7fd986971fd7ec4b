import type { OutputLine } from "@boma/states";
import fc from "fast-check";
import { expect, test, vi } from "vitest";

import { splitLines } from "./host/lines.ts";
import { type Batch, EndsBuffer, gatherLines, keepEnds, splitBytes } from "./output.ts";

const line = (text: string): OutputLine => ({ stream: "stdout", text });

test("lines are the same however the bytes were cut into chunks", () => {
  fc.assert(
    fc.property(
      fc.string({ unit: "binary", maxLength: 200 }),
      fc.array(fc.nat(), { maxLength: 8 }),
      (text, cuts) => {
        const bytes = Buffer.from(text.replace(/\r/g, ""));
        const lines: string[] = [];
        const splitter = splitLines((one) => lines.push(one));
        const places = [
          0,
          ...cuts.map((cut) => cut % (bytes.length + 1)).sort((a, b) => a - b),
          bytes.length,
        ];
        for (let i = 1; i < places.length; i++) splitter.add(bytes.subarray(places[i - 1], places[i]));
        splitter.end();
        const whole = bytes.toString().split("\n");
        if (whole.at(-1) === "") whole.pop();
        expect(lines).toEqual(whole);
      },
    ),
  );
});

test("a carriage return begins a new line, and \\r\\n is one end even between two chunks", () => {
  const lines: string[] = [];
  const splitter = splitLines((one) => lines.push(one));
  for (const chunk of ["10%\r20%", "\r100%\r", "\ndone\r\n", "end"]) splitter.add(Buffer.from(chunk));
  splitter.end();
  expect(lines).toEqual(["10%", "20%", "100%", "done", "end"]);
});

test("pieces of a long line are short enough, whole characters, and together the line", () => {
  fc.assert(
    fc.property(
      fc.string({ unit: "grapheme", maxLength: 300 }),
      fc.integer({ min: 8, max: 64 }),
      (text, max) => {
        const pieces = splitBytes(text, max);
        expect(pieces.join("")).toBe(text);
        expect(pieces.every((piece) => Buffer.byteLength(piece) <= max)).toBe(true);
      },
    ),
  );
});

test("the ends of a text too long are kept, within its bound and without broken characters", () => {
  const text = "ä".repeat(1000);
  const { text: short, cut } = keepEnds(text, 201);
  expect(cut).toBe(true);
  expect(Buffer.byteLength(short)).toBeLessThanOrEqual(201);
  expect(short).not.toContain("\ufffd");
  expect(keepEnds("short", 200)).toEqual({ text: "short", cut: false });
});

test("a buffer of ends gives the whole while it fits, and else beginning and end without broken characters", () => {
  fc.assert(
    fc.property(fc.array(fc.string({ unit: "grapheme", maxLength: 40 }), { maxLength: 40 }), (chunks) => {
      const ends = new EndsBuffer(240);
      for (const chunk of chunks) ends.add(Buffer.from(chunk));
      const { text, cut } = ends.read();
      const whole = chunks.join("");
      // The sign of a broken character may be in the text itself.
      fc.pre(!whole.includes("\ufffd"));
      expect(text === whole).toBe(!cut);
      expect(cut).toBe(Buffer.byteLength(whole) > 200);
      expect(text).not.toContain("\ufffd");
      expect(Buffer.byteLength(text)).toBeLessThanOrEqual(260);
    }),
  );
});

test("lines travel together, and in one batch no more than fit", () => {
  vi.useFakeTimers();
  const batches: Batch[] = [];
  const lines = gatherLines(
    (batch) => batches.push(batch) > 0,
    () => 0,
  );
  for (let i = 0; i < 150; i++) lines.add(line(String(i)));
  expect(batches.map((batch) => batch.lines.length)).toEqual([100]);
  vi.advanceTimersByTime(60);
  expect(batches.map((batch) => batch.lines.length)).toEqual([100, 50]);
  vi.useRealTimers();
});

test("a flood is left out and counted, and so is what could not be sent", () => {
  const batches: Batch[] = [];
  let isOpen = true;
  const lines = gatherLines(
    (batch) => isOpen && batches.push(batch) > 0,
    () => 0,
  );
  for (let i = 0; i < 1000; i++) lines.add(line("x".repeat(8000)));
  lines.end();
  const sent = batches.reduce((sum, batch) => sum + batch.lines.length, 0);
  const dropped = batches.reduce((sum, batch) => sum + batch.dropped, 0);
  expect(sent).toBeGreaterThan(200);
  expect(sent + dropped).toBe(1000);

  isOpen = false;
  const later: Batch[] = [];
  const closed = gatherLines(
    (batch) => isOpen && later.push(batch) > 0,
    () => 0,
  );
  for (let i = 0; i < 100; i++) closed.add(line("x"));
  isOpen = true;
  closed.add(line("y"));
  closed.end();
  expect(later).toEqual([{ lines: [line("y")], dropped: 100 }]);
});
