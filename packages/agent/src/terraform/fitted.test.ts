import { pack, RESULT_BYTES_MAX } from "@boma/protocol";
import type { ResourceChange } from "@boma/states/core";
import { expect, test } from "vitest";

import { fitted } from "./fitted.ts";

const change = (at: number, text: string): ResourceChange => ({
  address: `a.b[${at}]`,
  action: "create",
  attributes: { text: { to: text } },
});

test("a plan that has room is told whole", () => {
  const changes = [change(1, "x"), change(2, "y")];
  expect(fitted(changes)).toEqual({ changes, more: 0 });
});

test("of one that is too large the values go first, then changes, and how many is said", () => {
  const many = Array.from({ length: 20_000 }, (_, at) => change(at, "x".repeat(300)));
  const { changes, more } = fitted(many);
  expect(changes.length + more).toBe(many.length);
  expect(changes[0]!.attributes).not.toEqual({});
  expect(changes.at(-1)!.attributes).toEqual({});
  expect(pack(changes).length).toBeLessThan(RESULT_BYTES_MAX * 0.6);
});
