/**
 * Goal: one of several masters leads, and when it is gone another one goes on where it stood, with nothing lost or doubled.
 * Method: three real nats-servers with copies of each stream, two real masters, real agents; each end is a real one.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";

import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";

import type { NodeView } from "../../packages/master/src/api/verbs/nodes.ts";
import type { ToldEvent } from "../support/fleet.ts";
import { Masters } from "../support/masters.ts";
import { jobOf, type RunDocument } from "../support/run.ts";

const POLL = { timeout: 90_000, interval: 250 };

// They end what hangs; how fast things are is for the bench to say.
vi.setConfig({ testTimeout: 180_000, hookTimeout: 180_000 });

let masters: Masters;
/** Which of the two works now. */
let leader = 0;
const other = (): number => 1 - leader;
beforeAll(async () => {
  masters = await Masters.start();
  await masters.fleet.agent("a", { env: "dev" });
  await masters.fleet.agent("box", { env: "dev", unconfined: true });
}, 180_000);
afterAll(() => masters?.[Symbol.asyncDispose]());

/** The one that stood by leads; the one that led is started again, and stands by. */
async function followed(): Promise<void> {
  await masters.leads(other());
  leader = other();
  await masters.process(other()).stop();
  masters.serve(other());
  await masters.process(other()).line(/"ready":false/);
}

const pinged = async () => (await masters.fleet.run("run", "box", "test.ping")).code;
const file = (name: string): string => join(masters.fleet.dir, name);
const show = async (job: string) => (await masters.fleet.json<RunDocument>("jobs", "show", job)).value;
const told = async (kind: string, job: string) =>
  (await masters.fleet.json<ToldEvent[]>("events", kind, "--since", "1h")).value.filter(
    (event) => event.job === job,
  );

/** A job of `box` that ends when it is let go, and writes down that it ran. */
async function begun(name: string) {
  const { fleet } = masters;
  const command = `echo ran >> ${file(name)}.ran; while [ ! -e ${file(name)} ]; do sleep 0.1; done`;
  const watching = fleet.spawn("run", "box", "cmd.run", command, "shell=true");
  const job = await jobOf(watching);
  await fleet.event("job.accepted", (event) => event.job === job);
  return { watching, job, letGo: () => writeFileSync(file(name), "") };
}

async function endedOnce(name: string, job: string): Promise<void> {
  expect((await show(job)).nodes).toMatchObject({ box: { status: "ok" } });
  for (const kind of ["job.started", "job.returned", "job.finished"])
    expect(await told(kind, job)).toHaveLength(1);
  expect(readFileSync(`${file(name)}.ran`, "utf8")).toBe("ran\n");
}

test("status says who leads and who stands by", async () => {
  expect(await masters.fleet.json("status")).toMatchObject({
    value: { masters: { leader: { host: hostname(), term: 1 }, standBy: [hostname()] } },
  });
  expect(await masters.fleet.ok("status")).toMatch(/^masters  \S+ leads for .*, \S+ stands by$/m);
});

describe("a leader that", () => {
  test("is killed in the middle of a job is followed: the return is taken, each thing is told once, and whoever watched sees the end", async () => {
    const { watching, job, letGo } = await begun("killed");
    await masters.kill(leader);
    // The node ends while nobody leads.
    letGo();
    await followed();
    expect((await watching.ended).code).toBe(0);
    await endedOnce("killed", job);
  });

  test("was frozen and is let go again finds that it leads no more, and ends without having done anything", async () => {
    const { watching, job, letGo } = await begun("frozen");
    const frozen = masters.process(leader);
    frozen.signal("SIGSTOP");
    await masters.leads(other());
    letGo();
    frozen.signal("SIGCONT");
    const { code, stdout, stderr } = await frozen.ended;
    expect({ code, said: stdout + stderr }).toMatchObject({
      code: 1,
      said: expect.stringContaining("lead/lost") as string,
    });
    await followed();
    expect((await watching.ended).code).toBe(0);
    await endedOnce("frozen", job);
  });

  test("is stopped in order is followed, and a job that was under way ends under the next one", async () => {
    const { watching, job, letGo } = await begun("stopped");
    await masters.process(leader).stop();
    letGo();
    await followed();
    expect((await watching.ended).code).toBe(0);
    await endedOnce("stopped", job);
  });

  test("is gone for some seconds is waited for by whoever asks meanwhile", async () => {
    const { fleet } = masters;
    await masters.kill(leader);
    const asked = fleet.run("run", "box", "test.ping");
    await followed();
    expect(await asked).toMatchObject({ code: 0, stderr: "" });
  });

  test("retired its working key is followed by one that speaks with the new one, which was never brought there", async () => {
    const { fleet } = masters;
    await fleet.ok("rekey");
    await masters.kill(leader);
    await followed();
    await expect.poll(pinged, POLL).toBe(0);
    const keys = (at: number) => readFileSync(join(masters.home(at), "master/keys/working.json"), "utf8");
    expect(keys(leader)).toBe(keys(other()));
  });
});

