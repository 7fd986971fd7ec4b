/** Emulated nodes that have it worse: what the knobs do to them, and that nobody is lost by it. */
import { afterAll, beforeAll, expect, test } from "vitest";

import { Fleet, type ToldEvent } from "../support/fleet.ts";
import { run, type RunDocument } from "../support/run.ts";

let fleet: Fleet;
beforeAll(async () => {
  fleet = await Fleet.start();
});
afterAll(() => fleet?.[Symbol.asyncDispose]());

const events = async (pattern: string) =>
  (await fleet.json<ToldEvent[]>("events", pattern, "--since", "1h")).value;

test("a quarter is slow, and exactly that quarter takes as long", async () => {
  await fleet.emulate(8, "slow", "--slow", "25:600");
  const { code, value } = await run(fleet, "slow-*", "test.ping");
  expect([code, value.summary]).toEqual([0, { ok: 8 }]);
  const took = (await events("job.returned")).filter(({ job }) => job === value.job);
  expect(took).toHaveLength(8);
  const slow = took.filter(({ data }) => Number(data["ms"]) >= 600).map(({ id }) => id!);
  expect(slow.toSorted()).toEqual(["slow-0004", "slow-0008"]);
});

test("on a line that is long, loses messages and drops, each node still ends once and comes back", async () => {
  await fleet.emulate(20, "rough", "--latency", "20", "--loss", "5", "--flap", "8");
  const dropped = fleet.event("node.disconnected", ({ id }) => id?.startsWith("rough-") ?? false);
  const words = ["rough-*", "file.managed", "/etc/motd", "contents=hello", "--async"];
  const { job } = (await fleet.json<{ job: string }>("run", ...words)).value;
  await fleet.event("job.finished", (event) => event.job === job);
  const { value } = await fleet.json<RunDocument>("jobs", "show", job);
  expect(value.summary).toEqual({ changed: 20 });
  const { id, sequence } = await dropped;
  await fleet.event("node.connected", (event) => event.id === id && event.sequence > sequence);
  const told = (await events("job.returned")).filter((event) => event.job === job).map((event) => event.id!);
  expect(told.toSorted()).toEqual(value.expected.toSorted());
  expect(new Set(told).size).toBe(20);
});

test("a knob that makes no sense is refused before anybody is started, and --help says what there is", async () => {
  const agents = await fleet.emulate(1, "bad", "--loss", "100").catch((thrown: unknown) => String(thrown));
  expect(agents).toContain("--loss");
  expect(fleet.agents.has("bad")).toBe(true);
  expect(await fleet.agents.get("bad")!.ended).toMatchObject({ code: 2 });
});
