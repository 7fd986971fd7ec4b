import { expect, test } from "vitest";

import { parseTarget } from "./parse.ts";
import { selectNodes } from "./select.ts";

test("matched and unknown ids come apart, each in the order of their characters", () => {
  const nodes = [
    { id: "web-2", grains: { os: "debian" }, assigned: {} },
    { id: "web-10", grains: { os: "debian" }, assigned: {} },
    { id: "db.1", grains: { os: "ubuntu" }, assigned: {} },
    { id: "new-b", assigned: {} },
    { id: "new-a", assigned: {} },
  ];
  expect(selectNodes(parseTarget("os:debian"), nodes)).toEqual({
    matched: ["web-10", "web-2"],
    unknown: ["new-a", "new-b"],
  });
  expect(selectNodes(parseTarget("not os:debian"), nodes)).toEqual({
    matched: ["db.1"],
    unknown: ["new-a", "new-b"],
  });
});

test("nodegroups are taken from what is given", () => {
  const nodegroups = new Map([["web", parseTarget("web*")]]);
  const nodes = [{ id: "web-1" }, { id: "db-1" }];
  expect(selectNodes(parseTarget("N@web"), nodes, nodegroups)).toEqual({ matched: ["web-1"], unknown: [] });
});

test("ten thousand nodes are told apart", () => {
  const nodes = Array.from({ length: 10_000 }, (_, i) => ({
    id: `n-${i}`,
    grains: { os: i % 2 === 0 ? "debian" : "ubuntu", ram: `${i % 128}GiB` },
    assigned: { env: i % 3 === 0 ? "dev" : "prod" },
  }));
  const { matched } = selectNodes(parseTarget("env:dev and P@os:deb(ian)?$ and ram>=64GiB and n-*"), nodes);
  expect(matched).toHaveLength(nodes.filter((_, i) => i % 6 === 0 && i % 128 >= 64).length);
});
