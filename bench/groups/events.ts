/**
 * How fast events get to a durable reader: those that are stored, read back by the command line into a file and by the
 * API; and those that come in while the API reads. The events are put into the stream as a master would put them.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import { answerNonce, type BomaEvent, newSession, pack, subjects } from "@boma/protocol";
import { jetstream } from "@nats-io/jetstream";
import { connect, type NatsConnection } from "nats";

import { issueMasterUser, parseBusTrust } from "../../packages/master/src/bus/trust.ts";
import { subscribe } from "../../packages/master/src/client/subscribe.ts";
import { Boma } from "../boma.ts";
import type { Bench } from "../run.ts";

const STORED = 100_000;
const LIVE = 20_000;
/** The few events of other kinds, such as those that tell of readers left behind by the trimming. */
const OTHERS = 100;
/** Publishes that are under way at once. */
const WINDOW = 500;

const program = fileURLToPath(new URL("../../dist/boma-master.mjs", import.meta.url));

export async function events(bench: Bench): Promise<void> {
  await using boma = await Boma.start();
  await using bus = await owner(boma);
  const stored = bench.quick ? STORED / 10 : STORED;
  const live = bench.quick ? LIVE / 10 : LIVE;
  await publish(bus.connection, stored);
  const files: number[] = [];
  const replays: number[] = [];
  const lives: number[] = [];
  for (let run = 0; run < bench.runs; run++) {
    files.push(await intoFile(bench, boma, { name: `file-${run}`, stored }));
    replays.push(await throughApi(boma, { name: `api-${run}`, count: stored, since: 1 }));
    const reading = throughApi(boma, { name: `live-${run}`, count: live });
    await joined(boma, `live-${run}`);
    const began = performance.now();
    await publish(bus.connection, live);
    await reading;
    lives.push(live / ((performance.now() - began) / 1000));
    // The next run reads as many as this one.
    if (run + 1 < bench.runs) await trim(bus.connection, stored + OTHERS);
  }
  const count = stored.toLocaleString("en");
  bench.add({
    name: `events replayed into a file, durable, ${count} stored`,
    unit: "1/s",
    runs: files,
    note: "whole command line; each portion is synced to disk, then let go of",
  });
  bench.add({
    name: `events replayed through the API, durable, ${count} stored`,
    unit: "1/s",
    runs: replays,
    note: "each one done, gathered on their way to the master",
  });
  bench.add({
    name: "events a second through to a durable reader, live",
    unit: "1/s",
    runs: lives,
    note: `bursts of ${live.toLocaleString("en")}, from the first publish to the last one done; publisher, bus, master and reader share the cores`,
  });
}

async function owner(boma: Boma) {
  const trust = parseBusTrust(readFileSync(join(boma.home, "master/keys/bus.json"), "utf8"));
  const { nkey, jwt } = await issueMasterUser(trust, "bench");
  const connection = await connect({ servers: boma.url, authenticator: answerNonce(nkey, () => jwt) });
  return { connection, [Symbol.asyncDispose]: () => connection.close() };
}

async function publish(connection: NatsConnection, count: number): Promise<void> {
  const js = jetstream(connection);
  const job = newSession();
  for (let from = 0; from < count; from += WINDOW) {
    const part = Array.from({ length: Math.min(WINDOW, count - from) }, () => {
      const event: BomaEvent = {
        kind: "job.returned",
        uid: newSession(),
        at: Date.now(),
        id: "bench-0001",
        job,
        data: { function: "test.ping", status: "ok", ms: 12 },
      };
      return js.publish(subjects.event(event.kind, { job }), pack(event), { msgID: event.uid });
    });
    await Promise.all(part);
  }
}

async function trim(connection: NatsConnection, keep: number): Promise<void> {
  await connection.request("$JS.API.STREAM.PURGE.EVENTS", JSON.stringify({ keep }));
}

async function intoFile(
  bench: Bench,
  boma: Boma,
  { name, stored }: { name: string; stored: number },
): Promise<number> {
  const file = join(boma.dir, name);
  const out = openSync(file, "a");
  const words = ["events", "job.returned", "--json", "--durable", name, "--since", "1h", "--home", boma.home];
  const began = performance.now();
  const child = spawn(process.execPath, [program, ...words], { stdio: ["ignore", out, "inherit"] });
  closeSync(out);
  await once(child, "close");
  const ms = performance.now() - began;
  const lines = readFileSync(file, "utf8").split("\n").length - 1;
  if (lines < stored) bench.problem(`${name} has ${lines} of ${stored} events`);
  return lines / (ms / 1000);
}

interface Reading {
  readonly name: string;
  readonly count: number;
  readonly since?: number;
}

async function throughApi(boma: Boma, { name, count, since }: Reading): Promise<number> {
  const began = performance.now();
  const operator = join(boma.home, "operator.json");
  const dones: Promise<void>[] = [];
  const onLost = () => undefined;
  const asked = { operator, patterns: ["job.returned"] as const, durable: name, onLost };
  for await (const event of subscribe({ ...asked, ...(since !== undefined && { since }) })) {
    dones.push(event.done());
    if (dones.length === count) break;
  }
  await Promise.all(dones);
  return count / ((performance.now() - began) / 1000);
}

async function joined(boma: Boma, name: string): Promise<void> {
  while (!(await boma.ok("events", "durables")).includes(name));
}
