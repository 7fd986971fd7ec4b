// Goal: the auditor of examples/auditor gets what it may read, and can do nothing else.
// Method: the commands of its README, as they stand there, with the program in a process of its own.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import { afterAll, beforeAll, expect, test } from "vitest";

import { Fleet } from "../support/fleet.ts";
import { TestProcess } from "../support/process.ts";

const at = (path: string) => fileURLToPath(new URL(`../../${path}`, import.meta.url));
const readme = readFileSync(at("examples/auditor/README.md"), "utf8");

let fleet: Fleet;
let credential: string;
beforeAll(async () => {
  fleet = await Fleet.start();
  credential = join(fleet.dir, "auditor.json");
  await fleet.agent("web");
});
afterAll(() => fleet?.[Symbol.asyncDispose]());

/** The words of the one command of the README that begins so. */
function words(beginning: string): string[] {
  const line = readme.split("\n").find((one) => one.startsWith(`$ ${beginning}`));
  if (line === undefined) throw new Error(`the README has no command ${beginning}`);
  const [, ...all] = line.slice(2).split(" ");
  return all.map((word) => word.replaceAll("'", "").replace(/^auditor\.json$/, credential));
}

const auditor = () => {
  const [, program, file] = words("npx node");
  return new TestProcess(process.execPath, [at(program!), file!]);
};

test("the auditor prints what happens, goes on where it was killed, and sees who tries more than it may", async () => {
  await fleet.ok(...words("boma-master operator add"));
  {
    await using first = auditor();
    // Its name is known from its first question on, and from there it misses nothing.
    while (!(await fleet.ok("events", "durables")).includes("auditor"));
    await fleet.ok(...words("boma-master run '*' test.ping"));
    await first.line(/local began test\.ping on 1 nodes \(\*\)$/);
    await first.line(/test\.ping ended: \{"ok":1\}$/);
    await first.stop("SIGKILL");
  }
  for (const [beginning, says] of [
    ["boma-master events", /auditor may not read events of the kind node\./],
    ["boma-master run '*' test.ping --operator", /auditor may not run test\.ping anywhere/],
  ] as const) {
    const { code, stderr } = await fleet.run(...words(beginning));
    expect(stderr).toMatch(/error\[operator\/denied\]/);
    expect(stderr).toMatch(says);
    expect(code).toBe(1);
  }
  await using second = auditor();
  await second.line(/auditor was denied events\.next: auditor may not read events of the kind node\./);
  await second.line(/auditor was denied job\.start: auditor may not run test\.ping anywhere$/);
  const { code, stderr } = await second.stop("SIGTERM");
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
});

test("an auditor whose operator was removed ends, and says why", async () => {
  const file = join(fleet.dir, "gone.json");
  await fleet.ok("operator", "add", "gone", "--events", "operator.*", "--out", file);
  await fleet.ok("operator", "remove", "gone");
  const { code, stderr } = await new TestProcess(process.execPath, [at("examples/auditor/auditor.ts"), file])
    .ended;
  expect(stderr).toMatch(/credential|operator/);
  expect(code).toBe(1);
});
