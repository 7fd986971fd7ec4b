import { expect, test } from "vitest";

import { parseQuantity } from "./quantity.ts";

test.each([
  ["8", 8],
  ["-1.5", -1.5],
  [".5", 0.5],
  ["1e3", 1000],
  ["2k", 2000],
  ["2M", 2e6],
  ["2GB", 2e9],
  ["1.5T", 1.5e12],
  ["64GiB", 64 * 1024 ** 3],
  ["64gib", 64 * 1024 ** 3],
  ["1Ki", 1024],
  ["16384 kB", 16_384_000],
  ["512B", 512],
  ["12.3.4", undefined],
  ["64XB", undefined],
  ["0x10", undefined],
  ["", undefined],
  ["GiB", undefined],
  ["Infinity", undefined],
  ["1".repeat(100_000), undefined],
])("%s", (text, number) => {
  expect(parseQuantity(text)).toBe(number);
});
