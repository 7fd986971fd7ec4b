/** What declarations need of others gets where it is gathered, when a catalog is compiled. */
import { expect, test } from "vitest";
import { z } from "zod";

import { defineState } from "../define-state.ts";
import { secret } from "../secret.ts";
import { compileCatalog } from "./compile.ts";
import { OwnedNeed, type PortNeed } from "./needs.ts";

const daemon = defineState({
  name: "trial.daemon",
  summary: "Listens.",
  key: "name",
  params: z.strictObject({ name: z.string(), port: z.number(), password: z.string().optional() }),
  secretive: ["password"],
  needs: ({ name, port }): PortNeed[] => [{ name, proto: "tcp", port, exposure: "lan" }],
  check: async () => ({}),
  apply: async () => undefined,
  examples: [],
});

const wall = defineState({
  name: "trial.wall",
  summary: "Lets in what is needed.",
  key: "name",
  params: z.strictObject({ name: z.string(), needs: z.array(OwnedNeed).default([]) }),
  gathers: (want, needs) => ({ ...want, needs: [...needs] }),
  check: async () => ({}),
  apply: async () => undefined,
  examples: [],
});

const gathered = (...declarations: Parameters<typeof compileCatalog>[0]) =>
  compileCatalog(declarations).catalog.entries.find(({ state }) => state === "trial.wall")!.params["needs"];

test("each need comes with the declaration that has it, whoever was declared first", () => {
  const needs = gathered(wall("w"), daemon("web", { port: 80 }), daemon("db", { port: 5432 }));
  expect(needs).toEqual([
    { name: "web", proto: "tcp", port: 80, exposure: "lan", owner: "trial.daemon(web)" },
    { name: "db", proto: "tcp", port: 5432, exposure: "lan", owner: "trial.daemon(db)" },
  ]);
  expect(gathered(wall("w"))).toEqual([]);
});

test("a need is known though a secret of its declaration is not", () => {
  expect(gathered(wall("w"), daemon("web", { port: 80, password: secret("env:PASSWORD") }))).toHaveLength(1);
});

test("a need that cannot be is a fault of the declaration that has it", () => {
  expect(() => gathered(wall("w"), daemon("web", { port: 70_000 }))).toThrow(/trial\.daemon\(web\)/);
});

test("a declaration stands where its state stands, or where it says, and an entry says on what", () => {
  const staged = defineState({
    ...daemon.spec,
    name: "trial.staged",
    stage: "vault",
    awaits: ({ name }) => (name === "alone" ? [] : ["consul"]),
  });
  const { entries } = compileCatalog([
    daemon("web", { port: 80 }),
    staged("with", { port: 81 }),
    staged("alone", { port: 82, stage: "apps" }),
  ]).catalog;
  expect(entries.map(({ stage, awaits }) => [stage, awaits])).toEqual([
    [undefined, undefined],
    ["vault", ["consul"]],
    ["apps", []],
  ]);
});
