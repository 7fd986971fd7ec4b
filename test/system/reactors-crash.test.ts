/** Goal: an event that a reactor is to act on leads to exactly one job, however often the master or the bus dies over it. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { expect, test } from "vitest";

import type { ReactorView } from "../../packages/master/src/reactors/reactors.ts";
import { Fleet, type ToldEvent } from "../support/fleet.ts";

const KILLS = 5;
const NODES = 16;

/** Asks again until the master that is coming up has done it. */
async function until<T>(ask: () => Promise<T>, fits: (found: T) => boolean): Promise<T> {
  for (;;) {
    const found = await ask().catch(() => undefined);
    if (found !== undefined && fits(found)) return found;
  }
}

const deaths: readonly [string, (fleet: Fleet) => Promise<void>][] = [
  [
    "master",
    async (fleet) => {
      await fleet.master.stop("SIGKILL");
      await fleet.serve();
    },
  ],
  // The master stays, and gets a new one: what was on its way to the old one is lost, or was done without an answer.
  ["bus", async (fleet) => void process.kill(fleet.busPid, "SIGKILL")],
];

test.each(deaths)(
  "a %s that is killed while reactors are at work: exactly one job comes of each event",
  async (_who, die) => {
    await using fleet = await Fleet.start();
    const reactors = join(fleet.home, "site/reactors");
    mkdirSync(reactors, { recursive: true });
    writeFileSync(
      join(reactors, "echo.ts"),
      `import { on } from "@boma/states";
export default on("node.assigned", { limit: "10000/m" }, async (event, boma) => {
  await boma.run(event.node, "test.echo", { text: String(event.data.revision) }, { expire: "10m" });
  await boma.tell("echoed", event.id + " " + event.data.revision);
});
`,
    );
    await fleet.ok("reactor", "allow", "echo", "--run", "test.echo@env:dev");
    await fleet.emulate(NODES, "n");
    const list = async () =>
      (await fleet.json<{ reactors: ReactorView[] }>("reactor", "list")).value.reactors;
    expect((await list()).map(({ name }) => name)).toEqual(["echo"]);
    for (let kill = 0; kill < KILLS; kill++) {
      const before = Date.now();
      await until(list, ([echo]) => echo !== undefined);
      await fleet.ok("assign", "*", `round=${kill}`);
      // Now in the middle of it, now before anything was begun.
      if (kill % 2 === 0) await fleet.event("job.started", ({ at }) => at >= before);
      await die(fleet);
    }
    await until(list, ([echo]) => echo?.behind === 0);
    const events = async (kind: string) =>
      (await fleet.json<ToldEvent[]>("events", kind, "--since", "1h")).value;
    const [assigned, started, said] = [
      await events("node.assigned"),
      await events("job.started"),
      (await events("reactor.said")).map(({ data }) => data["value"]),
    ];
    expect(assigned).toHaveLength(KILLS * NODES);
    const jobs = (
      await fleet.json<{ job: string; operator: string; state: string }[]>("jobs", "list", "--limit", "1000")
    ).value;
    expect(new Set(jobs.map(({ operator }) => operator))).toEqual(new Set(["reactor.echo"]));
    expect(jobs).toHaveLength(assigned.length);
    expect(jobs.filter(({ state }) => state !== "closed")).toEqual([]);
    expect(new Set(started.map(({ job }) => job)).size).toBe(assigned.length);
    expect(started).toHaveLength(assigned.length);
    expect(new Set(said)).toEqual(
      new Set(assigned.map(({ data, id }) => `${id} ${String(data["revision"])}`)),
    );
    expect(said).toHaveLength(assigned.length);
    // A node that is asked only to read is not waited for while its connection is away; its job has one end all the same.
    const returned = await events("job.returned");
    expect(new Set(returned.map(({ job }) => job)).size).toBe(assigned.length);
    expect(returned).toHaveLength(assigned.length);
  },
  600_000,
);
