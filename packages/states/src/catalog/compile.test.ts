import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { z } from "zod";

import { declare, type Declaration, idOf, setOrigin } from "../declaration.ts";
import { defineState } from "../define-state.ts";
import { secret } from "../secret.ts";
import managed from "../states/file/managed.ts";
import running from "../states/service/running.ts";
import dropin from "../states/systemd/dropin.ts";
import { trialStates, thing } from "../testing/trial.ts";
import { catalogHash } from "./catalog.ts";
import { compileCatalog } from "./compile.ts";
import { diffCatalogs } from "./diff.ts";
import { validateCatalog } from "./validate.ts";

const keys = (declarations: readonly Declaration[]): string[] =>
  compileCatalog(declarations).catalog.entries.map(({ key }) => key);

/** The message of the error, its code before it. */
function complaint(declarations: readonly Declaration[]): string {
  try {
    compileCatalog(declarations);
    return "";
  } catch (thrown) {
    const { code, message, hint } = thrown as { code: string; message: string; hint: string };
    return `${code}: ${message} | ${hint}`;
  }
}

const at = (declaration: Declaration, line: number): Declaration => {
  setOrigin(declaration, { file: "states/web.ts", line, column: 3 });
  return declaration;
};

const part = defineState({
  name: "trial.part",
  summary: "A part of a thing.",
  key: "name",
  params: z.strictObject({ name: z.string(), of: z.string() }),
  claims: ({ name, of }) => [`thing:${of}#${name}`],
  warnings: ({ name }) => (name === "odd" ? ["is odd"] : []),
  check: async () => ({}),
  apply: async () => undefined,
  examples: [],
});

describe("what is in it", () => {
  test("what is only named as a requisite is pulled in, before what names it", () => {
    expect(keys([thing("z"), thing("c", { require: thing("b", { require: thing("a") }) })])).toEqual([
      "z",
      "a",
      "b",
      "c",
    ]);
  });

  test("equal duplicates are one, whichever way their requisites are written", () => {
    const a = thing("a");
    expect(keys([a, thing("b", { require: a }), thing("b", { require: "trial.thing(a)" })])).toEqual([
      "a",
      "b",
    ]);
  });

  test("unequal duplicates name what differs, and both places", () => {
    expect(complaint([at(thing("a"), 3), at(thing("a", { value: "other" }), 7)])).toContain(
      "state/duplicate: trial.thing(a) is declared twice, with different value: states/web.ts:3:3 and states/web.ts:7:3",
    );
  });

  test("forms of the other end are turned around", () => {
    const { catalog } = compileCatalog([
      thing("a", { requireIn: "trial.thing(b)", watchIn: "trial.thing(b)", prereqIn: "trial.thing(c)" }),
      thing("b"),
      thing("c"),
    ]);
    const requisites = Object.fromEntries(catalog.entries.map((entry) => [entry.key, entry.requisites]));
    expect(requisites).toEqual({
      a: {},
      b: { require: ["trial.thing(a)"], watch: ["trial.thing(a)"] },
      c: { prereq: ["trial.thing(a)"] },
    });
    expect(catalog.entries.map(({ key }) => key)).toEqual(["c", "a", "b"]);
  });

  test("watchIn what cannot refresh is an error", () => {
    expect(complaint([thing("a", { watchIn: "file.managed(/b)" }), managed("/b", {})])).toContain(
      "cannot refresh",
    );
  });

  test("durations are milliseconds, and out of bounds an error", () => {
    const { catalog } = compileCatalog([
      thing("a", { timeout: "2m", retry: { attempts: 3, interval: "250ms" } }),
    ]);
    expect(catalog.entries[0]).toMatchObject({ timeoutMs: 120_000, retry: { attempts: 3, intervalMs: 250 } });
    expect(complaint([thing("a", { timeout: "0s" })])).toContain("state/params");
    expect(complaint([thing("a", { timeout: "90d" })])).toContain("state/params");
  });

  test("secrets are listed with their tags, and their values are nowhere", () => {
    const { catalog } = compileCatalog([thing("a", { value: secret("env:PASSWORD") })], {
      secretTag: (reference) => `tag of ${reference}`,
    });
    expect(catalog.secrets).toEqual({ "env:PASSWORD": "tag of env:PASSWORD" });
    expect(catalog.entries[0]!.params).toMatchObject({ value: { $secret: "env:PASSWORD" } });
  });

  test("what a state warns of is told with its place", () => {
    const { warnings } = compileCatalog([at(part("odd", { of: "x" }), 5)]);
    expect(warnings).toEqual([
      { message: "trial.part(odd): is odd", origin: { file: "states/web.ts", line: 5, column: 3 } },
    ]);
  });
});

