import fc from "fast-check";
import { describe, expect, test } from "vitest";

import type { Grains } from "../grains.ts";
import type { Target } from "./expression.ts";
import { compileTarget, matchTarget, type TargetNode, type Verdict } from "./match.ts";
import { parseTarget } from "./parse.ts";

const grains: Grains = {
  os: "Debian",
  os_family: "Debian GNU/Linux",
  cpus: 8,
  ram: "64GiB",
  memory: 137_438_953_472,
  virtual: false,
  serial: "AB12",
  empty: null,
  roles: ["web", "DB"],
  macs: ["aa:bb:cc:dd:ee:ff"],
  rack: {
    row: "A",
    slots: [
      { n: 1, kind: "blade" },
      { n: 2, kind: "disk" },
    ],
  },
  disks: { nvme0n1: { size: "2TB" }, sda: { size: 500_000_000_000 } },
  ipv4: ["127.0.0.1", "10.2.3.4"],
  ipv6: { eth0: ["fe80::1%eth0", "2001:db8::5/64"] },
  env: "prod",
};
const node: TargetNode = {
  id: "web-01",
  grains,
  assigned: { env: "dev", role: ["web", "cache"], tier: "gold" },
  pillar: { app: { port: 8080, hosts: ["A.example", "b.example"] } },
};

const verdict = (source: string, of: TargetNode = node): Verdict => matchTarget(parseTarget(source), of);

describe("what matches the node", () => {
  test.each([
    "*",
    "web-??",
    "web-[0-9]*",
    "E@web",
    "E@web-\\d+$",
    "E@(?i)WEB",
    "L@db-01,web-01",
    "os:debian",
    "os:DEB*",
    "os_family:'debian gnu*'",
    "G@os:Debian",
    "cpus:8",
    "virtual:False",
    "roles:db",
    "macs:aa:bb:cc:dd:ee:ff",
    "rack:row:A",
    "rack:row:*",
    "rack:slots:kind:disk",
    "rack:slots:1:kind:disk",
    "disks:nvme*",
    "disks:*",
    "disks:*:size:2tb",
    "rack:*:kind:blade",
    "G|@rack|row|a",
    "P@os:deb(ian|untu)$",
    "P@serial:^\\S+$",
    "P@roles:^d",
    "P@macs:aa:(bb:cc).*$",
    "P|@os|Ubuntu|Debian",
    "P@disks:nvme\\d",
    "P@disks:*:size:2TB",
    "I@app:port:8080",
    "I@app:hosts:*.EXAMPLE",
    "J@app:port:80+80?$",
    "I%@app%port%80*",
    "ram>=64GiB",
    "ram>60G",
    "ram==64gib",
    "memory>=128GiB",
    "cpus<9",
    "cpus<=8",
    "cpus!=4",
    "disks:sda:size>=500GB",
    "disks:*:size>1TB",
    "os==debian",
    "os!=ubuntu",
    "rack:slots:n>1",
    "virtual==false",
    "S@10.0.0.0/8",
    "S@10.2.3.4",
    "S@2001:db8::/32",
    "S@fe80::/10",
    "env:dev",
    "assigned.env:dev",
    "claimed.env:prod",
    "role:cache",
    "tier:gold",
    "role!=db",
    "env:dev and not os:ubuntu",
    "db* or web* not role:db",
    "not (db* or env:qa)",
  ])("%s", (source) => {
    expect(verdict(source)).toBe("yes");
  });
});

