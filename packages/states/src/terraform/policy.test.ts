import { describe, expect, test } from "vitest";

import { movedFrom } from "./moved.ts";
import { violations } from "./policy.ts";
import type { Bound, ResourceChange } from "./results.ts";

const change = (action: ResourceChange["action"], address: string): ResourceChange => ({
  address,
  action,
  attributes: {},
});
const policy = (more: Partial<Parameters<typeof violations>[1]> = {}) => ({
  maxDestroy: 0,
  protect: [],
  allowReplace: [],
  ...more,
});

test("what only adds and changes breaks no policy", () => {
  expect(violations([change("create", "a.b"), change("update", "a.c")], policy({ protect: ["a"] }))).toEqual(
    [],
  );
});

test("where nothing is said nothing may be destroyed, and a replacement destroys", () => {
  expect(violations([change("delete", "a.b")], policy())).toHaveLength(1);
  expect(violations([change("replace", "a.b")], policy())).toHaveLength(1);
});

test("so many may be destroyed as the policy says, and not one more", () => {
  const two = [change("delete", "a.b"), change("replace", "a.c")];
  expect(violations(two, policy({ maxDestroy: 2 }))).toEqual([]);
  expect(violations([...two, change("delete", "a.d")], policy({ maxDestroy: 2 }))).toEqual([
    "3 would be destroyed or replaced, and at most 2 may be: a.b, a.c, a.d",
  ]);
});

describe("a protected address", () => {
  test.each(["delete", "replace", "forget"] as const)(
    "refuses a %s, however many may be destroyed",
    (action) => {
      expect(
        violations([change(action, "a.db")], policy({ maxDestroy: 99, protect: ["a.db"] })),
      ).toHaveLength(1);
    },
  );

  test.each(["module.db.a.b", "module.db[0].a.b", 'module.db["x"].a.b', "module.db"])(
    "means %s as well",
    (address) => {
      expect(
        violations([change("delete", address)], policy({ maxDestroy: 9, protect: ["module.db"] })),
      ).toHaveLength(1);
    },
  );

  test.each(["module.dbx.a.b", "a.module.db"])("does not mean %s", (address) => {
    expect(
      violations([change("delete", address)], policy({ maxDestroy: 9, protect: ["module.db"] })),
    ).toEqual([]);
  });

  test("means what was left over of it", () => {
    const left = [change("delete", "a.db (deposed 1f)")];
    expect(violations(left, policy({ maxDestroy: 9, protect: ["a.db"] }))).toHaveLength(1);
  });

  test("is not replaced, though it may be by another word", () => {
    const both = policy({ protect: ["a.db"], allowReplace: ["a.db"] });
    expect(violations([change("replace", "a.db")], both)).toHaveLength(1);
  });
});

test("what may be replaced is not counted, and is counted all the same when it goes for good", () => {
  const allowed = policy({ allowReplace: ["a.vm"] });
  expect(violations([change("replace", "a.vm[3]")], allowed)).toEqual([]);
  expect(violations([change("delete", "a.vm[3]")], allowed)).toHaveLength(1);
});

describe("a plan is for what it was made from", () => {
  const planned: Bound = {
    sha256: "0".repeat(64),
    serial: 4,
    lineage: "5d1c0f9e-1",
    version: "tofu 1.6.3",
    files: "a".repeat(64),
    inputs: "b".repeat(64),
  };

  test("which is so as long as nothing changes", () => {
    expect(movedFrom(planned, planned)).toBeUndefined();
    const empty = { ...planned, serial: 0, lineage: null };
    expect(movedFrom(empty, empty)).toBeUndefined();
  });

  test.each([
    ["state", { serial: 5 }],
    ["state", { serial: 3 }],
    // A state that was begun anew may have the same serial.
    ["state", { lineage: "another" }],
    ["state", { serial: 0, lineage: null }],
    ["version", { version: "tofu 1.6.4" }],
    ["files", { files: "c".repeat(64) }],
    ["inputs", { inputs: "c".repeat(64) }],
  ] as const)("and not when the %s is another: %j", (what, now) => {
    expect(movedFrom(planned, { ...planned, ...now })).toMatchObject({ what });
  });

  test("a plan from the empty state is stale as soon as there is one: Terraform itself does not always say so", () => {
    const empty = { ...planned, serial: 0, lineage: null };
    expect(movedFrom(empty, { ...empty, lineage: "first" })?.text).toMatch(
      /was empty .* is at serial 0 of first/,
    );
  });
});
