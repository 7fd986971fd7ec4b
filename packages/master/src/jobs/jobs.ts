/** All open jobs, and the doors through which nodes, presence and operators reach them. */
import {
  asBomaError,
  BomaError,
  type ChunkRef,
  type JobOrder,
  newJobId,
  type NodeProgressBody,
  type NodeReturnBody,
} from "@boma/protocol";

import type { Events } from "../events/events.ts";
import type { Logger } from "../log.ts";
import type { Mailboxes } from "../mail/mailbox.ts";
import type { Ending, FinalStatus } from "./course.ts";
import { failedEnding, refusedEnding } from "./endings.ts";
import type { ExpectedNode, JobRecord } from "./job-record.ts";
import { endingOf, type JobStore } from "./job-store.ts";
import { Job, type JobNews, type JobWorld, type Kept } from "./job.ts";

export interface Parcels {
  parcelFor(key: string, order: JobOrder): Promise<ChunkRef | undefined>;
  ended(job: string, key: string): Promise<void>;
  closed(job: string): void;
}

interface Parts {
  readonly store: JobStore;
  readonly mailboxes: Mailboxes;
  readonly events: Events;
  readonly log: Logger;
  /** What goes to a node beside an order. */
  readonly parcels: Parcels;
  readonly connected: (key: string) => boolean;
  /** Why this node gets no work now, if there is a reason. */
  readonly barred: (key: string) => string | undefined;
}

export type NewJob = Omit<JobRecord, "job" | "createdAt" | "state" | "nodes" | "expiresAt"> & {
  readonly waitMs: number;
};

export class Jobs {
  readonly store: JobStore;
  readonly #open = new Map<string, Job>();
  readonly #parts: Parts;
  readonly #world: JobWorld;

