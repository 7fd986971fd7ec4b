import { memoryHost } from "@boma/states/testing";
import { expect, test } from "vitest";

import { dropOwn, POLICY_PATH, withoutStarting } from "./policy-rc.ts";

const machine = (policy?: string) => {
  const files = {
    "/usr/sbin": { directory: true as const },
    ...(policy !== undefined && { [POLICY_PATH]: policy }),
  };
  return memoryHost({ files }).ports.files.write;
};

test("the policy is there while the work is done, and gone when it failed", async () => {
  const files = machine();
  await withoutStarting(files, async () => {
    expect(await files.stat(POLICY_PATH)).toMatchObject({ mode: "0755", owner: "root" });
    expect(await files.readText(POLICY_PATH)).toContain("exit 101");
  });
  expect(await files.stat(POLICY_PATH)).toBeUndefined();
  await expect(withoutStarting(files, () => Promise.reject(new Error("no space")))).rejects.toThrow(
    "no space",
  );
  expect(await files.stat(POLICY_PATH)).toBeUndefined();
});

test("one that an agent left when it was killed is taken away, one of somebody else stays", async () => {
  const files = machine();
  let left = "";
  await withoutStarting(files, async () => {
    left = await files.readText(POLICY_PATH);
  });
  const killed = machine(left);
  await dropOwn(killed);
  expect(await killed.stat(POLICY_PATH)).toBeUndefined();

  const foreign = machine("#!/bin/sh\nexit 0\n");
  await dropOwn(foreign);
  await expect(withoutStarting(foreign, async () => undefined)).rejects.toMatchObject({
    code: "package/blocked",
  });
  expect(await foreign.readText(POLICY_PATH)).toBe("#!/bin/sh\nexit 0\n");
});