describe("references", () => {
  test.each([[undefined], [[null]], [secret("env:X")], [7], [{}]])(
    "%j is no declaration, and that is said with the name of the requisite",
    (given) => {
      const make = () => thing("a", { requireIn: given as never });
      if (given === undefined) expect(make).not.toThrow();
      else expect(make).toThrow("trial.thing(a): requireIn names something that is no declaration");
    },
  );

  test.each([
    ["trial.thing(ngimx)", "Did you mean `trial.thing(nginx)`?"],
    ["trial.part(nginx)", "Did you mean `trial.thing(nginx)`?"],
    ["nginx", "did you mean `trial.thing(nginx)`?"],
    ["web", "this could be any of `trial.thing(web)`, `file.managed(web)`"],
    ["nothing", "A reference is written `state(key)`, as in"],
  ])("%s that is not there says what was probably meant", (reference, hint) => {
    const web = declare(
      { ...managed.spec, params: z.strictObject({ path: z.string() }), claims: undefined } as never,
      "web",
      {},
    );
    const said = complaint([thing("nginx"), thing("web"), web, at(thing("a", { require: reference }), 4)]);
    expect(said).toContain(
      `state/reference: trial.thing(a) (states/web.ts:4:3): require names "${reference}"`,
    );
    expect(said).toContain(hint);
  });

  test("all that is wrong is said at once, up to twenty, the rest counted", () => {
    const said = complaint(
      Array.from({ length: 30 }, (_, n) => thing(`t${n}`, { require: "trial.thing(x)" })),
    );
    expect(said).toContain("30 things are wrong");
    expect(said.match(/which is not there/g)).toHaveLength(20);
    expect(said).toContain("and 10 more");
  });
});

describe("claims", () => {
  test.each([
    [
      "the same thing",
      () => [part("p", { of: "a" }), declare({ ...part.spec, name: "trial.other" }, "p", { of: "a" })],
    ],
    ["a whole and its part", () => [thing("a"), part("p", { of: "a" })]],
    ["a part and its whole", () => [part("p", { of: "a" }), thing("a")]],
  ])("two owners of %s are an error that names both and their places", (_name, declared) => {
    const [one, other] = declared() as [Declaration, Declaration];
    const said = complaint([at(one, 1), at(other, 2)]);
    expect(said).toContain("state/claimed");
    expect(said).toContain(`${one.id} (states/web.ts:1:3) and ${other.id} (states/web.ts:2:3)`);
  });

  test("two parts of one thing go together", () => {
    expect(keys([part("p", { of: "a" }), part("q", { of: "a" })])).toEqual(["p", "q"]);
  });

  test("what a state comes after by its claims comes before it", () => {
    const { catalog } = compileCatalog([
      managed("/etc/nginx/x", {}),
      managed("/etc/nginx", {}),
      managed("/etc", {}),
    ]);
    expect(catalog.entries.map(({ key }) => key)).toEqual(["/etc", "/etc/nginx", "/etc/nginx/x"]);
    expect(catalog.entries[2]!.after).toEqual(["file.managed(/etc)", "file.managed(/etc/nginx)"]);
  });

  test("what builds on a whole that nobody owns comes after the owners of its parts", () => {
    const unit = running("web");
    const first = dropin("web.service.d/10-limits.conf", { sections: { Service: { LimitNOFILE: 1024 } } });
    expect(compileCatalog([unit, first]).catalog.entries.map(({ id }) => id)).toEqual([first.id, unit.id]);
  });
});

describe("order", () => {
  test("is that of definition, with first, numbers and last around it", () => {
    const tree = [
      thing("last", { order: "last" }),
      thing("minus", { order: -1 }),
      thing("a"),
      thing("two", { order: 2 }),
      thing("one", { order: 1 }),
      thing("first", { order: "first" }),
      thing("b"),
    ];
    expect(keys(tree)).toEqual(["first", "one", "two", "a", "b", "minus", "last"]);
  });

  test("a circle is shown whole, with the kind of each arrow and the places", () => {
    const said = complaint([
      at(thing("a", { require: "trial.thing(b)" }), 1),
      at(thing("b", { watch: "trial.thing(c)" }), 2),
      at(thing("c", { prereqIn: "trial.thing(a)" }), 3),
    ]);
    expect(said).toContain(
      "state/cycle: these wait for each other: trial.thing(a) → trial.thing(b) → trial.thing(c) → trial.thing(a)",
    );
    expect(said).toContain("trial.thing(a) (states/web.ts:1:3) has trial.thing(b) as require");
    expect(said).toContain("trial.thing(b) (states/web.ts:2:3) has trial.thing(c) as watch");
    expect(said).toContain(
      "trial.thing(c) (states/web.ts:3:3) comes after trial.thing(a), which has it as prereq",
    );
  });

  test("listening to each other is no circle", () => {
    expect(
      keys([thing("a", { listen: "trial.thing(b)" }), thing("b", { listen: "trial.thing(a)" })]),
    ).toHaveLength(2);
  });

  /** Things that hang on others in one direction only, listed in any order. */
  const graph = fc.integer({ min: 1, max: 25 }).chain((count) =>
    fc.record({
      edges: fc.array(fc.tuple(fc.nat(count - 1), fc.nat(count - 1)), { maxLength: 60 }),
      shuffled: fc.shuffledSubarray(
        Array.from({ length: count }, (_, n) => n),
        { minLength: count },
      ),
    }),
  );

  test("respects every edge, and keeps an order that already does", () => {
    fc.assert(
      fc.property(graph, ({ edges, shuffled }) => {
        const on = (n: number): string[] =>
          edges.filter(([from, to]) => from === n && to < n).map(([, to]) => idOf("trial.thing", `t${to}`));
        const tree = shuffled.map((n) => thing(`t${n}`, { require: on(n) }));
        const { catalog } = compileCatalog(tree);
        const place = new Map(catalog.entries.map(({ id }, index) => [id, index]));
        for (const { id, requisites } of catalog.entries)
          for (const other of requisites.require ?? []) expect(place.get(other)).toBeLessThan(place.get(id)!);
        const again = catalog.entries.map(({ key }) => tree.find((one) => one.key === key)!);
        expect(keys(again)).toEqual(again.map(({ key }) => key));
        expect(catalogHash(compileCatalog(tree).catalog)).toBe(catalogHash(catalog));
        expect(validateCatalog(structuredClone(catalog), trialStates)).toEqual(catalog);
      }),
    );
  });

  test("a chain as long as a catalog compiles, and ten thousand files do in linear time", () => {
    const chain = Array.from({ length: 20_000 }, (_, n) =>
      thing(`t${n}`, n === 19_999 ? {} : { require: `trial.thing(t${n + 1})` }),
    );
    expect(keys(chain)[0]).toBe("t19999");
    const files = Array.from({ length: 10_000 }, (_, n) =>
      managed(`/srv/d${n % 100}/f${n}`, { contents: "x" }),
    );
    expect(compileCatalog(files).catalog.entries).toHaveLength(10_000);
  });
});

