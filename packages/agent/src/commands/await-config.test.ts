import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { type JoinKit, newNkey, newSigningKey } from "@boma/protocol";
import { afterEach, beforeEach, expect, test } from "vitest";

import { awaitConfig } from "./await-config.ts";
import { readRolledBack, upgradePatienceMs } from "./rolled-back.ts";

let home: string;
let config: string;
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), "boma-await-"));
  config = join(home, "etc");
  await mkdir(config);
});
afterEach(() => rm(home, { recursive: true, force: true }));

const kit: JoinKit = {
  servers: ["nats://127.0.0.1:4222"],
  root: newSigningKey().publicKey,
  enrolAccount: newNkey.account().publicKey,
  enrolSeed: newNkey.user().seed,
};
const wait = (known?: JoinKit) => awaitConfig({}, { config, dir: join(home, "agent"), known });
test("a node that has a master waits for nothing, and does not stop for a file that was spoiled later", async () => {
  expect(await wait(kit)).toEqual({ kit: undefined, token: undefined });
  await writeFile(join(config, "token"), "not a token");
  expect(await wait(kit)).toEqual({ kit: undefined, token: undefined });
});

test("what the package says of a version that was taken back is read as it is, and cut where it is too long", async () => {
  expect(await readRolledBack(home)).toBeUndefined();
  await writeFile(join(home, "rolled-back"), `from=2.0\nto=1.0\nwhy=a=b ${"x".repeat(500)}\n`);
  const read = await readRolledBack(home);
  expect(read).toMatchObject({ from: "2.0", to: "1.0", why: expect.stringMatching(/^a=b x+$/) as string });
  expect(read!.why.length).toBe(128);
});

test("only an agent that the package replaces lets jobs end before it stops", async () => {
  expect(await upgradePatienceMs(home)).toBe(0);
  await writeFile(join(home, "restarted"), "");
  expect(await upgradePatienceMs(home)).toBeGreaterThan(0);
});
