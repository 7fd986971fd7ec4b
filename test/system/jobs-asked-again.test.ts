/**
 * Goal: whoever asks is answered though the bus or the master dies with the request in its hands, and a job that was
 * asked for again is one job.
 * Method: a master that stands still while it is asked, and then loses its bus, or its life; and jobs that are asked for
 * by a name that is another one's.
 */
import { join } from "node:path";

import { newJobId } from "@boma/protocol";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";

import { Client } from "../../packages/master/src/client/client.ts";
import { followJob, type JobSource, newJob } from "../../packages/master/src/client/follow-job.ts";
import { homeAt } from "../../packages/master/src/home.ts";
import type { JobItem } from "../../packages/master/src/jobs/watch.ts";
import { readOperatorFile } from "../../packages/master/src/operator-file.ts";
import { Fleet } from "../support/fleet.ts";
import { requestsAt } from "../support/kept.ts";

const MINUTE = 60_000;

let fleet: Fleet;
beforeAll(async () => {
  fleet = await Fleet.start();
  await fleet.agent("box");
});
afterAll(() => fleet?.[Symbol.asyncDispose]());

/** After a test that took the bus or the master away it is there again, and so is the node. */
async function client(operator?: string): Promise<Client> {
  await expect
    .poll(async () => (await fleet.run("run", "box", "test.ping")).code, { timeout: MINUTE })
    .toBe(0);
  const opened = await Client.connect(readOperatorFile(homeAt(fleet.home), operator));
  onTestFinished(() => opened[Symbol.asyncDispose]());
  return opened;
}

const ping = (more: object = {}): JobSource =>
  newJob({
    target: "box",
    function: "test.ping",
    args: {},
    test: false,
    allowEmpty: false,
    watch: true,
    // The node comes back to the bus a little later than the master.
    waitMs: MINUTE,
    timeoutMs: MINUTE,
    ...more,
  });

async function endings(by: Client, source: JobSource): Promise<readonly unknown[]> {
  const items: JobItem[] = [];
  for await (const item of followJob(by, source)) items.push(item);
  return items.flatMap((item) => (item.type === "ending" ? [item.status] : []));
}

const told = async (job: string) =>
  (await fleet.json<{ kind: string; job?: string }[]>("events", "job.*", "--since", "1h")).value.flatMap(
    (event) => (event.job === job ? [event.kind] : []),
  );

/** What is asked has come to the bus, and the master, which stands still, has not answered. */
async function inHands<T>(verb: string, ask: () => Promise<T>): Promise<{ answer: Promise<T> }> {
  const asked = await requestsAt(fleet.home, fleet.servers[0]!, verb);
  fleet.master.signal("SIGSTOP");
  const answer = ask();
  await asked.next();
  await asked.close();
  return { answer };
}

const ENDS = [
  [
    "the bus dies",
    async () => {
      process.kill(fleet.busPid, "SIGKILL");
      fleet.master.signal("SIGCONT");
    },
  ],
  [
    "the master dies",
    async () => {
      fleet.master.signal("SIGKILL");
      await fleet.master.ended;
      await fleet.serve();
    },
  ],
] as const;

describe.each(ENDS)("%s with a request in the master's hands:", (_, end) => {
  test("a job is asked for again, and it is one job that each is told of once", async () => {
    const by = await client();
    const source = ping();
    const { answer } = await inHands("job.start", () => endings(by, source));
    await end();
    expect(await answer).toEqual(["ok"]);
    expect((await told(source.args.job)).toSorted()).toEqual(["job.finished", "job.returned", "job.started"]);
  });

  test("what changes nothing is asked for again", async () => {
    const by = await client();
    const { answer } = await inHands("master.status", () => by.ask("master.status"));
    await end();
    expect(await answer).toMatchObject({ nodes: { approved: 1 } });
  });

  test("what changes something is not, for it may have been done", async () => {
    const by = await client();
    const asked = { target: "box", set: { role: "web" }, remove: [] };
    const { answer } = await inHands("nodes.assign", () =>
      by.ask("nodes.assign", asked).catch((error: unknown) => error),
    );
    await end();
    expect(await answer).toMatchObject({ code: "master/unreachable" });
  });
});

describe("a job that is asked for by its name", () => {
  test("is one, however many ask for it at once, and all see its end", async () => {
    const by = await client();
    const source = ping();
    expect(await Promise.all([1, 2, 3].map(() => endings(by, source)))).toEqual([["ok"], ["ok"], ["ok"]]);
    expect((await told(source.args.job)).filter((kind) => kind === "job.started")).toHaveLength(1);
    // And when it has long ended.
    expect(await endings(by, source)).toEqual(["ok"]);
  });

  test("is not another function's, another target's, or another operator's", async () => {
    const by = await client();
    const source = ping();
    await endings(by, source);
    const other = (args: object) => endings(by, { ...source, args: { ...source.args, ...args } });
    await expect(other({ function: "test.echo", args: { text: "x" } })).rejects.toMatchObject({
      code: "job/taken",
    });
    await expect(other({ target: "*" })).rejects.toMatchObject({ code: "job/taken" });
    const file = join(fleet.dir, "other.operator");
    await fleet.ok("operator", "add", "other", "--read", "--run", "test.ping@*", "--out", file);
    await expect(endings(await client(file), source)).rejects.toMatchObject({ code: "job/taken" });
  });

  test.each([
    ["long ago", -10 * MINUTE],
    ["what is to come", 10 * MINUTE],
  ])("is not named by %s", async (_, ms) => {
    const named = ping();
    const source = { ...named, args: { ...named.args, job: newJobId(Date.now() + ms) } };
    await expect(endings(await client(), source)).rejects.toMatchObject({ code: "master/request" });
  });
});
