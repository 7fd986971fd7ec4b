import fc from "fast-check";
import { expect, test } from "vitest";

import { BomaError } from "../errors.ts";
import { type Namespace, OPERATORS, type Target } from "./expression.ts";
import { parseTarget } from "./parse.ts";
import { printTarget } from "./print.ts";

const keys = fc.string({
  unit: fc.constantFrom(..."abZ_09. -'\"()<>=!&|@é/".split("")),
  minLength: 1,
  maxLength: 6,
});
const values = fc.string({
  unit: fc.constantFrom(..."abZ*?:[]09. -'\"()<>=!&|@é/\\".split("")),
  minLength: 1,
  maxLength: 10,
});
const patterns = fc
  .array(
    fc.constantFrom(
      "a",
      "b",
      ".",
      "\\d",
      "[ab]",
      "[)]",
      "[]x]",
      "(a|b)",
      "(?: )",
      "\\(",
      " ",
      "'",
      '"',
      "a*",
      "b+?",
      "^",
      "$",
    ),
    {
      minLength: 1,
      maxLength: 6,
    },
  )
  .map((parts) => parts.join(""));
const namespaces = fc.constantFrom<Namespace>("either", "assigned", "claimed");
const delimiters = fc.constantFrom(":", "|", "%");
const names = fc.string({ unit: fc.constantFrom(..."abz019_.-".split("")), minLength: 1, maxLength: 6 });
const ids = names.map((name) => `n${name}`);
const idGlobs = fc.oneof(
  fc.constantFrom("and", "or", "NOT", "*"),
  fc.string({
    unit: fc.constantFrom("a", "B", "9", "-", ".", "_", "*", "?", "[!x]", "[a-c]"),
    minLength: 1,
    maxLength: 6,
  }),
);

const joined = (key: fc.Arbitrary<string>, value: fc.Arbitrary<string>) =>
  fc
    .tuple(key, delimiters, value)
    .filter(([first, delimiter]) => !first.includes(delimiter))
    .map(([first, delimiter, rest]) => ({ delimiter, text: first + delimiter + rest }));

const terms: fc.Arbitrary<Target> = fc.oneof(
  fc.record({ kind: fc.constant("id-glob" as const), pattern: idGlobs }),
  fc.record({ kind: fc.constant("id-regex" as const), pattern: patterns }),
  fc.record({ kind: fc.constant("id-list" as const), ids: fc.array(ids, { minLength: 1, maxLength: 4 }) }),
  fc.record({
    kind: fc.constant("subnet" as const),
    network: fc.constantFrom("10.0.0.0/8", "::1", "fe80::/10"),
  }),
  fc.record({ kind: fc.constant("nodegroup" as const), name: names }),
  fc
    .tuple(namespaces, joined(keys, values))
    .map(([namespace, rest]) => ({ kind: "grain-glob" as const, namespace, ...rest })),
  fc
    .tuple(namespaces, joined(names, patterns))
    .map(([namespace, rest]) => ({ kind: "grain-regex" as const, namespace, ...rest })),
  joined(keys, values).map((rest) => ({ kind: "pillar-glob" as const, ...rest })),
  joined(names, patterns).map((rest) => ({ kind: "pillar-regex" as const, ...rest })),
  fc
    .record({
      kind: fc.constant("compare" as const),
      namespace: namespaces,
      path: fc.array(keys, { minLength: 1, maxLength: 3 }).map((path) => path.join(":")),
      operator: fc.constantFrom(...OPERATORS),
      value: fc.constantFrom("1", "64GiB", "1.5 T"),
    })
    // A path that starts like `G@` cannot be written, nor meant.
    .filter(({ path }) => !/^[A-Za-z][^\w\s()"'@]?@/.test(path)),
);

const { target: targets } = fc.letrec<{ target: Target; not: Target; and: Target; or: Target }>((tie) => ({
  target: fc.oneof({ maxDepth: 4, withCrossShrink: true }, terms, tie("not"), tie("and"), tie("or")),
  not: fc.record({ kind: fc.constant("not" as const), target: tie("target") }),
  and: fc.record({
    kind: fc.constant("and" as const),
    targets: fc.array(tie("target"), { minLength: 2, maxLength: 3 }),
  }),
  or: fc.record({
    kind: fc.constant("or" as const),
    targets: fc.array(tie("target"), { minLength: 2, maxLength: 3 }),
  }),
}));

test("a printed target reads back as the same target", () => {
  fc.assert(
    fc.property(targets, (target) => {
      expect(parseTarget(printTarget(target))).toEqual(target);
    }),
    { numRuns: 3000 },
  );
});

function readable(source: string): Target | undefined {
  try {
    return parseTarget(source);
  } catch (thrown) {
    if (thrown instanceof BomaError) return undefined;
    throw thrown;
  }
}

test("whatever can be read can be printed and read again", () => {
  const unit = fc.constantFrom(
    ..."ab:*[]\"' @|=<>!,./".split(""),
    " and ",
    " or ",
    " not ",
    "(",
    ")",
    "G@",
    "P|@",
    "E@",
    "I@",
    "assigned.",
    'a:"',
    "x:",
  );
  let read = 0;
  fc.assert(
    fc.property(fc.string({ unit, minLength: 1, maxLength: 9 }), (source) => {
      const target = readable(source);
      fc.pre(target !== undefined);
      read++;
      expect(parseTarget(printTarget(target!))).toEqual(target);
    }),
    { numRuns: 500, maxSkipsPerRun: 100 },
  );
  expect(read).toBeGreaterThanOrEqual(500);
});

test.each([
  ["G@env:dev and ( web* or db* )", "env:dev and (web* or db*)"],
  ["a not b", "a and not b"],
  ["(a and b) or c", "a and b or c"],
  ["not ( a )", "not a"],
  ["G@os:'Debian GNU/Linux'", 'os:"Debian GNU/Linux"'],
  ["note:'a>b'", 'note:"a>b"'],
  ["G@M:@x", "G@M:@x"],
  [`P@os:"a b"`, `P@os:"a b"`],
  ["'and'", '"and"'],
  ["assigned.ram >= 5".replaceAll(" ", ""), "assigned.ram>=5"],
])("%s is printed as %s", (source, printed) => {
  expect(printTarget(parseTarget(source))).toBe(printed);
});
