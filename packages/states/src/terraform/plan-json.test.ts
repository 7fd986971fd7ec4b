import { describe, expect, test } from "vitest";

import { changesOf, countsOf, driftOf, outputsOf, readPlan } from "./plan-json.ts";

const plan = (...changes: readonly object[]) =>
  readPlan(JSON.stringify({ format_version: "1.2", resource_changes: changes }));
const one = (address: string, change: object, more: object = {}) => ({ address, change, ...more });

test.each([
  [["create"], "create"],
  [["update"], "update"],
  [["delete"], "delete"],
  [["delete", "create"], "replace"],
  [["create", "delete"], "replace"],
  [["forget"], "forget"],
])("the actions %j are told as %s", (actions, action) => {
  expect(changesOf(plan(one("a.b", { actions })))).toMatchObject([{ address: "a.b", action }]);
});

test("what is only read, or stays as it is, is not told", () => {
  expect(changesOf(plan(one("a", { actions: ["no-op"] }), one("data.b", { actions: ["read"] })))).toEqual([]);
});

test("an action that nobody knows yet passes for a destruction, so that a policy holds it up", () => {
  expect(changesOf(plan(one("a", { actions: ["transmute"] })))).toMatchObject([{ action: "delete" }]);
});

test("an object that was left over of a replacement has an address of its own", () => {
  const changes = changesOf(plan(one("a.b", { actions: ["delete"] }, { deposed: "1f2e" })));
  expect(changes).toMatchObject([{ address: "a.b (deposed 1f2e)", action: "delete" }]);
});

describe("attributes", () => {
  const attributes = (change: object) =>
    changesOf(plan(one("a", { actions: ["update"], ...change })))[0]!.attributes;

  test("only those that differ are told, with both sides", () => {
    expect(attributes({ before: { size: 1, name: "x" }, after: { size: 2, name: "x" } })).toEqual({
      size: { from: 1, to: 2 },
    });
  });

  test("what is known only after the apply says so", () => {
    expect(attributes({ before: { id: "i" }, after: {}, after_unknown: { id: true } })).toEqual({
      id: { from: "i", to: "(known after apply)" },
    });
  });

  test("that a sensitive value changes is told, and neither value is", () => {
    const found = attributes({
      before: { password: "hunter2", user: { name: "n", token: "t0ken" } },
      after: { password: "hunter3", user: { name: "n", token: "t1ken" } },
      before_sensitive: { password: true, user: { token: true } },
      after_sensitive: { password: true, user: { token: true } },
    });
    expect(Object.keys(found)).toEqual(["password", "user"]);
    expect(JSON.stringify(found)).not.toMatch(/hunter|t[01]ken/);
  });

  test("a resource that is sensitive as a whole tells nothing of itself", () => {
    const change = { before: null, after: { a: "secret" }, after_sensitive: true };
    expect(JSON.stringify(attributes(change))).not.toContain("secret");
  });

  test("members of a list are hidden one by one", () => {
    const found = attributes({
      before: null,
      after: { l: ["open", "hidden"] },
      after_sensitive: { l: [false, true] },
    });
    expect(found).toEqual({ l: { to: ["open", "(sensitive)"] } });
  });

  test("a long value is cut", () => {
    expect(String(attributes({ before: null, after: { a: "x".repeat(5000) } })["a"]!.to).length).toBeLessThan(
      500,
    );
  });
});

test("outputs are told by name and never by value", () => {
  const read = readPlan(
    JSON.stringify({
      format_version: "1.2",
      output_changes: {
        open: { actions: ["create"], after: "value" },
        same: { actions: ["no-op"], after: "value" },
      },
    }),
  );
  expect(outputsOf(read)).toEqual([{ name: "open", action: "create" }]);
});

test("what drifted stands apart from what is planned", () => {
  const read = readPlan(
    JSON.stringify({
      format_version: "1.2",
      resource_changes: [one("a", { actions: ["create"] })],
      resource_drift: [one("b", { actions: ["update"], before: { size: 1 }, after: { size: 3 } })],
    }),
  );
  expect(driftOf(read)).toMatchObject([{ address: "b", attributes: { size: { from: 1, to: 3 } } }]);
  expect(countsOf(driftOf(read))).toEqual({ add: 0, change: 1, replace: 0, destroy: 0, forget: 0 });
});

test.each(["", "{", "[]", '{"format_version":"2.0"}', '{"format_version":"1.0","resource_changes":[{}]}'])(
  "a plan that reads %j is an error and no empty plan",
  (text) => {
    expect(() => readPlan(text)).toThrow(expect.objectContaining({ code: "terraform/failed" }) as Error);
  },
);
