/**
 * Goal: what goes wrong in the middle of an apply leaves nothing that is begun twice, no state that is lost, and no secret
 * anywhere; what is wrong before it is told with what to do.
 * Method: the real OpenTofu in applies that wait for a file, while agents and masters are killed; canaries; a backend with
 * a lock of the test's own.
 */
import { chmodSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import type { ApplyResult, OutputResult, PlanResult } from "@boma/states";
import { afterAll, beforeAll, expect, test } from "vitest";

import { newCanary } from "../support/canary.ts";
import { StateServer } from "../support/state-server.ts";
import { NODE, TerraformFleet } from "../support/terraform.ts";

let world: TerraformFleet;
beforeAll(async () => {
  world = await TerraformFleet.start();
});
afterAll(() => world[Symbol.asyncDispose]());

const gate = (name: string): string => join(world.fleet.dir, `gate-${name}`);
const open = (name: string): void => writeFileSync(gate(name), "");

/** Says that it began, and waits until the test opens its gate. */
const waiting = (name: string, more = ""): string => `
resource "terraform_data" "slow" {
  provisioner "local-exec" {
    command = "echo it began; until [ -e ${gate(name)} ]; do sleep 0.1; done; echo it ends"
    ${more}
  }
}
`;

/** An apply that is in the middle of it. */
async function begun(workspace: string, plan: string) {
  const apply = world.spawn("apply", workspace, plan);
  const job = (await apply.line(/^job [0-9A-Z]{26}:/)).slice(4, 30);
  await apply.line(/\(local-exec\): it began/);
  return { apply, job };
}

/** A secret of the master, as the site refers to it. */
function secret(name: string, value: string): string {
  const dir = join(world.fleet.home, "secrets");
  mkdirSync(dir, { recursive: true });
  chmodSync(dir, 0o700);
  writeFileSync(join(dir, name), value, { mode: 0o600 });
  return `secret(${JSON.stringify(`file:${join(dir, name)}`)})`;
}

const stateOf = async (workspace: string, plan: string): Promise<string> =>
  (await world.plan(workspace, plan)).state;

test("an agent that is killed in an apply leaves it to its end, knows the plan as used, and nobody says that it failed", async () => {
  world.workspace("killed", waiting("killed"));
  const plan = await world.approved("killed");
  const { apply } = await begun("killed", plan);
  await world.fleet.agents.get(NODE)!.stop("SIGKILL");
  await world.fleet.restart(NODE, { unconfined: true });
  const { code, stdout, stderr } = await apply.ended;
  expect({ code, text: stdout + stderr }).toMatchObject({
    code: 1,
    text: expect.stringContaining("the agent stopped while terraform.apply ran") as string,
  });
  expect(await world.plan("killed", plan)).toMatchObject({ state: "unknown" });
  expect(await world.refusal("apply", "killed", plan)).toMatchObject({
    message: expect.stringContaining("nobody knows how that ended") as string,
  });
  // What the killed agent had started is still at it, however often one asks.
  for (const ask of ["plan", "drift"])
    expect((await world.end(ask, "killed")).error).toMatchObject({
      code: "terraform/busy",
      message: expect.stringContaining("outlived the agent") as string,
    });
  open("killed");
  await expect.poll(async () => (await world.end("plan", "killed")).error?.code, POLL).toBeUndefined();
  // Its state was written: there is nothing left to do.
  expect((await world.end<PlanResult>("plan", "killed")).return).toMatchObject({ changes: [] });
  expect(readdirSync(join(world.dirOf("killed"), "plans"))).toContain(`${plan}.used`);
});

const POLL = { timeout: 60_000, interval: 200 };

test("a master that is killed in an apply knows afterwards how it ended", async () => {
  world.workspace("master", waiting("master"));
  const plan = await world.approved("master");
  const { apply } = await begun("master", plan);
  await world.fleet.master.stop("SIGKILL");
  await world.fleet.serve();
  expect(await stateOf("master", plan)).toBe("consuming");
  open("master");
  await expect.poll(() => stateOf("master", plan), POLL).toBe("applied");
  expect((await apply.ended).code).toBe(0);
});

test("a second plan is not begun while the first is under way, and stays approved", async () => {
  world.workspace("busy", waiting("busy"));
  const [first, second] = [await world.approved("busy"), await world.approved("busy")];
  const { apply } = await begun("busy", first);
  expect((await world.apply("busy", second)).error).toMatchObject({ code: "terraform/busy" });
  expect(await world.plan("busy", second)).toMatchObject({
    state: "approved",
    comment: expect.stringContaining("terraform.apply of job") as string,
  });
  open("busy");
  expect((await apply.ended).code).toBe(0);
  expect((await world.apply("busy", second)).error).toMatchObject({ code: "terraform/moved" });
});

test("a cancelled apply ends in order: its state is written, and nothing stays locked", async () => {
  world.workspace("cancelled", waiting("cancelled"), "policy: { maxDestroy: 1 }");
  const plan = await world.approved("cancelled");
  const { apply, job } = await begun("cancelled", plan);
  await world.fleet.ok("jobs", "cancel", job);
  const { code, stdout } = await apply.ended;
  expect({ code, stdout }).toMatchObject({
    code: 1,
    stdout: expect.stringContaining("Interrupt received") as string,
  });
  expect(["failed", "unknown"]).toContain(await stateOf("cancelled", plan));
  open("cancelled");
  // What was made half is in the state, and is made anew.
  await expect
    .poll(async () => (await world.end<PlanResult>("plan", "cancelled")).return?.changes, POLL)
    .toMatchObject([
      { address: "terraform_data.slow", action: "replace", reason: "replace_because_tainted" },
    ]);
});

test("a secret reaches the program, and nothing else: no stream, no file, no screen, no command line", async () => {
  const canary = newCanary();
  const got = join(world.fleet.dir, "got");
  const token = secret("cloud", canary.value);
  world.workspace(
    "canary",
    `variable "token" { type = string }
variable "login" { type = object({ user = string, password = string }) }
${waiting("canary", 'environment = { TOKEN = "${var.token}${var.login.password}" }').replace("echo it began", `printf %s \\"$TOKEN\\" > ${got}; echo it began with \\"$TOKEN\\"`)}
resource "terraform_data" "holds" { input = "x${"${var.token}"}y" }
output "shown" { value = "x${"${var.token}"}" }
output "hidden" {
  value     = var.token
  sensitive = true
}
`,
    `vars: { token: ${token}, login: { user: "u", password: ${token} } }, env: { CLOUD_TOKEN: ${token} }`,
  );
  const planned = await world.terraform("plan", "canary");
  const { job: plan } = JSON.parse(planned.stdout) as { job: string };
  await world.approve("canary", plan);
  const shown = await world.terraform("show", "canary", plan);
  const { apply } = await begun("canary", plan);
  const during = canary.inProcesses(process.pid).filter(({ place }) => place.startsWith("argv"));
  open("canary");
  const applied = await apply.ended;
  expect(applied.code).toBe(0);
  expect(readFileSync(got, "utf8")).toBe(canary.value + canary.value);
  const outputs = await world.terraform("output", "canary");
  expect(
    (JSON.parse(outputs.stdout) as { nodes: Record<string, { return: OutputResult }> }).nodes[NODE]!.return,
  ).toEqual({
    workspace: "canary",
    outputs: {
      shown: { sensitive: false, value: "x•••" },
      hidden: { sensitive: true, value: "(sensitive)" },
    },
  });
  const events = await world.fleet.ok("events", "--since", "1h", "--json");
  const screens = Object.fromEntries(
    Object.entries({ planned, shown, applied, outputs }).flatMap(([name, { stdout, stderr }]) => [
      [`${name} out`, stdout],
      [`${name} err`, stderr],
    ]),
  );
  // The state is Terraform's own, and holds what it was told to hold: where it lies is said in the docs.
  const state = join(world.dirOf("canary"), "state");
  const files = canary
    .inFiles(world.fleet.home, join(world.fleet.dir, NODE))
    .filter(({ place }) => !place.includes(state) && !place.includes("secrets/cloud"));
  expect({ during, files, screens: canary.inTexts({ ...screens, events }) }).toEqual({
    during: [],
    files: [],
    screens: [],
  });
});

test("a lock that somebody left in the backend is named, and taken away on request", async () => {
  await using server = await StateServer.start("s3cret-of-the-backend");
  const password = secret("backend", server.password);
  const { url } = server;
  world.workspace(
    "remote",
    'resource "terraform_data" "a" {}',
    `lockTimeout: "0s",
    backend: { type: "http", config: { address: "${url}", lock_address: "${url}", unlock_address: "${url}", username: "boma" } },
    env: { TF_HTTP_PASSWORD: ${password} }`,
  );
  await world.make("remote");
  expect(JSON.parse(server.state)).toMatchObject({ resources: [{ name: "a" }] });
  server.lock = {
    ID: "8c1a3a5e-0c2f-4f0b-9a53-2f1c8b8d7a11",
    Who: "somebody",
    Operation: "OperationTypeApply",
  };
  world.workspaceFile("remote", "more.tf", 'resource "terraform_data" "b" {}');
  const { error } = await world.end("plan", "remote");
  expect(error).toMatchObject({
    code: "terraform/busy",
    hint: expect.stringContaining("terraform unlock remote 8c1a3a5e-0c2f-4f0b-9a53-2f1c8b8d7a11") as string,
  });
  expect(await world.end("unlock", "remote", server.lock.ID)).toMatchObject({ code: 0 });
  expect(await world.end<PlanResult>("plan", "remote")).toMatchObject({
    code: 0,
    return: { counts: { add: 1 } },
  });
  const { return: applied } = await world.end<ApplyResult>("apply", "remote", await world.approved("remote"));
  expect(applied).toMatchObject({ applied: true });
});

test("a state that the backend does not take is kept on the node, and put back from there", async () => {
  await using server = await StateServer.start("s3cret-of-the-backend");
  const password = secret("backend", server.password);
  world.workspace(
    "refused",
    'resource "terraform_data" "made" {}',
    `backend: { type: "http", config: { address: "${server.url}", username: "boma", retry_max: 0 } },
    env: { TF_HTTP_PASSWORD: ${password} }`,
  );
  const plan = await world.approved("refused");
  server.isFull = true;
  const { return: result } = await world.apply("refused", plan);
  expect(result).toMatchObject({ applied: false, rescued: expect.stringMatching(/^\d+-\d+$/) as string });
  server.isFull = false;
  expect(await world.end("restore", "refused", result.rescued!)).toMatchObject({ code: 0 });
  expect(JSON.parse(server.state)).toMatchObject({ resources: [{ name: "made" }] });
  expect((await world.end<PlanResult>("plan", "refused")).return).toMatchObject({ changes: [] });
});

test.each<[string, string, string, object]>([
  ["another version than the workspace wants", "", 'version: "9.9.9"', { code: "terraform/program" }],
  [
    "a variable that nobody gives a value",
    'variable "v" { type = string }',
    "",
    {
      code: "terraform/failed",
      message: expect.stringContaining("No value for required variable") as string,
    },
  ],
  [
    "a backend in the files, where the state would be another one",
    'terraform {\n  backend "local" {}\n}',
    "",
    {
      code: "terraform/failed",
      message: expect.stringContaining("Duplicate backend configuration") as string,
    },
  ],
  [
    "files that are not valid",
    'output "x" { value = terraform_data.none.id }',
    "",
    { code: "terraform/failed", message: expect.stringContaining("main.tf:1") as string },
  ],
  [
    "a provider without a lock file",
    'terraform {\n  required_providers {\n    x = { source = "example.com/x/x" }\n  }\n}',
    'pluginMirror: "/var/empty-mirror"',
    { code: "terraform/failed", hint: expect.stringContaining("tofu providers lock") as string },
  ],
])("a plan says what is wrong: %s", async (_, tf, options, error) => {
  world.workspace("wrong", tf, options);
  expect((await world.end("plan", "wrong")).error).toMatchObject(error);
});

test("a program that is not there is named, with what to do", async () => {
  world.write(
    "terraform/nowhere/workspace.ts",
    `import { terraformWorkspace } from "@boma/states";
export default terraformWorkspace({ on: "L@${NODE}", program: "/opt/none/tofu" });\n`,
  );
  world.write("terraform/nowhere/main.tf", "");
  expect((await world.end("plan", "nowhere")).error).toMatchObject({
    code: "terraform/program",
    message: "there is no /opt/none/tofu on this node",
    hint: expect.stringContaining("pkg.installed") as string,
  });
});