  constructor(parts: Parts) {
    this.store = parts.store;
    this.#parts = parts;
    this.#world = {
      connected: parts.connected,
      deliver: (key, order) => this.#deliver(key, order),
      withdraw: (key, job) => parts.mailboxes.of(key).cancel(job),
      keep: (job, key, ending) => this.#keep(job, key, ending),
      close: (record) => this.#close(record),
      now: Date.now,
      broken: (error) => parts.log.error({ error: String(error) }, "a job could not be written to the store"),
    };
  }

  /** Takes up the jobs that were open when a master stopped. */
  async resume(): Promise<void> {
    for await (const record of this.store.list()) {
      if (record.closedAt !== undefined) continue;
      const expected = await this.store.expected(record.job);
      const endings = new Map<string, FinalStatus>();
      for await (const { key, ending } of this.store.endings(record.job)) endings.set(key, ending.status);
      const begun = new Set<string>();
      for await (const { node } of this.#parts.events.read({ pattern: "job.accepted", job: record.job }))
        if (node !== undefined) begun.add(node);
      this.#add(record, expected).resume(endings, begun);
    }
  }

  async start({ waitMs, ...asked }: NewJob, expected: readonly ExpectedNode[]): Promise<Job> {
    const createdAt = Date.now();
    const record: JobRecord = {
      ...asked,
      job: newJobId(createdAt),
      createdAt,
      expiresAt: createdAt + waitMs,
      nodes: expected.length,
      state: "open",
    };
    await this.store.create(record, expected);
    this.#parts.events.tell({
      kind: "job.started",
      job: record.job,
      operator: record.operator,
      data: { function: record.function, target: record.target, nodes: record.nodes, test: record.test },
    });
    return this.#add(record, expected);
  }

  get(job: string): Job | undefined {
    return this.#open.get(job);
  }

  get openCount(): number {
    return this.#open.size;
  }

  async cancel(id: string, operator: string): Promise<void> {
    const job = this.#open.get(id);
    if (!job) {
      await this.store.read(id);
      throw new BomaError("usage/argument", `job ${id} is not open any more`, {
        hint: `How it ended: boma-master jobs show ${id}`,
      });
    }
    this.#parts.events.tell({ kind: "job.cancelled", job: id, operator });
    await job.cancel();
    if (job.record.closedAt === undefined) await this.store.save(job.record);
  }

  /** Resolves when the return is kept, or known to be kept already. */
  async returned(node: ExpectedNode, body: NodeReturnBody, frame: Uint8Array): Promise<void> {
    const job = this.#open.get(body.job);
    const counted = job !== undefined && (await job.returned(node.key, endingOf(body), frame));
    if (counted) return;
    const known = await this.#knownReturn(node, body);
    if (!known) this.#tellLate(node, body);
    this.#parts.mailboxes.of(node.key).remove(body.job);
  }

  /** A node repeats a return until it knows that it arrived; only another one is news. */
  async #knownReturn({ key }: ExpectedNode, body: NodeReturnBody): Promise<boolean> {
    const kept = await this.store.ending(body.job, key);
    return kept !== undefined && kept.status === body.status && kept.ms === body.ms;
  }

  #tellLate({ key, id }: ExpectedNode, { job, status, ms }: NodeReturnBody): void {
    this.#parts.events.tell({ kind: "job.late", job, node: key, id, data: { status, ms } });
  }

  progress({ key }: ExpectedNode, { job, accepted, lines, dropped, steps = [] }: NodeProgressBody): void {
    this.#open.get(job)?.progress(key, { accepted, lines, dropped, steps });
  }

  presence(key: string, connected: boolean): void {
    for (const job of this.#open.values()) job.presence(key, connected);
  }

  #add(record: JobRecord, expected: readonly ExpectedNode[]): Job {
    const job = new Job(record, expected, this.#world);
    this.#open.set(record.job, job);
    job.listen((news) => this.#record(job, news));
    return job;
  }

  async #deliver(key: string, order: JobOrder): Promise<Ending | undefined> {
    const barred = this.#parts.barred(key);
    if (barred !== undefined) return refusedEnding("node/barred", barred);
    const mailbox = this.#parts.mailboxes.of(key);
    // Put there by an earlier master: what the node may be doing already cannot become another job, nor be refused.
    if (await mailbox.holds(order.job)) return undefined;
    let parcel: ChunkRef | undefined;
    try {
      parcel = await this.#parts.parcels.parcelFor(key, order);
    } catch (thrown) {
      const { code, message, hint } = asBomaError(thrown);
      return refusedEnding(code, message, hint);
    }
    if (await mailbox.add(parcel ? { ...order, parcel } : order)) return undefined;
    return failedEnding("job/mailbox-full", "the node has too many unfinished jobs");
  }

  async #keep(job: string, key: string, kept: Kept): Promise<boolean> {
    const isFirst = await this.store.end(job, key, kept);
    this.#parts.mailboxes.of(key).remove(job);
    // What lies on the bus for a node that has ended is of no use to anybody; the stream's own bounds take what stays.
    this.#parts.parcels.ended(job, key).catch(() => undefined);
    return isFirst;
  }

  async #close(record: JobRecord): Promise<void> {
    await this.store.save(record);
    this.#parts.events.tell({
      kind: "job.finished",
      job: record.job,
      data: { nodes: record.nodes, state: record.state },
    });
    this.#open.delete(record.job);
    this.#parts.parcels.closed(record.job);
  }

  /** What happens in a job, told as events. */
  #record({ record: { job } }: Job, news: JobNews): void {
    const { events } = this.#parts;
    if (news.type === "closed") return;
    const { key: node, id } = news.course;
    const about = { job, node, id };
    if (news.type === "lines")
      events.tell({ kind: "job.line", ...about, data: { lines: news.lines, dropped: news.dropped } });
    else if (news.type === "steps") {
      const ended = news.steps.filter(({ result }) => result !== undefined);
      if (ended.length > 0) events.tell({ kind: "job.step", ...about, data: { steps: ended } });
    } else if (news.type === "ending") {
      const { status, ms, error } = news.ending;
      events.tell({
        kind: "job.returned",
        ...about,
        data: { status, ...(ms !== undefined && { ms }), ...(error && { error: error.code }) },
      });
    } else if (news.course.status === "running" && news.before !== "running")
      events.tell({ kind: "job.accepted", ...about });
  }
}
