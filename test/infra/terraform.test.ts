/**
 * Goal: a workspace is planned, approved by somebody else, and applied once, by the real OpenTofu; what was not read is
 * not done, and nothing is destroyed that nobody said may be.
 * Method: a real master, bus and agent, whose node is this machine, and the provider that is built in.
 */
import { readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import type { BackupList, DriftResult, OutputResult, PlanResult } from "@boma/states";
import { afterAll, beforeAll, expect, test } from "vitest";

import { TerraformFleet } from "../support/terraform.ts";

let world: TerraformFleet;
beforeAll(async () => {
  world = await TerraformFleet.start();
});
afterAll(() => world[Symbol.asyncDispose]());

/** One thing that holds a text, and an output that says it. */
const holding = (name: string, text: string): string => `
resource "terraform_data" "${name}" { input = ${JSON.stringify(text)} }
output "${name}" { value = terraform_data.${name}.output }
`;

test("a plan says what it would do by address, is approved by another operator, and is applied", async () => {
  world.workspace("first", holding("a", "one"));
  const { return: found, job, error } = await world.end<PlanResult>("plan", "first");
  expect(error).toBeUndefined();
  expect(found).toMatchObject({
    counts: { add: 1, change: 0, replace: 0, destroy: 0 },
    changes: [{ address: "terraform_data.a", action: "create", attributes: { input: { to: "one" } } }],
    bound: { serial: 0, lineage: null },
  });
  expect(await world.plan("first", job)).toMatchObject({
    state: "planned",
    by: expect.any(String) as string,
  });
  expect(await world.refusal("apply", "first", job)).toMatchObject({ code: "terraform/plan" });
  expect(await world.refusal("approve", "first", job)).toMatchObject({ code: "terraform/approval" });
  await world.approve("first", job.slice(0, 16));
  const { code, status, return: applied } = await world.apply("first", job);
  expect({ code, status, applied }).toMatchObject({ code: 0, status: "changed", applied: { applied: true } });
  expect(await world.plan("first", job)).toMatchObject({ state: "applied" });
  const { return: outputs } = await world.end<OutputResult>("output", "first");
  expect(outputs.outputs).toEqual({ a: { sensitive: false, value: "one" } });
  expect((await world.end<PlanResult>("plan", "first")).return).toMatchObject({
    changes: [],
    counts: { add: 0 },
  });
});

test("of two plans that were made from the same empty state, the second is stale once the first is applied", async () => {
  world.workspace("twice", holding("a", "once"));
  const [one, two] = [await world.approved("twice"), await world.approved("twice")];
  expect((await world.apply("twice", one)).return).toMatchObject({ applied: true });
  const { error } = await world.apply("twice", two);
  expect(error).toMatchObject({ code: "terraform/moved" });
  expect(error?.message).toMatch(/the state was empty when it was made, and is at serial \d+/);
  expect(await world.plan("twice", two)).toMatchObject({ state: "failed" });
  expect(await world.refusal("apply", "twice", one)).toMatchObject({ code: "terraform/plan" });
});

test("a plan that was approved is stale when the files or the variables of its workspace change", async () => {
  world.workspace("moved", `variable "v" { type = string }\n${holding("a", "x")}`, 'vars: { v: "1" }');
  const [files, inputs] = [await world.approved("moved"), await world.approved("moved")];
  world.write("terraform/moved/more.tf", holding("b", "y"));
  expect((await world.apply("moved", files)).error).toMatchObject({
    code: "terraform/moved",
    message: expect.stringContaining("the files of the workspace") as string,
  });
  rmSync(join(world.site, "terraform/moved/more.tf"));
  world.workspace("moved", `variable "v" { type = string }\n${holding("a", "x")}`, 'vars: { v: "2" }');
  expect((await world.apply("moved", inputs)).error).toMatchObject({
    code: "terraform/moved",
    message: expect.stringContaining("the variables or the settings") as string,
  });
});

test("a plan that destroys is refused on the node, until the site says that so many may be", async () => {
  world.workspace("end", holding("a", "x") + holding("b", "y"));
  await world.make("end");
  world.workspace("end", holding("a", "x"));
  const { status, return: found } = await world.end<PlanResult>("plan", "end");
  expect({ status, found }).toMatchObject({
    status: "failed",
    found: { counts: { destroy: 1 }, violations: [expect.stringContaining("terraform_data.b") as string] },
  });
  expect(found).not.toHaveProperty("bound");
  expect(readdirSync(join(world.dirOf("end"), "plans")).filter((name) => name.endsWith(".sealed"))).toEqual(
    [],
  );
  world.workspace("end", holding("a", "x"), 'policy: { maxDestroy: 1, protect: ["terraform_data.b"] }');
  expect((await world.end<PlanResult>("plan", "end")).return.violations).toEqual([
    "terraform_data.b is protected, and would be destroyed",
  ]);
  world.workspace("end", holding("a", "x"), "policy: { maxDestroy: 1 }");
  await world.make("end");
  expect((await world.end<OutputResult>("output", "end")).return.outputs).toEqual({
    a: { sensitive: false, value: "x" },
  });
});

test("of two who apply the same plan at once one does, and the other hears who does", async () => {
  world.workspace("race", holding("a", "x"));
  const plan = await world.approved("race");
  const ends = await Promise.all([1, 2, 3].map(() => world.terraform("apply", "race", plan)));
  expect(ends.map(({ code }) => code).toSorted((a, b) => a! - b!)).toEqual([0, 2, 2]);
  for (const { code, stdout } of ends)
    if (code === 2) expect(stdout).toMatch(/"code":"terraform\/plan".*(is at it|it is applied)/);
  expect(await world.plan("race", plan)).toMatchObject({ state: "applied" });
});

test("drift is what the world says otherwise than the state, and ends the command with 1", async () => {
  const file = join(world.fleet.dir, "outside");
  writeFileSync(file, "as made");
  world.workspace("drift", `output "outside" { value = file(${JSON.stringify(file)}) }`);
  await world.make("drift");
  expect(await world.end<DriftResult>("drift", "drift")).toMatchObject({
    code: 0,
    return: { drifted: false },
  });
  writeFileSync(file, "by somebody");
  expect(await world.end<DriftResult>("drift", "drift")).toMatchObject({
    code: 1,
    return: { drifted: true, outputs: [{ name: "outside", action: "update" }] },
  });
});

test("a plan that is not on the node any more, or was altered there, is told and not applied", async () => {
  world.workspace("gone", holding("a", "x"));
  const [removed, altered] = [await world.approved("gone"), await world.approved("gone")];
  const plans = join(world.dirOf("gone"), "plans");
  rmSync(join(plans, `${removed}.sealed`));
  expect((await world.apply("gone", removed)).error).toMatchObject({ code: "terraform/gone" });
  writeFileSync(join(plans, `${altered}.sealed`), "something else");
  expect((await world.apply("gone", altered)).error).toMatchObject({ code: "terraform/gone" });
});

test("a plan that is discarded goes from the node, and is not applied", async () => {
  world.workspace("discard", holding("a", "x"));
  const plan = await world.approved("discard");
  expect(await world.end("discard", "discard", plan)).toMatchObject({ code: 0, return: { was: true } });
  expect(await world.refusal("apply", "discard", plan)).toMatchObject({
    code: "terraform/plan",
    message: expect.stringContaining("discarded by") as string,
  });
});

test("the state from before an apply is kept, and can be put back", async () => {
  world.workspace("back", holding("a", "first"));
  const before = await world.make("back");
  world.workspace("back", holding("a", "second"));
  const { backup } = await world.make("back");
  expect(await world.end<BackupList>("backups", "back")).toMatchObject({
    return: { backups: [{ backup, serial: before.state.serial }] },
  });
  expect(await world.end("restore", "back", backup!)).toMatchObject({ code: 0, status: "changed" });
  expect((await world.end<OutputResult>("output", "back")).return.outputs["a"]).toEqual({
    sensitive: false,
    value: "first",
  });
});
