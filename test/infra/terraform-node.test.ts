/**
 * Goal: a node begins a plan once, whoever orders it and whatever was done to its state in between, and applies what was
 * planned there or nothing.
 * Method: the workspaces of an agent with the real OpenTofu, and orders that no honest master would send.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import {
  type JobOrder,
  newJobId,
  newSealingKey,
  type NodeEventBody,
  pack,
  type SealingKey,
  sealTo,
} from "@boma/protocol";
import { type Bound, compileCatalog, declare, type Parcel, workspaceSpec } from "@boma/states";
import { afterEach, beforeAll, beforeEach, expect, test } from "vitest";

import { realHost } from "../../packages/agent/src/host/hosts.ts";
import { NodeWorkspaces } from "../../packages/agent/src/terraform/node-workspaces.ts";
import { WorkspaceStore } from "../../packages/agent/src/terraform/workspace-store.ts";
import { mustRun } from "../support/hosts/program.ts";
import { ensureProgram } from "../support/infra/build.ts";
import { PROGRAMS } from "../support/infra/programs.ts";

let tofu: string;
beforeAll(async () => {
  tofu = await ensureProgram(PROGRAMS.tofu);
});

let dir: string;
let key: SealingKey;
let told: NodeEventBody[];
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), "boma-node-"));
  key = newSealingKey();
  told = [];
});
afterEach(() => rm(dir, { recursive: true, force: true }));

const MAIN = 'resource "terraform_data" "a" { input = "x" }\n';

interface Given {
  readonly main?: string;
  readonly params?: object;
  readonly at?: string;
  readonly signal?: AbortSignal;
}

/** A node after its start, with an order that brings this workspace. */
function node(name: string, { main = MAIN, params = {}, at = dir, signal }: Given = {}) {
  const files = [{ path: "edge/main.tf", bytes: Buffer.from(main) }];
  const declared = declare(workspaceSpec, "edge", { program: tofu, files, ...params });
  const { catalog } = compileCatalog([declared]);
  const parcel: Parcel = { catalog, partial: true, secrets: {} };
  const workspaces = new NodeWorkspaces({
    dir: at,
    durable: true,
    machine: realHost,
    sealKey: () => key,
    fetch: async () => sealTo(key.publicKey, pack(parcel)),
    now: Date.now,
    tell: (event) => told.push(event),
  });
  const order: JobOrder = {
    job: newJobId(),
    function: name,
    args: { workspace: "edge" },
    timeoutMs: 60_000,
    test: false,
    operator: "o",
    issuedAt: 0,
    expiresAt: 0,
    parcel: { digest: "0".repeat(64), parts: 1, bytes: 1 },
  };
  const call = { signal: signal ?? new AbortController().signal, line: () => undefined };
  return { job: order.job, runner: workspaces.runnerFor(order, call)! };
}

async function planned(given: Given = {}): Promise<{ plan: string; bound: Bound }> {
  const { job, runner } = node("terraform.plan", given);
  const { bound } = await runner.plan({ destroy: false });
  return { plan: job, bound: bound! };
}
const apply = ({ plan, bound }: { plan: string; bound: Bound }, given: Given = {}) =>
  node("terraform.apply", given).runner.apply(plan, bound);
const at = (...parts: readonly string[]): string => join(dir, "terraform/edge", ...parts);

test("an order that comes again is not begun again, though the state is gone and Terraform itself would do it", async () => {
  const one = await planned();
  const copy = readFileSync(at("plans", `${one.plan}.sealed`));
  expect(await apply(one)).toMatchObject({ applied: true });
  // The plan, and the emptiness that it was made from, are back as they were.
  rmSync(at("state"), { recursive: true });
  writeFileSync(at("plans", `${one.plan}.sealed`), copy);
  await expect(apply(one)).rejects.toMatchObject({ code: "terraform/used" });
  rmSync(at("plans", `${one.plan}.used`));
  // Without the mark it is what would have happened.
  expect(await apply(one)).toMatchObject({ applied: true });
});

