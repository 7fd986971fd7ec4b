import { describe, expect, test } from "vitest";

import type { Target } from "./expression.ts";
import { parseTarget } from "./parse.ts";

const id = (pattern: string): Target => ({ kind: "id-glob", pattern });
const grain = (text: string): Target => ({ kind: "grain-glob", namespace: "either", delimiter: ":", text });

describe("every form of a term", () => {
  test.each<[string, Target]>([
    ["*", id("*")],
    ["web-[!0]?", id("web-[!0]?")],
    ["'and'", id("and")],
    ["env:dev", grain("env:dev")],
    ["G@env:dev", grain("env:dev")],
    ["G:@env:dev", grain("env:dev")],
    ["ipv6:fe80::1", grain("ipv6:fe80::1")],
    ['os:"Debian GNU/Linux"', grain("os:Debian GNU/Linux")],
    [`os:"it's "'"x"'`, grain(`os:it's "x"`)],
    ["name:o'brien", grain("name:o'brien")],
    ["note:'a>b && c'", grain("note:a>b && c")],
    ["G@note:a>b", grain("note:a>b")],
    ["assigned.env:dev", { kind: "grain-glob", namespace: "assigned", delimiter: ":", text: "env:dev" }],
    ["claimed.env:dev", { kind: "grain-glob", namespace: "claimed", delimiter: ":", text: "env:dev" }],
    ["G|@a:b|c", { kind: "grain-glob", namespace: "either", delimiter: "|", text: "a:b|c" }],
    ["P@os:^(?:a|b)$", { kind: "grain-regex", namespace: "either", delimiter: ":", text: "os:^(?:a|b)$" }],
    ["P|@os|a|b", { kind: "grain-regex", namespace: "either", delimiter: "|", text: "os|a|b" }],
    ['P@os:"a (b|c)"', { kind: "grain-regex", namespace: "either", delimiter: ":", text: "os:a (b|c)" }],
    ["E@web-(a|b)", { kind: "id-regex", pattern: "web-(a|b)" }],
    ["E@[)(]\\)", { kind: "id-regex", pattern: "[)(]\\)" }],
    ["L@a,b-1", { kind: "id-list", ids: ["a", "b-1"] }],
    ["S@10.0.0.0/8", { kind: "subnet", network: "10.0.0.0/8" }],
    ["S@fe80::/10", { kind: "subnet", network: "fe80::/10" }],
    ["S@10.1.2.3", { kind: "subnet", network: "10.1.2.3" }],
    ["I@a:b", { kind: "pillar-glob", delimiter: ":", text: "a:b" }],
    ["I%@a%b:c", { kind: "pillar-glob", delimiter: "%", text: "a%b:c" }],
    ["J@a:b+", { kind: "pillar-regex", delimiter: ":", text: "a:b+" }],
    ["N@web-servers", { kind: "nodegroup", name: "web-servers" }],
    ["ram>=64GiB", { kind: "compare", namespace: "either", path: "ram", operator: ">=", value: "64GiB" }],
    [
      "disks:sda:size>1TB",
      { kind: "compare", namespace: "either", path: "disks:sda:size", operator: ">", value: "1TB" },
    ],
    ["claimed.cpus!=8", { kind: "compare", namespace: "claimed", path: "cpus", operator: "!=", value: "8" }],
    ['os=="a b"', { kind: "compare", namespace: "either", path: "os", operator: "==", value: "a b" }],
  ])("%s", (source, target) => {
    expect(parseTarget(source)).toEqual(target);
  });
});

describe("words between terms", () => {
  const [a, b, c] = [id("a"), id("b"), id("c")];
  test.each<[string, Target]>([
    ["a or b and c", { kind: "or", targets: [a, { kind: "and", targets: [b, c] }] }],
    ["a and b or c", { kind: "or", targets: [{ kind: "and", targets: [a, b] }, c] }],
    ["a and b and c", { kind: "and", targets: [a, b, c] }],
    ["a and (b or c)", { kind: "and", targets: [a, { kind: "or", targets: [b, c] }] }],
    ["a and ( b or c )", { kind: "and", targets: [a, { kind: "or", targets: [b, c] }] }],
    ["not a and b", { kind: "and", targets: [{ kind: "not", target: a }, b] }],
    ["not(a and b)", { kind: "not", target: { kind: "and", targets: [a, b] } }],
    ["a not b", { kind: "and", targets: [a, { kind: "not", target: b }] }],
    [
      "(a) not b or c",
      { kind: "or", targets: [{ kind: "and", targets: [a, { kind: "not", target: b }] }, c] },
    ],
    ["not not a", { kind: "not", target: { kind: "not", target: a } }],
    ["((a))", a],
    ["\n a\tor\nb ", { kind: "or", targets: [a, b] }],
    [
      "(E@x(a|b) or E@y)",
      {
        kind: "or",
        targets: [
          { kind: "id-regex", pattern: "x(a|b)" },
          { kind: "id-regex", pattern: "y" },
        ],
      },
    ],
  ])("%s", (source, target) => {
    expect(parseTarget(source)).toEqual(target);
  });
});
