/**
 * How many returns a second the master takes in. Open jobs wait for nodes whose
 * agents are gone; then the nodes connect and everything that they have to say,
 * signed beforehand, is published at once.
 */
import { NodeReturn, answerNonce, seal, subjects } from "@boma/protocol";
import { connect, headers, type NatsConnection } from "nats";

import { Identity } from "../../packages/agent/src/identity.ts";
import { readCall } from "../../packages/master/src/ad-hoc.ts";
import { Client } from "../../packages/master/src/client/client.ts";
import type { MasterStatus } from "../../packages/master/src/commands/status.ts";
import { homeAt } from "../../packages/master/src/home.ts";
import type { JobRecord } from "../../packages/master/src/jobs/job-record.ts";
import { readOperatorFile } from "../../packages/master/src/operator-file.ts";
import { Boma, cpuOf } from "../boma.ts";
import type { Bench } from "../run.ts";

interface Letter {
  readonly connection: NatsConnection;
  readonly subject: string;
  readonly frame: Uint8Array;
}

const NODES = 400;
/** Below the bounds of a mailbox and of a node's share of the inbox. */
const JOBS = 25;
const HOUR_MS = 3_600_000;
const TIMEOUT_MS = 600_000;

export async function returns(bench: Bench): Promise<void> {
  await using boma = await Boma.start();
  const nodes = bench.quick ? 100 : NODES;
  const fleet = await boma.emulate(nodes, "r");
  fleet.process.signal("SIGKILL");
  await fleet.process.ended;
  // One connection: a command line for each question costs more than what is measured, on the same cores.
  await using client = await Client.connect(readOperatorFile(homeAt(boma.home)));
  const taken: number[] = [];
  const stored: number[] = [];
  const cpu: number[] = [];
  for (let run = 0; run < bench.runs; run++) {
    const jobs = await openJobs(client, nodes);
    const letters = await signed(boma, nodes, jobs);
    const cpuBefore = cpuOf(boma.master.pid);
    const began = Date.now();
    await Promise.all(letters.map(publish));
    const acked = Date.now();
    const closed = await lastClosed(client, jobs);
    cpu.push(((cpuOf(boma.master.pid) - cpuBefore) * 1000) / letters.length);
    taken.push(letters.length / ((acked - began) / 1000));
    stored.push(letters.length / ((closed - began) / 1000));
    await Promise.all([...new Set(letters.map(({ connection }) => connection))].map((one) => one.close()));
  }
  const count = (nodes * JOBS).toLocaleString("en");
  bench.add({
    name: "returns taken in (kept in the inbox, acknowledged)",
    unit: "1/s",
    runs: taken,
    budget: "≥ 10,000",
    note: `bursts of ${count} over ${nodes} connections; the senders share the cores`,
  });
  bench.add({
    name: "returns verified, stored and told",
    unit: "1/s",
    runs: stored,
    note: "from the first publish to the last job closed",
  });
  bench.add({
    name: "the master's CPU time a return",
    unit: "ms",
    runs: cpu,
    note: "verified, stored, told and audited; says something on a machine that others use as well",
  });
}

/** A write waits for offline nodes, so its job stays open; nobody will run it. */
async function openJobs(client: Client, nodes: number): Promise<string[]> {
  const ids: string[] = [];
  // The connections of the last run have to be gone, or the jobs would not wait.
  await untilOffline(client);
  const call = await readCall("cmd.run", ["true"]);
  const how = { test: false, allowEmpty: false, watch: false, waitMs: HOUR_MS, timeoutMs: TIMEOUT_MS };
  for (let at = 0; at < JOBS; at++) {
    const made = client.follow<{ record: JobRecord }>("job.start", { target: "*", ...call, ...how });
    for await (const { record } of made) {
      if (record.nodes !== nodes) throw new Error(`the job is for ${record.nodes} nodes instead of ${nodes}`);
      ids.push(record.job);
    }
  }
  return ids;
}

async function untilOffline(client: Client): Promise<void> {
  for (;;) {
    const { nodes } = await client.ask<MasterStatus>("master.status");
    if (nodes.connected === 0) return;
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

async function signed(boma: Boma, nodes: number, jobs: readonly string[]): Promise<Letter[]> {
  const byNode: Letter[][] = [];
  for (let at = 1; at <= nodes; at++) {
    const identity = await Identity.read(boma.emulatedDir("r", `r-${String(at).padStart(4, "0")}`));
    if (!identity?.approved) throw new Error("an emulated agent has no identity");
    const { nkey, sign } = identity.keys;
    const { credential } = identity.approved;
    const connection = await connect({
      servers: boma.url,
      authenticator: answerNonce(nkey, () => credential),
      inboxPrefix: `_INBOX.${nkey.publicKey}`,
      noAsyncTraces: true,
    });
    const now = Date.now();
    const subject = subjects.inbox(nkey.publicKey, "return");
    const letters = jobs.map((job) => {
      const value = { code: 0, stdout: "", stderr: "" };
      const body = { job, status: "ok" as const, value, startedAt: now, ms: 1, cut: false };
      const frame = seal(NodeReturn, body, { to: "master", key: sign, now, expires: now + HOUR_MS });
      return { connection, subject, frame };
    });
    byNode.push(letters);
  }
  // One return of each node after the other, as a fleet answers.
  return jobs.flatMap((_, job) => byNode.map((letters) => letters[job]!));
}

async function publish({ connection, subject, frame }: Letter): Promise<void> {
  const named = headers();
  named.set("Nats-Msg-Id", crypto.randomUUID());
  const ack = await connection.request(subject, frame, { timeout: 60_000, headers: named });
  // A refusal names the stream as well.
  const { stream, error } = ack.json<{ stream?: string; error?: unknown }>();
  if (stream === undefined || error !== undefined)
    throw new Error(`the inbox refused a return: ${ack.string()}`);
}

async function lastClosed(client: Client, jobs: readonly string[]): Promise<number> {
  const wanted = new Set(jobs);
  for (;;) {
    const list = await client.ask<JobRecord[]>("job.list", { limit: JOBS });
    const closed = list.filter(({ job }) => wanted.has(job)).map(({ closedAt }) => closedAt);
    if (closed.length === jobs.length && closed.every((at) => at !== undefined)) return Math.max(...closed);
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}
