import { writeFile } from "node:fs/promises";
import { join } from "node:path";

import { expect, test } from "vitest";

import { matches, readPolicy } from "./policy.ts";
import { temporaryDirectory } from "./testing/support.ts";

test.each([
  ["cmd.*", "cmd.run", true],
  ["cmd.*", "cmdx.run", false],
  ["*", "state.apply", true],
  ["*.run", "cmd.run", true],
  ["a*b*c", "a-b-b-c", true],
  ["ab*ba", "aba", false],
  ["cmd.run", "cmd.runs", false],
])("%s on %s is %s", (pattern, name, expected) => {
  expect(matches(pattern, name)).toBe(expected);
});

test("a denied function is refused and the file is named; all others may run", async () => {
  await using dir = await temporaryDirectory();
  await writeFile(join(dir.path, "10-site.yaml"), "# no programs here\ndeny:\n  - cmd.*\n");
  await writeFile(join(dir.path, "20-more.json"), '{"deny":["system.*"]}');
  const policy = await readPolicy(dir.path);
  expect(() => policy.check("cmd.run", "write")).toThrow(join(dir.path, "10-site.yaml"));
  expect(() => policy.check("system.reboot", "write")).toThrow("20-more.json");
  expect(() => policy.check("test.ping", "read")).not.toThrow();
});

test("without a directory everything may run", async () => {
  const policy = await readPolicy("/nonexistent/agent.d");
  expect(() => policy.check("cmd.run", "write")).not.toThrow();
});

test.each(["deny: [", "deny: cmd.run", "denny: [cmd.run]", "deny: ['('] "])(
  "the broken policy %j stops every function that changes something",
  async (text) => {
    await using dir = await temporaryDirectory();
    await writeFile(join(dir.path, "site.yaml"), text);
    const policy = await readPolicy(dir.path);
    expect(policy.problems).toHaveLength(1);
    expect(() => policy.check("cmd.run", "write")).toThrow("site.yaml");
    expect(() => policy.check("test.ping", "read")).not.toThrow();
  },
);