test("of two orders for one plan at the same time one is begun", async () => {
  const one = await planned();
  const ends = await Promise.allSettled([apply(one), apply(one), apply(one)]);
  expect(ends.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
});

test.each<[string, Partial<Bound>, string]>([
  ["another file than the one that lies there", { sha256: "0".repeat(64) }, "terraform/gone"],
  ["another state", { serial: 3 }, "terraform/moved"],
  ["another lineage", { lineage: "somebody's" }, "terraform/moved"],
  ["other files", { files: "0".repeat(64) }, "terraform/moved"],
  ["other variables", { inputs: "0".repeat(64) }, "terraform/moved"],
  ["another program", { version: "terraform 1.5.7" }, "terraform/moved"],
])("what was approved for %s is not applied, and the plan is not used up by it", async (_, other, code) => {
  const one = await planned();
  await expect(apply({ ...one, bound: { ...one.bound, ...other } })).rejects.toMatchObject({ code });
  expect(await apply(one)).toMatchObject({ applied: true });
});

test("variables and settings are bound as well as files", async () => {
  const one = await planned({ main: `variable "v" {}\n${MAIN}`, params: { vars: { v: "1" } } });
  const other = { main: `variable "v" {}\n${MAIN}`, params: { vars: { v: "2" } } };
  await expect(apply(one, other)).rejects.toThrow(/the variables or the settings/);
});

test("a state that somebody changed between plan and apply makes it stale", async () => {
  expect(await apply(await planned())).toMatchObject({ applied: true });
  const one = await planned({ main: `${MAIN}\noutput "o" { value = 1 }\n` });
  const path = at("state/terraform.tfstate");
  const state = JSON.parse(readFileSync(path, "utf8")) as { serial: number };
  writeFileSync(path, JSON.stringify({ ...state, serial: state.serial + 1 }));
  await expect(apply(one, { main: `${MAIN}\noutput "o" { value = 1 }\n` })).rejects.toThrow(
    /the state was at serial/,
  );
});

test("nothing that a program needed lies about in the clear afterwards, not even of one that failed", async () => {
  const failing = 'resource "terraform_data" "a" {\n  provisioner "local-exec" { command = "exit 3" }\n}\n';
  const end = await apply(await planned({ main: failing }), { main: failing });
  expect(end).toMatchObject({ applied: false, said: expect.stringContaining("exit status 3") as string });
  expect(readdirSync(at()).toSorted()).toEqual(["backups", "plans", "plugins", "state"]);
  expect(told).toMatchObject([{ kind: "terraform.applied", data: { workspace: "edge", applied: false } }]);
});

test("what a killed agent left in the clear is gone once the next one has begun", async () => {
  await planned();
  writeFileSync(at("output.log"), "secret");
  const { runner } = node("terraform.backups");
  expect(await runner.backups()).toMatchObject({ backups: [] });
  expect(readdirSync(at())).not.toContain("output.log");
});

test("as long as the program of a killed agent runs nothing else begins, however often it is asked for", async () => {
  const outlives = spawn("sleep", ["600"]);
  try {
    await once(outlives, "spawn");
    const store = new WorkspaceStore({ dir: at(), durable: true, sealKey: () => key });
    await store.open();
    await store.began(newJobId(), "apply", outlives.pid!);
    for (let asked = 0; asked < 3; asked++)
      await expect(planned()).rejects.toMatchObject({ code: "terraform/busy" });
  } finally {
    outlives.kill();
    await once(outlives, "exit");
  }
  expect((await planned()).bound).toBeDefined();
});

test("drift is told when it is other than the last time, and when it is over", async () => {
  const outside = join(dir, "outside");
  writeFileSync(outside, "1");
  const given = { main: `output "o" { value = file("${outside}") }\n` };
  await apply(await planned(given), given);
  const drifted = async (text: string): Promise<boolean> => {
    writeFileSync(outside, text);
    return (await node("terraform.drift", given).runner.drift()).drifted;
  };
  expect([await drifted("2"), await drifted("2"), await drifted("1"), await drifted("1")]).toEqual([
    true,
    true,
    false,
    false,
  ]);
  expect(told.filter(({ kind }) => kind === "terraform.drifted").map(({ data }) => data)).toMatchObject([
    { drifted: true, addresses: ["output.o"] },
    { drifted: false, addresses: [] },
  ]);
});

test("a full disk is said, nothing is applied by it, and with room it goes on", async () => {
  await mustRun(["mount", "-t", "tmpfs", "-o", "size=1m,mode=0700", "tmpfs", dir]);
  try {
    const one = await planned();
    const filler = join(dir, "filler");
    await mustRun(["sh", "-c", `dd if=/dev/zero of=${filler} bs=4k 2> /dev/null || true`]);
    await expect(apply(one)).rejects.toThrow(/no room|ENOSPC|no space/i);
    rmSync(filler);
    expect(await apply(one)).toMatchObject({ applied: true });
  } finally {
    await mustRun(["umount", dir]);
  }
});