describe("an agent", () => {
  const { catalog } = compileCatalog([
    thing("a"),
    thing("b", { watch: "trial.thing(a)" }),
    managed("/x", {}),
  ]);
  // oxlint-disable-next-line typescript/no-explicit-any -- it is altered into what no type allows.
  type Loose = any;
  const altered = (change: (copy: Loose) => void): unknown => {
    const copy = structuredClone(catalog);
    change(copy);
    return copy;
  };
  test.each<[string, (copy: Loose) => void, string]>([
    ["an unknown state", (c) => (c.entries[0].state = "trial.think"), "state/unknown"],
    ["a wrong parameter", (c) => (c.entries[0].params.value = 7), "state/params"],
    [
      "a secret where none may stand",
      (c) => (c.entries[2].params.mode = { $secret: "env:X" }),
      "state/secret",
    ],
    [
      "a secret that is not listed",
      (c) => (c.entries[0].params.value = { $secret: "env:X" }),
      "state/catalog",
    ],
    [
      "a requisite that is not there",
      (c) => (c.entries[1].requisites.require = ["x.y(z)"]),
      "state/reference",
    ],
    ["a requisite that comes later", (c) => c.entries.reverse(), "state/cycle"],
    [
      "a prereq that comes before",
      (c) => (c.entries[1].requisites.prereq = ["trial.thing(a)"]),
      "state/cycle",
    ],
    ["a declaration that is there twice", (c) => c.entries.push(c.entries[0]), "state/duplicate"],
    ["another name than its key", (c) => (c.entries[0].params.name = "c"), "state/catalog"],
    [
      "watching without refreshing",
      (c) => (c.entries[2].requisites.watch = ["trial.thing(a)"]),
      "state/catalog",
    ],
    ["an unknown property", (c) => (c.entries[0].run = "rm"), "state/catalog"],
    ["a timeout past all bounds", (c) => (c.entries[0].timeoutMs = 1e12), "state/catalog"],
  ])("refuses a catalog with %s", (_name, change, code) => {
    expect(() => validateCatalog(altered(change), trialStates)).toThrow(expect.objectContaining({ code }));
  });

  test("takes a catalog whose keys are as people write them, where the schema makes more of them", () => {
    const { catalog } = compileCatalog([running("nginx")]);
    expect(catalog.entries[0]).toMatchObject({ key: "nginx", params: { unit: "nginx.service" } });
    expect(validateCatalog(catalog, { "service.running": running.spec })).toEqual(catalog);
  });
});

test("the difference of two catalogs: added, removed, changed by property, moved", () => {
  const one = compileCatalog([thing("a"), thing("b"), thing("c"), thing("gone")]).catalog;
  const other = compileCatalog([
    thing("c"),
    thing("a", { value: "off", unless: "true" }),
    thing("b"),
    thing("new", { require: "trial.thing(a)" }),
  ]).catalog;
  expect(diffCatalogs(one, other)).toEqual({
    added: ["trial.thing(new)"],
    removed: ["trial.thing(gone)"],
    changed: [
      {
        id: "trial.thing(a)",
        changes: { value: { from: "on", to: "off" }, unless: { from: undefined, to: ["true"] } },
      },
    ],
    moved: ["trial.thing(c)"],
    secrets: [],
  });
  expect(diffCatalogs(one, one)).toEqual({ added: [], removed: [], changed: [], moved: [], secrets: [] });
});
