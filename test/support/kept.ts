/** What the bus of a test's master holds in the end, and whether it agrees with itself and with what was acknowledged. */
import { readFileSync } from "node:fs";
import { join } from "node:path";

import { subjects } from "@boma/protocol";

import { connectMaster } from "../../packages/master/src/bus/connect.ts";
import { type StreamName, STREAMS } from "../../packages/master/src/bus/streams.ts";
import { issueMasterUser, parseBusTrust } from "../../packages/master/src/bus/trust.ts";
import { Events } from "../../packages/master/src/events/events.ts";
import { homeAt } from "../../packages/master/src/home.ts";
import type { JobRecord } from "../../packages/master/src/jobs/job-record.ts";
import { JobStore } from "../../packages/master/src/jobs/job-store.ts";
import { readKeyring } from "../../packages/master/src/keyring.ts";
import { newLogger } from "../../packages/master/src/log.ts";
import { Store, STREAM } from "../../packages/master/src/store/store.ts";
import type { ToldEvent } from "./fleet.ts";

export interface Kept {
  readonly events: readonly ToldEvent[];
  readonly jobs: ReadonlyMap<string, JobRecord>;
  /** The status of each node's ending, by job. */
  readonly endings: ReadonlyMap<string, ReadonlyMap<string, string>>;
  readonly expected: ReadonlyMap<string, readonly string[]>;
}

/** Looks past the master, at the streams themselves. */
async function openStore(dir: string, url: string) {
  const home = homeAt(dir);
  const trust = parseBusTrust(readFileSync(join(home.keys, "bus.json"), "utf8"));
  const ca = url.startsWith("tls:") ? readFileSync(join(home.keys, "ca.pem"), "utf8") : undefined;
  const connection = await connectMaster(url, await issueMasterUser(trust), { name: "test", ca });
  return { connection, store: await Store.open(connection, readKeyring(home).store) };
}

/** What operators ask for with one verb from now on, as it comes to the bus. */
export async function requestsAt(
  dir: string,
  url: string,
  verb: string,
): Promise<{ next: () => Promise<unknown>; close: () => Promise<void> }> {
  const { connection } = await openStore(dir, url);
  const requests = connection.subscribe(subjects.api("*", verb))[Symbol.asyncIterator]();
  await connection.flush();
  return { next: () => requests.next(), close: () => connection.close() };
}

/** How much of the inbox no master has dealt with. */
export async function inboxLeft(dir: string, url: string): Promise<number> {
  const { connection, store } = await openStore(dir, url);
  try {
    return (await store.api.streams.info(STREAM.inbox)).state.messages;
  } finally {
    await connection.close();
  }
}

/** What each stream weighs, how many messages there are in all of them, and how many events were told so far. */
export async function streamBytes(
  dir: string,
  url: string,
): Promise<{ bytes: Record<StreamName, number>; messages: number; told: number }> {
  const { connection, store } = await openStore(dir, url);
  try {
    const state = async (name: string) => (await store.api.streams.info(name)).state;
    const all = await Promise.all(STREAMS.map(async (name) => [name, await state(name)] as const));
    return {
      bytes: Object.fromEntries(all.map(([name, { bytes }]) => [name, bytes])) as Record<StreamName, number>,
      messages: all.reduce((sum, [, { messages }]) => sum + messages, 0),
      told: (await state(STREAM.events)).last_seq,
    };
  } finally {
    await connection.close();
  }
}