describe("what does not", () => {
  test.each([
    "WEB-01",
    "web",
    "web-0",
    "E@eb",
    "E@web$",
    "L@web",
    "os:deb",
    "OS:Debian",
    "nothing:*",
    "empty:*",
    "cpus:8.0",
    "rack:row:B",
    "rack:x",
    "os:debian:x",
    "P@serial:^\\D+$",
    "P@os:ebian",
    "I@app:port:80",
    "I@port:8080",
    "ram>64GiB",
    "os>5",
    "cpus==8k",
    "nothing!=5",
    "os!=debian",
    "os!=5",
    "rack>1",
    "role!=web",
    "S@10.2.3.0/30",
    "S@::/1 and S@11.0.0.0/8",
    "env:prod",
    "assigned.os:*",
    "claimed.tier:*",
    "disks:nvme0n1:size<1T",
    "env:d",
    "constructor:*",
    "toString:*",
    "os:length:*",
    "roles:length:2",
    "not web*",
  ])("%s", (source) => {
    expect(verdict(source)).toBe("no");
  });
});

describe("claims and assignments", () => {
  const liar: TargetNode = {
    id: "n",
    grains: { env: "prod", role: "master", tier: "gold", os: "x" },
    assigned: {},
  };

  test.each([
    "env:prod",
    "G@env:prod",
    "P@env:prod",
    "G|@env|prod",
    "role:master",
    "role==master",
    "assigned.tier:gold",
  ])("a claim does not make %s true", (source) => {
    expect(verdict(source, liar)).toBe("no");
  });

  test("any other bare key is a claim where nothing was assigned, and the assignment where something was", () => {
    expect(verdict("tier:gold", liar)).toBe("yes");
    expect(verdict("tier:gold", { ...liar, assigned: { tier: "silver" } })).toBe("no");
    expect(verdict("claimed.tier:gold", { ...liar, assigned: { tier: "silver" } })).toBe("yes");
  });
});

describe("nodes of which little is known", () => {
  const silent: TargetNode = { id: "n", assigned: { env: "dev" } };

  test.each<[string, Verdict]>([
    ["os:debian", "unknown"],
    ["ram>8GiB", "unknown"],
    ["not ram>8GiB", "unknown"],
    ["P@os:x", "unknown"],
    ["S@10.0.0.0/8", "unknown"],
    ["I@a:b", "unknown"],
    ["J@a:b", "unknown"],
    ["claimed.env:dev", "unknown"],
    ["env:dev", "yes"],
    ["role:web", "no"],
    ["not role:web", "yes"],
    ["assigned.os:x", "no"],
    ["n and os:x", "unknown"],
    ["m and os:x", "no"],
    ["os:x and m", "no"],
    ["n or os:x", "yes"],
    ["os:x or n", "yes"],
    ["m or os:x", "unknown"],
    ["not (os:x and m)", "yes"],
  ])("%s is %s", (source, expected) => {
    expect(verdict(source, silent)).toBe(expected);
  });

  test("a node with grains that lack the key simply does not match", () => {
    expect(verdict("os:x", { id: "n", grains: {}, assigned: {} })).toBe("no");
    expect(verdict("not os:x", { id: "n", grains: {}, assigned: {} })).toBe("yes");
  });

  test("where nothing was said of assignments either, those are unknown too", () => {
    expect(verdict("env:dev", { id: "n" })).toBe("unknown");
    expect(verdict("os:x", { id: "n", grains: { os: "x" } })).toBe("unknown");
  });
});

test("and, or and not agree with Kleene's tables for any tree", () => {
  const order: Verdict[] = ["no", "unknown", "yes"];
  const value = (target: Target): number => {
    if (target.kind === "not") return 2 - value(target.target);
    if (target.kind === "and") return Math.min(...target.targets.map(value));
    if (target.kind === "or") return Math.max(...target.targets.map(value));
    return order.indexOf(matchTarget(target, { id: "n", assigned: {} }));
  };
  const { tree } = fc.letrec<{ tree: string }>((tie) => ({
    tree: fc.oneof(
      { maxDepth: 4 },
      fc.constantFrom("n", "m", "os:x"),
      tie("tree").map((inner) => `not ${inner}`),
      fc.tuple(tie("tree"), fc.constantFrom("and", "or"), tie("tree")).map((parts) => `(${parts.join(" ")})`),
    ),
  }));
  fc.assert(
    fc.property(tree, (source) => {
      const target = parseTarget(source);
      expect(order.indexOf(matchTarget(target, { id: "n", assigned: {} }))).toBe(value(target));
    }),
  );
});

