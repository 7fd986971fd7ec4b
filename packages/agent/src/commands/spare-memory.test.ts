import { getHeapStatistics } from "node:v8";

import { expect, test, vi } from "vitest";

import { spareMemory } from "./spare-memory.ts";

const MB = 1024 ** 2;
const total = (): number => getHeapStatistics().total_heap_size;
const fill = (): void => void Array.from({ length: 64 }, () => Array.from({ length: MB / 8 }, () => 1.5));

test("what a start needed is given back soon after it, and what a run of states needed after that", () => {
  vi.useFakeTimers();
  try {
    spareMemory();
    for (const waitMs of [5_000, 20_000]) {
      fill();
      const before = total();
      vi.advanceTimersByTime(waitMs);
      expect(before - total()).toBeGreaterThan(32 * MB);
    }
  } finally {
    vi.useRealTimers();
  }
});