export async function readKept(dir: string, url: string): Promise<Kept> {
  const { connection, store } = await openStore(dir, url);
  try {
    const jobStore = new JobStore(store);
    const events: ToldEvent[] = [];
    for await (const event of new Events(store, newLogger()).read({})) events.push(event as ToldEvent);
    const jobs = new Map<string, JobRecord>();
    for await (const record of jobStore.list()) jobs.set(record.job, record);
    const endings = new Map<string, Map<string, string>>();
    const expected = new Map<string, string[]>();
    for (const job of jobs.keys()) {
      expected.set(job, []);
      endings.set(job, new Map());
    }
    // At once: to find those of one job takes a server seconds where there are many.
    for await (const { job, nodes } of jobStore.expectedParts("*"))
      expected.get(job)?.push(...nodes.map(({ key }) => key));
    for await (const { job, key, ending } of jobStore.endings("*")) endings.get(job)?.set(key, ending.status);
    return { events, jobs, endings, expected };
  } finally {
    await connection.close();
  }
}

const countBy = <T>(items: Iterable<T>, name: (item: T) => string): Map<string, number> => {
  const counts = new Map<string, number>();
  for (const item of items) counts.set(name(item), (counts.get(name(item)) ?? 0) + 1);
  return counts;
};

/** Everything that is lost, doubled or contradicts something else, in words; nothing where all is well. */
export function faults(kept: Kept, acknowledged: Iterable<string>): string[] {
  const { events, jobs } = kept;
  const found: string[] = [];
  for (const job of acknowledged) if (!jobs.has(job)) found.push(`job ${job} was acknowledged and is lost`);
  for (const [uid, count] of countBy(events, ({ uid }) => uid))
    if (count > 1) found.push(`event ${uid} is there ${count} times`);
  for (const { kind, job, sequence } of events)
    if (job !== undefined && !jobs.has(job))
      found.push(`${kind} ${sequence} is about the unknown job ${job}`);
  const byJob = Map.groupBy(events, ({ job }) => job ?? "");
  for (const record of jobs.values()) found.push(...faultsOf(record, kept, byJob.get(record.job) ?? []));
  const starts = events.filter(({ kind }) => kind === "node.started");
  for (const [start, count] of countBy(starts, ({ id, data }) => `${id} ${String(data["start"])}`))
    if (count > 1) found.push(`node.started of ${start} is there ${count} times`);
  return found;
}

function faultsOf(record: JobRecord, kept: Kept, events: readonly ToldEvent[]): string[] {
  const { job } = record;
  const found: string[] = [];
  if (record.closedAt === undefined) found.push(`job ${job} is not closed`);
  const expected = kept.expected.get(job)!;
  if (expected.length !== record.nodes)
    found.push(`${job} is of ${record.nodes} nodes and expects ${expected.length}`);
  const kinds = countBy(events, ({ kind }) => kind);
  for (const kind of ["job.started", "job.finished"])
    if (kinds.get(kind) !== 1) found.push(`${kind} of ${job} is there ${kinds.get(kind) ?? 0} times`);
  const returned = Map.groupBy(
    events.filter(({ kind }) => kind === "job.returned"),
    ({ node }) => node,
  );
  const endings = kept.endings.get(job)!;
  for (const key of expected) {
    const told = returned.get(key) ?? [];
    const status = endings.get(key);
    if (told.length !== 1) found.push(`job.returned of ${job} on ${key} is there ${told.length} times`);
    else if (told[0]!.data["status"] !== status)
      found.push(`${job} on ${key} was told as ${String(told[0]!.data["status"])} and kept as ${status}`);
  }
  const finished = events.find(({ kind }) => kind === "job.finished")?.data["statuses"];
  const counts = Object.fromEntries(countBy(endings.values(), (status) => status));
  if (!sameCounts(finished, counts))
    found.push(`${job} finished as ${JSON.stringify(finished)} and is kept as ${JSON.stringify(counts)}`);
  for (const [at, { kind }] of events.entries())
    if (kind !== "job.started" && at === 0) found.push(`${kind} of ${job} comes before its start`);
  return found;
}

function sameCounts(told: unknown, kept: Readonly<Record<string, number>>): boolean {
  const counts = new Map(Object.entries((told ?? {}) as Record<string, number>));
  const names = Object.keys(kept);
  return counts.size === names.length && names.every((name) => counts.get(name) === kept[name]);
}
