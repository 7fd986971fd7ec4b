import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { newBootToken, printBootToken } from "@boma/protocol";
import { expect, test } from "vitest";

import { readBootWords } from "./boot-words.ts";
import { readJoining } from "./joining.ts";

test("token and master are found on the command line, the last of each counts", () => {
  expect(readBootWords("quiet boma.token=bt_A boma.master=nats://a:1 boma.master=nats://b:2\n")).toEqual({
    token: "bt_A",
    master: "nats://b:2",
  });
});

test("what belongs to init, and what is empty, is not heard", () => {
  expect(readBootWords("quiet boma.master= -- boma.token=bt_A")).toEqual({});
});

test("a long token, which would bring another master's root, is passed over", () => {
  expect(readBootWords("boma.token=boma1.abcdef")).toEqual({});
});

test("a token that was typed stands over the one of the boot", async () => {
  const dir = await mkdtemp(join(tmpdir(), "boma-boot-"));
  try {
    const [booted, typed] = [newBootToken(), newBootToken()];
    await writeFile(join(dir, "cmdline"), `quiet boma.token=${printBootToken(booted)}\n`);
    const boot = join(dir, "cmdline");
    expect((await readJoining({ boot })).token).toEqual(booted);
    expect((await readJoining({ boot, token: printBootToken(typed) })).token).toEqual(typed);
    await expect(readJoining({ boot: join(dir, "none") })).rejects.toThrow(/none cannot be read/);
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
});
