/**
 * Goal: what a node sees while the bus is away arrives once it is back, each event once and in order, also when the
 * agent is killed in between.
 */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { afterAll, beforeAll, expect, test } from "vitest";

import { Fleet } from "../support/fleet.ts";

let fleet: Fleet;
beforeAll(async () => {
  fleet = await Fleet.start();
  await fleet.agent("edge");
  mkdirSync(join(fleet.dir, "edge/drop"));
  const params = `params=${JSON.stringify({ glob: "*" })}`;
  await fleet.ok("run", "edge", "state.single", "beacon.file", "/drop", params);
});
afterAll(() => fleet?.[Symbol.asyncDispose]());

const names = (round: number): string[] =>
  Array.from({ length: 100 }, (_, at) => `f${String(round * 100 + at).padStart(4, "0")}`);

/** Makes the files, and waits until the agent has each of them among what it has to tell. */
async function make(round: number): Promise<void> {
  for (const name of names(round)) writeFileSync(join(fleet.dir, "edge/drop", name), "");
  const kept = (): string => readFileSync(join(fleet.dir, "edge/boma/agent/events"), "latin1");
  await expect
    .poll(() => names(round).every((name) => kept().includes(`/drop/${name}`)), { timeout: 20_000 })
    .toBe(true);
}

test("three hundred events of an agent that is killed twice while the bus is away arrive once each, in order", async () => {
  const { joinToken } = await fleet.token();
  const again = { token: joinToken, waitFor: /"msg":"not connected"/ };
  await fleet.master.stop();
  for (const round of [0, 1, 2]) {
    await make(round);
    await fleet.agents.get("edge")!.stop("SIGKILL");
    await fleet.restart("edge", again);
  }
  await fleet.serve();
  await fleet.event("beacon.file", ({ data }) => data["path"] === "/drop/f0299");
  const told = (await fleet.ok("events", "beacon.file", "--since", "1h", "--output", "ndjson"))
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => (JSON.parse(line) as { data: { path: string; what: string } }).data);
  expect(told.map(({ path }) => path)).toEqual([0, 1, 2].flatMap(names).map((name) => `/drop/${name}`));
  expect(new Set(told.map(({ what }) => what))).toEqual(new Set(["made"]));
});
