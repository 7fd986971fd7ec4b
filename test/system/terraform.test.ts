/**
 * Goal: what is wrong with a workspace, or with who asks, is told before anything is sent; and what a node refuses whoever
 * asks, it refuses.
 * Method: a real master, bus and agents, and no Terraform: with the real one it goes on in test/infra/.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

import { afterAll, beforeAll, expect, test } from "vitest";

import { Fleet } from "../support/fleet.ts";
import { type Failure, run } from "../support/run.ts";

let fleet: Fleet;
beforeAll(async () => {
  fleet = await Fleet.start();
  await fleet.agent("web01", { env: "dev" });
  await fleet.agent("web02", { env: "dev" });
});
afterAll(() => fleet[Symbol.asyncDispose]());

function write(path: string, text: string): void {
  const file = join(fleet.home, "site", path);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
}
const workspace = (name: string, on: string, more = ""): void => {
  write(`terraform/${name}/main.tf`, 'resource "terraform_data" "a" {}\n');
  write(
    `terraform/${name}/workspace.ts`,
    `import { terraformWorkspace } from "@boma/states";\nexport default terraformWorkspace({ on: ${JSON.stringify(on)}, ${more} });\n`,
  );
};
const refused = async (...words: readonly string[]) => {
  const { code, value } = await fleet.json<Failure>(...words);
  return { ...value.error, code };
};

test("workspaces are listed with their nodes, and one that means several or none says so", async () => {
  workspace("edge", "L@web01");
  workspace("both", "env:dev");
  workspace("none", "L@web99");
  const { value } = await fleet.json<{ name: string; node?: string; problem?: string }[]>(
    "terraform",
    "list",
  );
  expect(value).toMatchObject([
    { name: "both", problem: expect.stringMatching(/exactly one node.*2 nodes \(web01, web02\)/) as string },
    { name: "edge", node: "web01" },
    { name: "none", problem: expect.stringMatching(/no node/) as string },
  ]);
  expect(await refused("terraform", "plan", "both")).toMatchObject({
    code: 2,
    message: expect.stringContaining("2 nodes") as string,
  });
});

test("a workspace that the site has not is refused with the name that was meant", async () => {
  expect(await refused("terraform", "plan", "edgy")).toMatchObject({
    code: 2,
    message: expect.stringContaining('no workspace "edgy"') as string,
    hint: "Did you mean `edge`?",
  });
});

test("a workspace is planned on its own node and on no other, whatever the target says", async () => {
  workspace("edge", "L@web01");
  expect(await refused("run", "web02", "terraform.plan", "edge")).toMatchObject({
    code: 2,
    message: "edge is not web02's",
  });
  expect(await refused("run", "*", "terraform.plan", "edge")).toMatchObject({
    message: expect.stringContaining("is for one node") as string,
  });
});

test("what is wrong in workspace.ts is told with its place, by `check` and by a plan", async () => {
  workspace("wrong", "L@web01", "policy: { maxDestroy: -1 }");
  expect(await refused("terraform", "plan", "wrong")).toMatchObject({
    code: 2,
    message: expect.stringMatching(/terraform\/wrong\/workspace\.ts[\s\S]*maxDestroy/) as string,
  });
  const { stdout } = await fleet.run("check", "--no-types", "--json");
  expect(stdout).toContain("terraform/wrong/workspace.ts");
  write("terraform/wrong/workspace.ts", "export default {};\n");
  expect(await refused("terraform", "plan", "wrong")).toMatchObject({
    message: expect.stringContaining("not what `terraformWorkspace` gives") as string,
  });
  workspace("wrong", "L@web01");
});

test("a workspace for whom a node claims to be is refused: a node does not choose what it holds", async () => {
  workspace("wrong", "os:debian");
  expect(await refused("terraform", "plan", "wrong")).toMatchObject({
    message: expect.stringContaining("which a node claims of itself") as string,
  });
  workspace("wrong", "L@web01");
});

test("a state in the site is refused, for it holds secrets", async () => {
  workspace("edge", "L@web01");
  workspace("stateful", "L@web01");
  write("terraform/stateful/terraform.tfstate.backup", "{}");
  expect(await refused("terraform", "plan", "stateful")).toMatchObject({
    message: expect.stringContaining("terraform.tfstate.backup is a state") as string,
  });
  // Another workspace is not kept back by it.
  expect((await run(fleet, "web01", "terraform.plan", "edge")).value.nodes["web01"]).toBeDefined();
});

test("an agent that is confined runs no program, and so no workspace", async () => {
  workspace("edge", "L@web01");
  const { code, value } = await run(fleet, "web01", "terraform.plan", "edge");
  expect({ code, end: value.nodes["web01"] }).toMatchObject({
    code: 1,
    end: { status: "refused", error: { code: "confined/refused" } },
  });
});

test("nobody applies or approves what was not planned, nor with words of his own for what was", async () => {
  workspace("edge", "L@web01");
  const plan = "01K9ZC0000000000000000000A";
  expect(await refused("terraform", "apply", "edge", plan)).toMatchObject({
    code: 2,
    message: expect.stringContaining("no plan") as string,
  });
  expect(await refused("terraform", "approve", "edge", plan)).toMatchObject({ code: 2 });
  const bound = {
    sha256: "0".repeat(64),
    serial: 0,
    lineage: null,
    version: "tofu 1",
    files: "0".repeat(64),
    inputs: "0".repeat(64),
  };
  expect(
    await refused("run", "web01", "terraform.apply", "edge", plan, `bound=${JSON.stringify(bound)}`),
  ).toMatchObject({ code: 2, message: expect.stringContaining("no plan") as string });
});

test("who may not run a function on the node of a workspace does not plan it", async () => {
  workspace("edge", "L@web01");
  const file = join(fleet.dir, "reader.json");
  await fleet.ok("operator", "add", "reader", "--read", "--run", "test.*@*", "--out", file);
  const { code, value } = await fleet.json<Failure>("terraform", "plan", "edge", "--operator", file);
  expect({ code, error: value.error }).toMatchObject({ error: { code: "operator/denied" } });
});

test("a schedule does not run a workspace: nobody would have approved it", async () => {
  write(
    "top.ts",
    `import { schedule, top, tree } from "@boma/states";
export default top({ "L@web01": tree(() => [schedule.job("nightly", { function: "terraform.drift", args: { workspace: "edge" }, every: "1h" })]) });\n`,
  );
  const { code, stdout } = await fleet.run("plan", "web01", "--json");
  expect(code).toBe(2);
  expect(stdout).toContain("needs a catalog of its own from the master");
});
