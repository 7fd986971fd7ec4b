/** What a node says of the restarts that it owes, and when it refuses to do them. */
import { expect, test } from "vitest";
import { z } from "zod";

import { type AnyFunction, type Call, defineFunction } from "../../define-function.ts";
import type { FunctionHost } from "../../function-host.ts";
import { writeHost } from "../../host/host.ts";
import type { Owed } from "../../host/maintenance.ts";
import type { RoleSource } from "../../maintenance/domain.ts";
import { Schedule } from "../../schedules/schedule.ts";
import { restartOf } from "../../states/vault/state.ts";
import { memoryHost } from "../../testing/memory-host.ts";
import { vaultRole } from "../vault/role.ts";
import pending from "./pending.ts";
import run from "./run.ts";

const OPEN: Owed["window"] = { open: true, window: "nightly", at: 2 };
const SHUT: Owed["window"] = { open: false, window: "nightly", at: Date.UTC(2026, 0, 1, 2) };

const owed = (role: RoleSource | undefined, window = OPEN): Owed => ({
  id: "service.running(consul)",
  unit: "consul.service",
  domain: "consul/dc1",
  why: "in maintenance only",
  cause: null,
  since: 1,
  window,
  role,
});

const asks = (effect: "read" | "write", answer: unknown): AnyFunction =>
  defineFunction({
    name: "acme.role",
    summary: "A role.",
    params: z.strictObject({ of: z.string().default("me") }),
    result: z.unknown(),
    effect,
    onRestart: "fail",
    examples: [],
    run: async ({ of }) => (typeof answer === "object" ? { ...answer, why: of } : answer),
  });

function calling(list: readonly Owed[], role: AnyFunction = asks("read", { role: "leader", safe: true })) {
  const ran: string[] = [];
  const { ports } = memoryHost({
    commands: {
      "acme role": { stdout: '{"role":"follower","safe":false,"why":"behind"}' },
      "acme broken": { exitCode: 3, stderr: "no cluster" },
      "acme talks": { stdout: "leader" },
    },
  });
  const host = {
    ...writeHost(ports),
    maintenance: {
      windows: 1,
      owed: async () => list,
      run: async ({ domain }: { domain: string }) => void ran.push(domain),
    },
  } as unknown as FunctionHost;
  const signal = new AbortController().signal;
  const call: Call = {
    job: "j",
    host,
    signal,
    line: () => undefined,
    test: false,
    functions: { "acme.role": role },
  };
  const restart = (params: object = {}) =>
    run.run({ domain: "consul/dc1", unsafe: false, ...params } as Parameters<typeof run.run>[0], call);
  const roles = async () => (await pending.run({}, call)).owed.map((one) => one.role);
  return { ran, restart, roles };
}

test("a role is asked of a function with its arguments, or of a command", async () => {
  const said = { role: "leader", safe: true };
  expect(await calling([owed("acme.role")]).roles()).toEqual([{ ...said, why: "me" }]);
  const withArgs = { function: "acme.role", args: { of: "you" } };
  expect(await calling([owed(withArgs)]).roles()).toEqual([{ ...said, why: "you" }]);
  expect(await calling([owed({ command: ["acme", "role"] })]).roles()).toEqual([
    { role: "follower", safe: false, why: "behind" },
  ]);
  expect(await calling([owed(undefined)]).roles()).toEqual([null]);
});

test.each<[why: string, role: RoleSource, says: string, spec?: AnyFunction]>([
  ["is not there", "acme.none", "no such function"],
  ["changes things", "acme.role", "is not asked", asks("write", {})],
  ["answers something else", "acme.role", "cannot say", asks("read", 42)],
  ["fails", { command: ["acme", "broken"] }, "no cluster"],
  ["prints no JSON", { command: ["acme", "talks"] }, "cannot say"],
])("who %s cannot say a role, and so the node is not safe to restart", async (_why, role, says, spec) => {
  const { restart, roles, ran } = calling([owed(role)], spec);
  expect(await roles()).toMatchObject([{ role: "unknown", safe: false }]);
  await expect(restart()).rejects.toMatchObject({
    code: "maintenance/unsafe",
    message: expect.stringContaining(says) as string,
  });
  expect(ran).toEqual([]);
});

test("what is unsafe is done where that is said", async () => {
  const { restart, ran } = calling([owed({ command: ["acme", "role"] })]);
  await restart({ unsafe: true });
  expect(ran).toEqual(["consul/dc1"]);
});

test("outside of the window a reason is needed, and the refusal says when it opens", async () => {
  const { restart, ran } = calling([owed(undefined), owed(undefined, SHUT)]);
  await expect(restart()).rejects.toMatchObject({
    code: "maintenance/window",
    message: expect.stringContaining("nightly opens at 2026-01-01T02:00") as string,
  });
  expect(ran).toEqual([]);
  await restart({ reason: "CVE-2026-1" });
  expect(ran).toEqual(["consul/dc1"]);
});

test.each([
  ["maintenance.run", { domain: "d" }],
  ["disk.wipe", { device: "/dev/sda", token: "t" }],
])("a schedule cannot run %s", (name, args) => {
  const read = Schedule.safeParse({ name: "s", function: name, args, every: "1h" });
  expect(read.error?.issues.map(({ path }) => path[0])).toContain("function");
});

test.each([
  ["a standby of a cluster that opens itself", { role: "standby" }, "standby", true],
  ["one that is far behind", { role: "standby", behind: 5000 }, "standby", false],
  ["the active one of several", { role: "active" }, "active", true],
  ["the only one", { role: "active", ha: false }, "single", false],
  ["one that people open", { role: "standby", seal: "shamir" }, "standby", false],
  ["the only one that people open", { role: "active", seal: "shamir", ha: false }, "single", false],
  ["a sealed one", { role: "sealed", seal: "shamir" }, "sealed", false],
  ["one that is down", { role: "down", seal: null }, "down", true],
  ["one that is not well", { role: "unfit" }, "unfit", false],
] as const)("of Vaults, %s", (_what, change, role, safe) => {
  const { ha, seal, behind, ...is } = { ha: true, seal: "transit", behind: 0, ...change };
  const restart = restartOf(is.role, { ha, opensItself: seal !== null && seal !== "shamir", says: "" });
  expect(vaultRole({ role: is.role, ha, seal, behind, restart })).toMatchObject({ role, safe });
});
