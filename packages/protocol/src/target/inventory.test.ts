import { describe, expect, test } from "vitest";

import { BomaError } from "../errors.ts";
import { parseInventory } from "./inventory.ts";
import { parseTarget } from "./parse.ts";
import { selectNodes } from "./select.ts";

function select(source: string, json: unknown) {
  const { nodes, nodegroups } = parseInventory(json);
  return selectNodes(parseTarget(source), nodes, nodegroups);
}

function errorOf(json: unknown): BomaError {
  try {
    parseInventory(json);
  } catch (thrown) {
    if (thrown instanceof BomaError) return thrown;
    throw thrown;
  }
  throw new Error("the inventory was read without an error");
}

const fleet = {
  nodes: {
    salty: { grains: { env: "dev", os: "debian" } },
    both: { grains: { env: "dev", os: "debian" }, assigned: { env: "prod" } },
    quiet: { assigned: { env: "dev" }, pillar: { app: { port: 80 } } },
    bare: {},
  },
  nodegroups: { dev: "env:dev", debs: "N@dev and os:debian" },
};

test.each<[string, string[], string[]]>([
  ["env:dev", ["quiet", "salty"], ["bare"]],
  ["claimed.env:dev", ["both", "salty"], ["bare", "quiet"]],
  ["os:debian", ["both", "salty"], ["bare", "quiet"]],
  ["not os:debian", [], ["bare", "quiet"]],
  ["N@debs", ["salty"], ["bare", "quiet"]],
  ["I@app:port:80", ["quiet"], ["bare", "both", "salty"]],
  ["*", ["bare", "both", "quiet", "salty"], []],
])("%s in an inventory", (source, matched, unknown) => {
  expect(select(source, fleet)).toEqual({ matched, unknown });
});

describe("a file that is not an inventory", () => {
  test.each<[string, unknown, RegExp]>([
    ["not a map", [], /the inventory: .*object/],
    ["null", null, /the inventory: .*object/],
    ["no nodes", {}, /at nodes: /],
    ["a list of nodes", { nodes: [] }, /at nodes: /],
    ["a bad id", { nodes: { "Web 1": {} } }, /at nodes\.Web 1: an id matches/],
    [
      "a prototype as an id",
      JSON.parse('{"nodes": {"a\\u001b": {}}}'),
      /at nodes\.a\u{fffd}: an id matches/u,
    ],
    ["a misspelt part", { nodes: { a: { grain: {} } } }, /at nodes\.a: .*"grain"/],
    ["grains as a list", { nodes: { a: { grains: [] } } }, /at nodes\.a\.grains: /],
    [
      "a strange value",
      { nodes: { a: { grains: { k: undefined } } } },
      /at nodes\.a\.grains\.k: expected text/,
    ],
    [
      "a group that is no text",
      { nodes: {}, nodegroups: { g: ["a"] } },
      /at nodegroups\.g: a nodegroup is a target/,
    ],
  ])("%s", (_name, json, message) => {
    const error = errorOf(json);
    expect(error.code).toBe("usage/file");
    expect(error.message).toMatch(message);
  });

  test("that is nested without end is refused without being walked into", () => {
    let deep: unknown = "x";
    for (let i = 0; i < 100_000; i++) deep = { a: deep };
    expect(errorOf({ nodes: { a: { grains: { k: deep } } } }).message).toContain("nested deeper");
  });
});

test("what is wrong in a nodegroup is refused with its name, used or not", () => {
  const wrong = (nodegroups: Record<string, string>) => {
    const { code, message } = errorOf({ nodes: {}, nodegroups });
    return `${code}: ${message}`;
  };
  expect([
    wrong({ web: "web* && x" }),
    wrong({ a: "N@b", b: "N@c", c: "not N@a" }),
    wrong({ a: "N@b" }),
    wrong({ "a b": "x" }),
  ]).toMatchInlineSnapshot(`
    [
      "target/syntax: in nodegroup \`web\`: \`&&\` is not an operator
      web* && x
           ^",
      "target/syntax: the nodegroups loop: a → b → c → a",
      "target/syntax: there is no nodegroup \`b\` (a → b)",
      "target/syntax: \`a b\` cannot be a nodegroup's name",
    ]
  `);
});

test("grains that are called like a prototype change nothing about the others", () => {
  const json: unknown = JSON.parse('{"nodes": {"a": {"grains": {"__proto__": {"env": "prod"}}}}}');
  expect(select("env:prod", json)).toEqual({ matched: [], unknown: [] });
  expect(({} as { env?: string }).env).toBeUndefined();
});
