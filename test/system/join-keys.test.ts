// Goal: what was stolen of an image is void once its key is retired; who is a node already notices nothing of it, and
// finds the way back even when its credential is void as well.
// Method: the join file as a thief copies it, agents that come with it and with the newer one.
import { copyFileSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { parseToken } from "@boma/protocol";
import { afterAll, beforeAll, expect, test } from "vitest";

import { Fleet } from "../support/fleet.ts";
import type { TestProcess } from "../support/process.ts";

interface Listed {
  readonly number: number;
  readonly newest: boolean;
  readonly retiredAt?: number;
}

let fleet: Fleet;
let stolen: string;
let thief: TestProcess;
const keys = async () => (await fleet.json<Listed[]>("join-key", "list")).value;
const kitOf = (text: string) => parseToken(text).kit!;
const joinFile = () => readFileSync(join(fleet.home, "join"), "utf8");
const identityFile = (id: string) => join(fleet.dir, id, "boma/agent/identity.json");
const identity = (id: string) =>
  JSON.parse(readFileSync(identityFile(id), "utf8")) as { kit: string; approved: { credential: string } };
const NOT_TAKEN = /does not take the key by which this machine knocks/;
const knocksWith = (id: string, file: string, waitFor: RegExp) =>
  fleet.agent(id, { token: readFileSync(file, "utf8"), waitFor });
const told = async (kind: string) =>
  (await fleet.json<{ data: unknown }[]>("events", kind, "--since", "1h")).value.map(({ data }) => data);

beforeAll(async () => {
  fleet = await Fleet.start();
  stolen = join(fleet.dir, "stolen.join");
  copyFileSync(join(fleet.home, "join"), stolen);
  await fleet.agent("node-01", { env: "dev" });
});
afterAll(() => fleet?.[Symbol.asyncDispose]());

test("the newest key cannot be retired, nor one that is not there; both say what to do", async () => {
  expect(await keys()).toEqual([{ number: 1, madeBy: "init", newest: true }]);
  const newest = await fleet.run("join-key", "retire", "1");
  expect(newest).toMatchObject({ code: 2, stderr: expect.stringMatching(/newest[\s\S]*join-key new/) });
  for (const odd of ["7", "0", "1.5", "one", "-1"]) {
    const { code, stderr } = await fleet.run("join-key", "retire", "--", odd);
    expect([odd, code]).toEqual([odd, 2]);
    expect(stderr).toMatch(/no join key 7|is no number of a key/);
  }
  expect(await told("join-key.*")).toEqual([]);
});

test("with another key the old one stays good; what is made now carries the new one, and nodes that are there learn it", async () => {
  expect(await fleet.ok("join-key", "new")).toMatch(/made join key 2[\s\S]*join-key retire NUMBER/);
  const newSeed = kitOf(joinFile()).enrolSeed;
  expect(newSeed).not.toBe(kitOf(readFileSync(stolen, "utf8")).enrolSeed);
  expect(kitOf((await fleet.token()).joinToken).enrolSeed).toBe(newSeed);
  await expect.poll(() => kitOf(identity("node-01").kit).enrolSeed).toBe(newSeed);
  thief = await knocksWith("thief-01", stolen, /waiting for approval/);
  expect(await fleet.ok("enroll", "list")).toContain("thief-01");
});

test("who knocks with a retired key is cut, and told why; who has the new one asks and is let in", async () => {
  expect(await fleet.ok("join-key", "retire", "1")).toMatch(/join key 1 is retired/);
  await thief.line(NOT_TAKEN);
  await thief.stop();
  const late = await knocksWith("thief-02", stolen, NOT_TAKEN);
  await late.stop();
  const guest = await knocksWith("new-01", join(fleet.home, "join"), /waiting for approval/);
  await fleet.ok("enroll", "approve", "new-01");
  await guest.line(/"msg":"connected"/);
  expect((await fleet.run("run", "*", "test.ping")).code).toBe(0);
  expect(await keys()).toMatchObject([
    { number: 1, retiredAt: expect.any(Number) },
    { number: 2, newest: true },
  ]);
});

test("a key that is retired stays so, said twice and over a restart of the master and the bus", async () => {
  expect((await fleet.run("join-key", "retire", "1")).code).toBe(0);
  expect(await told("join-key.retired")).toEqual([{ number: 1 }]);
  await fleet.master.stop();
  await fleet.serve();
  const late = await knocksWith("thief-03", stolen, NOT_TAKEN);
  await late.stop();
  expect(await fleet.ok("join-key", "list")).toMatch(/1 +retired[^\n]*\n2 +newest/);
});

test("a node whose credential is void as well knocks with the key that it learnt, and is back under its name", async () => {
  await fleet.agents.get("node-01")!.stop();
  const held = identity("node-01");
  const [head, body, signature] = held.approved.credential.split(".");
  const credential = [head, body, signature!.split("").toReversed().join("")].join(".");
  writeFileSync(
    identityFile("node-01"),
    JSON.stringify({ ...held, approved: { ...held.approved, credential } }),
  );
  // It is started as ever, with what it came with: the key in that is retired.
  await knocksWith("node-01", join(fleet.dir, "node-01/token"), /"msg":"connected"/);
  expect((await fleet.run("run", "node-01", "test.ping")).code).toBe(0);
});

test("who may read sees the keys, and retires none", async () => {
  const file = join(fleet.dir, "reader.json");
  await fleet.ok("operator", "add", "reader", "--read", "--out", file);
  expect((await fleet.run("join-key", "list", "--operator", file)).code).toBe(0);
  for (const words of [["new"], ["retire", "1"]])
    expect(await fleet.run("join-key", ...words, "--operator", file)).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("operator/denied"),
    });
});
