/** Which gates are waited for after a restart. */
import { compileCatalog, type Declaration, gate, pkg, service, states, type AnySpec } from "@boma/states";
import { expect, test } from "vitest";

import { gatesBehind } from "./gates-behind.ts";

const specs = Object.fromEntries(
  Object.entries(states).map(([name, { spec }]): [string, AnySpec] => [name, spec]),
);
const behind = (declarations: readonly Declaration[], id: string) => [
  ...gatesBehind(compileCatalog(declarations).catalog, new Set([id]), specs),
];

const up = (stage?: "consul") => service.running("consul", { restart: "window", ...(stage && { stage }) });
const consul = "service.running(consul)";

test("those that hang on it in its own stage, also by way of others, and no other state", () => {
  const unit = up("consul");
  const next = service.running("helper", { stage: "consul", require: unit });
  const direct = gate.unit("consul", { stage: "consul", require: unit });
  const far = gate.unit("helper", { stage: "consul", require: next });
  const above = gate.unit("nomad", { stage: "nomad", require: far });
  const apart = gate.unit("chrony", { stage: "consul" });
  expect(
    behind([unit, next, direct, far, above, apart, pkg.installed("x", { require: unit })], consul),
  ).toEqual(["gate.unit(consul)", "gate.unit(helper)"]);
});

test("of a unit without a stage, all that hang on it", () => {
  const unit = up();
  expect(behind([unit, gate.unit("consul", { stage: "consul", require: unit })], consul)).toEqual([
    "gate.unit(consul)",
  ]);
});
