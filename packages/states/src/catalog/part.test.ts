import { describe, expect, test } from "vitest";

import type { Declaration } from "../declaration.ts";
import { canDrift, isDrift } from "../engine/drifts.ts";
import { runCatalog } from "../engine/run.ts";
import { secret } from "../secret.ts";
import run from "../states/cmd/run.ts";
import { keptPending, optionsFor, thing, trial, trialStates } from "../testing/trial.ts";
import { catalogHash } from "./catalog.ts";
import { compileCatalog } from "./compile.ts";
import { partOf, withFollowers } from "./part.ts";
import { validateCatalog } from "./validate.ts";

const catalogOf = (...declarations: Declaration[]) => compileCatalog(declarations).catalog;
const id = (key: string): string => `trial.thing(${key})`;
const ids = (...keys: string[]): ReadonlySet<string> => new Set(keys.map(id));
const keysOf = ({ entries }: ReturnType<typeof catalogOf>): string[] => entries.map(({ key }) => key);

describe("a part of a catalog", () => {
  const whole = catalogOf(
    thing("a"),
    thing("b", { require: id("a"), watch: id("a") }),
    thing("c", { onChanges: id("b") }),
    thing("d", { onFail: id("a") }),
    thing("e", { requireAny: [id("a"), id("b")] }),
  );

  test("keeps its order, and takes what lies outside as being as it should be", () => {
    const part = partOf(whole, ids("e", "b"));
    expect(part.entries.map(({ key, requisites }) => [key, requisites])).toEqual([
      ["b", {}],
      ["e", {}],
    ]);
    expect(validateCatalog(part, trialStates)).toEqual(part);
  });

  test("leaves out what would run only because something outside changed or failed", () => {
    expect(keysOf(partOf(whole, ids("c", "d", "e")))).toEqual(["e"]);
    expect(keysOf(partOf(whole, ids("b", "c")))).toEqual(["b", "c"]);
    expect(keysOf(partOf(whole, ids("a", "d")))).toEqual(["a", "d"]);
  });

  test("leaves out what hangs on something that was left out for that reason", () => {
    const chain = catalogOf(
      thing("a"),
      thing("b", { onChanges: id("a") }),
      thing("c", { onChanges: id("b") }),
    );
    expect(keysOf(partOf(chain, ids("b", "c")))).toEqual([]);
  });

  test("names only the secrets that it refers to", () => {
    const told = catalogOf(
      thing("a", { value: secret("file:one") }),
      thing("b", { value: secret("file:two") }),
    );
    expect(Object.keys(partOf(told, ids("a")).secrets)).toHaveLength(1);
    expect(Object.keys(told.secrets)).toHaveLength(2);
  });

  test("goes with what is refreshed or run when one of it changes, and with what that leads to", () => {
    expect(withFollowers(whole, [id("a")])).toEqual(ids("a", "b", "c"));
    const before = catalogOf(thing("stop", { prereq: id("a") }), thing("a"));
    expect(withFollowers(before, [id("a")])).toEqual(ids("stop", "a"));
  });

  test("applied with its followers refreshes them, and touches nothing else", async () => {
    const { machine, at, run: apply } = trial();
    const tree = [thing("a"), thing("b", { watch: id("a") }), thing("c")];
    await apply(tree);
    await machine.ports.files.write.remove("/b.refreshed");
    await machine.ports.files.write.write("/a", "by hand");
    await machine.ports.files.write.write("/c", "by hand");
    const { catalog } = compileCatalog(tree);
    const part = partOf(catalog, withFollowers(catalog, [id("a")]));
    await runCatalog(part, { ...optionsFor(machine.ports), pending: keptPending() });
    expect([await at("/a"), await at("/b.refreshed"), await at("/c")]).toEqual(["on", "r", "by hand"]);
  });
});

describe("drift", () => {
  const found = { result: "would-change", changes: { value: { from: "off", to: "on" } } } as const;
  const [entry] = catalogOf(thing("a")).entries;

  test("is a difference of the declaration's own", () => {
    expect(isDrift(found, entry!, thing.spec)).toBe(true);
    expect(isDrift({ ...found, changes: {} }, entry!, thing.spec)).toBe(false);
    expect(isDrift({ ...found, result: "unknown" }, entry!, thing.spec)).toBe(false);
  });

  test.each(["onChanges", "onFail", "prereq"])("is nothing that runs because of others: %s", (name) => {
    expect(canDrift({ ...entry!, requisites: { [name]: [id("b")] } }, thing.spec)).toBe(false);
  });

  test("is nothing that cannot be told apart from what is done, unless a guard tells", () => {
    const [each, checked, guarded] = catalogOf(
      run("true"),
      run("false", { check: "true" }),
      run("yes", { unless: "true" }),
    ).entries;
    expect([each, checked, guarded].map((one) => canDrift(one!, run.spec))).toEqual([false, true, true]);
  });
});

describe("`drift` of a declaration", () => {
  test("is part of the catalog, and where it is not said the hash is as it was", () => {
    const [plain, said] = [
      catalogOf(thing("a")),
      catalogOf(thing("a", { drift: { handsOff: "2026-12-01" } })),
    ];
    expect(said.entries[0]).toMatchObject({ drift: { handsOff: "2026-12-01" } });
    expect(plain.entries[0]).not.toHaveProperty("drift");
    expect(catalogHash(said)).not.toBe(catalogHash(plain));
  });

  test.each([
    ["a mode that there is not", "fix"],
    ["a day that there is not", { handsOff: "2026-02-30" }],
    ["a day without a year", { handsOff: "1 December" }],
  ])("cannot be %s", (_, drift) => {
    expect(() => thing("a", { drift: drift as never })).toThrow(/drift/);
  });
});