describe("hostile grains", () => {
  const hostile = JSON.parse(
    '{"__proto__": {"os": "Debian"}, "constructor": "x", "a": {"__proto__": {"b": "c"}}, "bad": "\\ud800", "esc": "\\u001b[31m"}',
  ) as Grains;
  const of: TargetNode = {
    id: "n",
    grains: hostile,
    assigned: JSON.parse('{"__proto__": {"env": "prod"}}') as Grains,
  };

  test("keys of prototypes are keys like any other", () => {
    expect(verdict("os:debian", of)).toBe("no");
    expect(verdict("env:prod", of)).toBe("no");
    expect(verdict("a:b:c", of)).toBe("no");
    expect(verdict("constructor:x", of)).toBe("yes");
    expect(verdict("claimed.__proto__:os:debian", of)).toBe("yes");
    expect(verdict("hasOwnProperty:*", of)).toBe("no");
  });

  test("broken text can be compared with", () => {
    expect(verdict("bad:?", of)).toBe("yes");
    expect(verdict("P@bad:.$", of)).toBe("yes");
    expect(verdict("esc:*31m", of)).toBe("yes");
  });

  test("a long value and a costly pattern come to an end", () => {
    const long: TargetNode = { id: "n", grains: { v: "a".repeat(10_000) }, assigned: {} };
    expect(verdict("P@v:(a+)+b", long)).toBe("no");
    expect(verdict(`v:${"*a".repeat(100)}b`, long)).toBe("no");
    expect(verdict("v>5", long)).toBe("no");
  });
});

describe("nodegroups", () => {
  const groups = (all: Record<string, string>) =>
    new Map(Object.entries(all).map(([name, source]) => [name, parseTarget(source)]));

  test("stand for their targets, also through each other", () => {
    const nodegroups = groups({ web: "web*", dev: "N@web and env:dev" });
    expect(matchTarget(parseTarget("N@dev"), node, { nodegroups })).toBe("yes");
    expect(matchTarget(parseTarget("not N@dev"), node, { nodegroups })).toBe("no");
  });

  test("the same target answers by the groups it is given", () => {
    const target = parseTarget("N@g");
    expect(matchTarget(target, node, { nodegroups: groups({ g: "web*" }) })).toBe("yes");
    expect(matchTarget(target, node, { nodegroups: groups({ g: "db*" }) })).toBe("no");
  });

  test("that use each other twice over cost no more than once", () => {
    const all: Record<string, string> = { g0: "db* or os:ubuntu" };
    for (let i = 1; i < 23; i++)
      all[`g${i}`] = `(N@g${i - 1} and web*) or N@g${i - 1} or (N@g${i - 1} and *)`;
    const matcher = compileTarget(parseTarget("N@g22"), { nodegroups: groups(all) });
    expect(Array.from({ length: 50 }, () => matcher({ ...node }))).not.toContain("yes");
  });

  test("the chain of one that is missing, or loops, or is too long is told", () => {
    const all = groups({ a: "N@b", b: "x or N@a", c: "N@webb", web: "*" });
    const compiled = (source: string) => () => compileTarget(parseTarget(source), { nodegroups: all });
    expect(compiled("N@a")).toThrow("the nodegroups loop: a → b → a");
    expect(compiled("N@c")).toThrow("there is no nodegroup `webb` (c → webb)");
    expect(compiled("N@wbe")).toThrow(
      expect.objectContaining({ code: "target/syntax", hint: "Did you mean `N@web`?" }),
    );
    expect(() => compileTarget(parseTarget("N@x"))).toThrow("there is no nodegroup `x`");
    const long = groups(Object.fromEntries(Array.from({ length: 5000 }, (_, i) => [`g${i}`, `N@g${i + 1}`])));
    expect(() => compileTarget(parseTarget("N@g0"), { nodegroups: long })).toThrow("levels deep");
  });
});
