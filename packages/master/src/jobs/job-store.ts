/** Jobs as they are kept: the record, the expected set, and each node's ending as the node signed it. */
import { BomaError, type NodeReturnBody, open, NodeReturn, pack, subjects, unpack } from "@boma/protocol";

import { hide, reveal } from "../secret-box.ts";
import { type Store, STREAM, WriteConflict } from "../store/store.ts";
import type { Ending } from "./course.ts";
import { ExpectedNodes, type ExpectedNode, JobRecord } from "./job-record.ts";
import type { Kept } from "./job-world.ts";

/** Nodes in one message of the expected set: well below what a message may weigh. */
const EXPECTED_PER_PART = 5_000;

/** A node's ending: the frame that it signed itself, or what the master concluded in its absence. */
const BY_NODE = 0;
const BY_MASTER = 1;

interface KeptEnding {
  readonly job: string;
  readonly key: string;
  readonly kept: Kept;
  readonly ending: Ending;
  readonly keptAt: number;
}

export class JobStore {
  readonly #store: Store;

  constructor(store: Store) {
    this.#store = store;
  }

  async create(record: JobRecord, expected: readonly ExpectedNode[]): Promise<void> {
    const parts: Promise<unknown>[] = [];
    for (let at = 0; at < expected.length; at += EXPECTED_PER_PART) {
      const pairs = expected.slice(at, at + EXPECTED_PER_PART).map(({ key, id }) => [key, id]);
      parts.push(this.#put(subjects.job(record.job, `expected.${at / EXPECTED_PER_PART}`), pairs));
    }
    await Promise.all(parts);
    // The record comes last: a job without its expected set does not exist.
    await this.save(record);
  }

  save(record: JobRecord): Promise<unknown> {
    return this.#put(subjects.job(record.job, "record"), JobRecord.parse(record));
  }

  async find(job: string): Promise<JobRecord | undefined> {
    const stored = await this.#store.last(STREAM.jobs, subjects.job(job, "record"));
    return stored && JobRecord.parse(this.#get(stored.subject, stored.data));
  }

  async read(job: string): Promise<JobRecord> {
    const record = await this.find(job);
    if (!record) throw new BomaError("job/unknown", `there is no job ${job}`);
    return record;
  }

  async *list(): AsyncGenerator<JobRecord> {
    for await (const { subject, data } of this.#store.replay(STREAM.jobs, subjects.job("*", "record")))
      yield JobRecord.parse(this.#get(subject, data));
  }

  async expected(job: string): Promise<ExpectedNode[]> {
    const nodes: ExpectedNode[] = [];
    for await (const part of this.expectedParts(job)) nodes.push(...part.nodes);
    return nodes;
  }

  /** Those of one job, or with `*` those of all. */
  async *expectedParts(of: string): AsyncGenerator<{ job: string; nodes: ExpectedNode[] }> {
    for await (const { subject, data } of this.#store.replay(STREAM.jobs, subjects.job(of, "expected.*"))) {
      const [, , job = ""] = subject.split(".");
      const nodes = ExpectedNodes.parse(this.#get(subject, data)).map(([key, id]) => ({ key, id }));
      yield { job, nodes };
    }
  }

  /** Keeps how a node ended; `false` when an ending is there already, for the first one stands. */
  async end(job: string, key: string, kept: Kept): Promise<boolean> {
    const value = "frame" in kept ? [BY_NODE, kept.frame] : [BY_MASTER, kept.byMaster];
    try {
      await this.#put(subjects.result(job, key), value, 0);
      return true;
    } catch (thrown) {
      if (thrown instanceof WriteConflict) return false;
      throw thrown;
    }
  }

  async ending(job: string, key: string): Promise<Ending | undefined> {
    const stored = await this.#store.last(STREAM.jobs, subjects.result(job, key));
    return stored && this.#readEnding(stored.subject, stored.data);
  }

  /** The ending that stands, as it is kept. */
  async kept(job: string, key: string): Promise<Kept | undefined> {
    const stored = await this.#store.last(STREAM.jobs, subjects.result(job, key));
    return stored && this.#readKept(stored.subject, stored.data);
  }

  /** Those of one job, or with `*` those of all. */
  async *endings(of: string): AsyncGenerator<KeptEnding> {
    for await (const { subject, data, time } of this.#store.replay(STREAM.jobs, subjects.result(of, "*"))) {
      const kept = this.#readKept(subject, data);
      const [, , job = "", , key = ""] = subject.split(".");
      yield { job, key, kept, ending: endingKept(kept), keptAt: time.getTime() };
    }
  }

  #readEnding(subject: string, data: Uint8Array): Ending {
    return endingKept(this.#readKept(subject, data));
  }

  #readKept(subject: string, data: Uint8Array): Kept {
    const [by, kept] = this.#get(subject, data) as [number, unknown];
    return by === BY_MASTER ? { byMaster: kept as Ending } : { frame: kept as Uint8Array };
  }

  #put(subject: string, value: unknown, after?: number): Promise<number> {
    const sealed = hide(pack(value), this.#store.key, subject);
    return this.#store.put(subject, sealed, after === undefined ? {} : { after });
  }

  #get(subject: string, data: Uint8Array): unknown {
    return unpack(reveal(data, this.#store.key, subject));
  }
}

/** A stored return was checked against the node's key when it came in; the node may have other keys by now. */
const readReturn = (frame: Uint8Array): NodeReturnBody =>
  open(NodeReturn, frame, { trusts: () => true, to: "master", now: null }).body;

export const endingOf = ({ status, value, error, ms, cut }: NodeReturnBody): Ending => ({
  status,
  ...(value !== undefined && { value }),
  ...(error && { error }),
  ms,
  cut,
});

export const endingKept = (kept: Kept): Ending =>
  "frame" in kept ? endingOf(readReturn(kept.frame)) : kept.byMaster;
