/**
 * Goal: nothing that is true of three nodes stops being true of thousands.
 * Method: BOMA_SCALE emulated nodes, 1,000 where it does not say, each with its own keys, credential, connection,
 * journal and machine of memory, below a real master with its own nats-server. How fast it went is printed, and asserted nowhere.
 */
import { afterAll, beforeAll, expect, test } from "vitest";

import type { ToldEvent } from "../support/fleet.ts";
import { faults, readKept } from "../support/kept.ts";
import type { RunDocument } from "../support/run.ts";
import { ScaleFleet } from "../support/scale.ts";

const NODES = Number(process.env["BOMA_SCALE"] ?? 1_000);
const RACK = 40;

let scale: ScaleFleet;
const acknowledged: string[] = [];
const figures: string[] = [];

beforeAll(async () => {
  if (!Number.isSafeInteger(NODES) || NODES < 100)
    throw new Error("BOMA_SCALE is a number of nodes, from 100 on");
  scale = await ScaleFleet.start();
  scale.writeSite();
  note("enrolled", await scale.growTo(NODES));
});
afterAll(async () => {
  console.log([`${NODES} nodes:`, ...figures].join("\n  "));
  await scale?.[Symbol.asyncDispose]();
});

function note(what: string, ms: number): void {
  const { master, bus, emulators } = scale.rss;
  const mb = [master, bus, emulators].map((one) => one.toFixed(0));
  figures.push(
    `${what}: ${(ms / 1000).toFixed(1)} s; RSS of master ${mb[0]}, bus ${mb[1]}, emulators ${mb[2]} MB`,
  );
}

/** All of them, each with this status, and nobody else. */
async function allEnd(
  expected: "ok" | "changed",
  what: string,
  ...words: readonly string[]
): Promise<string> {
  const { ms, run, others } = await scale.run(expected, "*", ...words);
  note(what, ms);
  expect(others.slice(0, 10)).toEqual([]);
  expect(run.expected.toSorted()).toEqual(scale.ids.toSorted());
  expect(run.summary).toEqual({ [expected]: NODES });
  acknowledged.push(run.job);
  return run.job;
}

test("every node answers a ping", async () => {
  await allEnd("ok", "test.ping", "test.ping");
});

test("a query of grains finds exactly the nodes that are meant", async () => {
  const meant = async (target: string) =>
    (await scale.fleet.json<{ matched: string[] }>("target", target)).value.matched.toSorted();
  // Each process of the emulator begins with the first rack, and every third of its machines is a large one.
  const inProcess = (id: string): number => Number(id.split("-")[1]) - 1;
  expect(await meant("rack:r001")).toEqual(scale.ids.filter((id) => inProcess(id) < RACK));
  expect(await meant("ram>=500GiB and not rack:r00*")).toEqual(
    scale.ids.filter((id) => inProcess(id) % 3 === 2 && inProcess(id) >= 9 * RACK),
  );
});

test("a batch of a tenth never has more than a tenth under way, and reaches everybody", async () => {
  const job = await allEnd("ok", "test.sleep, a tenth at a time", "test.sleep", "0.2", "--batch", "10%");
  const { value: events } = await scale.fleet.json<ToldEvent[]>("events", "job.*", "--since", "1h");
  const running = new Set<string>();
  const returned: string[] = [];
  let most = 0;
  for (const { job: of, kind, id = "" } of events) {
    if (of !== job) continue;
    // That it began is told once, and not kept where the line is full: a return may come without it.
    if (kind === "job.accepted") most = Math.max(most, running.add(id).size);
    if (kind === "job.returned" && returned.push(id)) running.delete(id);
  }
  expect(running).toEqual(new Set());
  expect(returned.toSorted()).toEqual(scale.ids.toSorted());
  expect(most).toBeGreaterThan(1);
  // Whoever has returned makes room for the next at once, and his return is told a moment later.
  expect(most).toBeLessThanOrEqual((2 * NODES) / 10);
});

test("twenty states become true on all of them, and the second time there is nothing to do", async () => {
  await allEnd("changed", "state.apply of 20 states, first", "state.apply");
  await allEnd("ok", "state.apply of 20 states, again", "state.apply");
});

test("all of them are back after the bus was killed", async () => {
  const killed = Date.now();
  process.kill(scale.fleet.busPid, "SIGKILL");
  await scale.allConnected(killed);
  note("all connected after the bus was killed", Date.now() - killed);
  await allEnd("ok", "test.ping after that", "test.ping");
});

test("a master that is killed with a job under way takes it up with all of its nodes, and they are back", async () => {
  const { value: started } = await scale.fleet.json<{ job: string }>("run", "*", "state.apply", "--async");
  acknowledged.push(started.job);
  const killed = Date.now();
  scale.fleet.master.signal("SIGKILL");
  await scale.fleet.master.ended;
  await scale.fleet.serve();
  await scale.allConnected(killed);
  note("all connected after the master was killed", Date.now() - killed);
  await scale.fleet.event("job.finished", ({ job }) => job === started.job);
  const { value } = await scale.fleet.json<RunDocument>("jobs", "show", started.job);
  expect(value.summary).toEqual({ ok: NODES });
  await allEnd("ok", "test.ping after that", "test.ping");
});

test("after all of it nobody is lost, nobody is there twice, and each ending was kept and told once", async () => {
  const { value: nodes } =
    await scale.fleet.json<{ id: string; connected: boolean; duplicate?: true }[]>("nodes");
  expect(nodes.filter(({ connected, duplicate }) => !connected || duplicate)).toEqual([]);
  expect(nodes.map(({ id }) => id).toSorted()).toEqual(scale.ids.toSorted());
  const kept = await readKept(scale.fleet.home, scale.fleet.servers[0]!);
  expect(faults(kept, acknowledged)).toEqual([]);
  const alarms = kept.events.filter(({ kind }) => ["master.alarm", "node.duplicate"].includes(kind));
  expect(alarms).toEqual([]);
});