test("a node that asks to join while nobody leads is a node when somebody does", async () => {
  const { fleet } = masters;
  const token = (await fleet.token("--env", "dev")).joinToken;
  await masters.kill(leader);
  const joining = fleet.agent("late", { token });
  await followed();
  await joining;
  const nodes = (await fleet.json<NodeView[]>("nodes", "late")).value;
  expect(nodes).toMatchObject([{ id: "late", assigned: { env: "dev" } }]);
  expect(
    (await fleet.json<ToldEvent[]>("events", "node.enrolled", "--since", "1h")).value.filter(
      ({ id }) => id === "late",
    ),
  ).toHaveLength(1);
});

test("a rollout in steps goes on under the next leader, and no node is done twice or left out", async () => {
  const { fleet } = masters;
  await fleet.emulate(20, "many");
  const rolling = fleet.spawn("run", "many-*", "test.ping", "--batch", "4", "--json");
  await fleet.event("job.returned", ({ id }) => id?.startsWith("many-") ?? false);
  await masters.kill(leader);
  await followed();
  const { code, stdout } = await rolling.ended;
  expect({ code, stdout }).toMatchObject({ code: 0 });
  const { job, nodes } = JSON.parse(stdout) as RunDocument;
  expect(Object.values(nodes).map(({ status }) => status)).toEqual(Array(20).fill("ok"));
  const returned = (await told("job.returned", job)).map(({ id }) => id);
  expect(returned).toHaveLength(20);
  expect(new Set(returned)).toEqual(new Set(Object.keys(nodes)));
});

test.each([0, 1, 2])(
  "server %i of the bus is killed in the middle of a job, and comes back: the job ends as it should",
  async (at) => {
    const { cluster } = masters;
    const { watching, job, letGo } = await begun(`server-${at}`);
    await cluster.kill(at);
    letGo();
    expect((await watching.ended).code).toBe(0);
    await cluster.start(at);
    await expect.poll(pinged, POLL).toBe(0);
    await endedOnce(`server-${at}`, job);
  },
);

test("both masters' chains of the audit hold, and each says whom it followed", async () => {
  const { fleet } = masters;
  for (const home of [masters.home(0), masters.home(1)]) {
    const dir = join(home, "master/audit");
    expect(await fleet.run("audit", "verify", "--dir", dir, "--home", home)).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^holds/) as string,
    });
    const said = await fleet.ok("audit", "show", "--dir", dir, "--raw", "--output", "ndjson");
    const kinds = said
      .trim()
      .split("\n")
      .map((line) => (JSON.parse(line) as { kind: string }).kind);
    expect(kinds).toContain("leads");
  }
  // Whoever leads shows what the others recorded as well, each record once and by its time.
  const { value: shown } = await fleet.json<{ at: string; n: number; kind: string; chain?: string }[]>(
    "audit",
    "show",
    "--raw",
  );
  const places = shown.map(({ chain = "", n }) => `${chain} ${n}`);
  expect(new Set(places).size).toBe(places.length);
  expect(new Set(shown.flatMap(({ kind, chain }) => (kind === "segment" ? [chain] : []))).size).toBe(2);
  expect(shown.map(({ at }) => at)).toEqual(shown.map(({ at }) => at).toSorted());
});
