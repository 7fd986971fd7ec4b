import { expect, test } from "vitest";

import { compareVersions } from "./debian-version.ts";

const sorted = [
  "~~",
  "~",
  "0",
  "1.0~rc1-1",
  "1.0",
  "1.0-0.1",
  "1.0-1",
  "1.0-1+b1",
  "1.0-1+deb12u1",
  "1.0a",
  "1.0+dfsg",
  "1.2",
  "1.10",
  "99999999999999999999",
  "100000000000000000000",
  "1:0.1",
  "2:0",
];

test("versions stand in the order of deb-version(7)", () => {
  expect(sorted.toReversed().toSorted(compareVersions)).toEqual(sorted);
  expect(compareVersions("0:1.0", "1.0")).toBe(0);
  expect(compareVersions("1.0-0", "1.0")).toBe(0);
  expect(compareVersions("1.01", "1.1")).toBe(0);
});
