/** All open jobs, and the doors through which nodes, presence and operators reach them. */
import {
  asBomaError,
  BomaError,
  type JobOrder,
  type NodeProgressBody,
  type NodeReturnBody,
} from "@boma/protocol";

import type { JobAudit } from "../audit/job-audit.ts";
import { bringsCatalog, type SentParcel } from "../catalogs/catalogs.ts";
import type { Events, NewEvent } from "../events/events.ts";
import type { Logger } from "../log.ts";
import type { Caller } from "../mail/call.ts";
import type { Mailboxes } from "../mail/mailbox.ts";
import type { Leases } from "../maintenance/leases.ts";
import type { InboxRead } from "../nodes/inbox-read.ts";
import { Turns } from "../turns.ts";
import type { Ending, FinalStatus } from "./course.ts";
import { failedEnding, refusedEnding } from "./endings.ts";
import { endingEvents, progressEvents, statusCounts, toldOf } from "./job-events.ts";
import type { ExpectedNode, JobRecord } from "./job-record.ts";
import { endingKept, endingOf, type JobStore } from "./job-store.ts";
import type { JobWorld, Kept } from "./job-world.ts";
import { Job } from "./job.ts";
import { untilDone } from "./until-done.ts";

export interface Parcels {
  parcelFor(key: string, order: JobOrder): Promise<SentParcel | undefined>;
  ended(job: string, key: string): Promise<void>;
  closed(job: string): void;
}

interface Parts {
  readonly store: JobStore;
  readonly mailboxes: Mailboxes;
  readonly caller: Caller;
  readonly events: Events;
  readonly log: Logger;
  /** What goes to a node beside an order. */
  readonly parcels: Parcels;
  /** What is done is recorded there before it is done, and how it ended before that is told. */
  readonly audit: JobAudit;
  readonly leases: Pick<Leases, "release" | "sweep">;
  readonly connected: (key: string) => boolean;
  readonly inboxRead: Pick<InboxRead, "until">;
  /** Why this node gets no work now, if there is a reason. */
  readonly barred: (key: string) => string | undefined;
}

export type NewJob = Omit<JobRecord, "createdAt" | "state" | "nodes" | "expiresAt"> & {
  readonly waitMs: number;
};

/** As it is stored, and the job itself while it is open. */
export interface Known {
  readonly record: JobRecord;
  readonly job: Job | undefined;
}

export class Jobs {
  readonly store: JobStore;
  readonly #open = new Map<string, Job>();
  readonly #turns = new Turns();
  /** Those that are being written down as cancelled. */
  readonly #abandoned = new Map<string, Promise<void>>();
  readonly #parts: Parts;
  readonly #world: JobWorld;

  constructor(parts: Parts) {
    this.store = parts.store;
    this.#parts = parts;
    this.#world = {
      connected: parts.connected,
      callOut: (order, job) => this.#callOut(order, job),
      deliver: (key, order) => this.#deliver(key, order),
      remind: (key, order) => this.#remind(key, order),
      withdraw: (key, job) => parts.mailboxes.of(key).cancel(job),
      keep: (job, key, ending, kept) => this.#keep(job, key, ending, kept),
      close: ({ job }) => this.#close(this.#open.get(job)!),
      now: Date.now,
      readUntil: () => parts.inboxRead.until,
      broken: (error) => parts.log.error({ error: String(error) }, "a job could not be written to the store"),
    };
  }

  /** Takes up the jobs that were open when a master stopped. */
  async resume(): Promise<void> {
    const oldestAt = await this.#parts.events.oldestAt();
    const open: JobRecord[] = [];
    for await (const record of this.store.list()) if (record.closedAt === undefined) open.push(record);
    await this.#parts.audit.takeUp(open);
    // Those that an earlier try has taken up go on already.
    for (const record of open) if (!this.#open.has(record.job)) await this.#takeUp(record, oldestAt);
    await this.#parts.leases.sweep();
  }

  async #takeUp(record: JobRecord, oldestAt: number): Promise<void> {
    const expected = await this.store.expected(record.job);
    const told = await toldOf(this.#parts.events, record.job);
    // What is older than the oldest event was told long ago.
    const isNews = record.createdAt > oldestAt && !told.started;
    if (isNews) await this.#tellStart(record);
    const ids = new Map(expected.map(({ key, id }) => [key, id]));
    const endings = new Map<string, FinalStatus>();
    const telling: Promise<void>[] = [];
    for await (const { key, kept, ending, keptAt } of this.store.endings(record.job)) {
      endings.set(key, ending.status);
      await this.#parts.audit.returned(record, { key, id: ids.get(key) ?? key }, { kept, ending });
      // Kept, and perhaps not told, by a master who died in between.
      if (keptAt > oldestAt && !(told.returned.has(key) && endingEvents(record, ending).length === 1))
        telling.push(this.#tellEnding(record, { key, id: ids.get(key) ?? key }, ending));
    }
    await Promise.all(telling);
    this.#add(record, expected).resume(endings, told.begun);
  }

  /** Makes the job of an id that is known beforehand, or finds it: however often it is asked for, and by how many at once, there is one. */
  once(id: string, make: () => Promise<Job>): Promise<{ made: Job; known?: undefined } | { known: Known }> {
    return this.#turns.take([id], async () => {
      const known = await this.#known(id);
      return known ? { known } : { made: await make() };
    });
  }

  /** One that a failing bus left half begun is taken up. */
  async #known(id: string): Promise<Known | undefined> {
    await this.#abandoned.get(id);
    const open = this.#open.get(id);
    if (open) return { record: open.record, job: open };
    const record = await this.store.find(id);
    if (record && record.closedAt === undefined) {
      await this.#parts.audit.takeUp([record]);
      await this.#takeUp(record, await this.#parts.events.oldestAt());
    }
    return record && { record, job: this.#open.get(id) };
  }

  async start(
    { waitMs, ...asked }: NewJob,
    expected: readonly ExpectedNode[],
    catalogs?: ReadonlyMap<string, string>,
  ): Promise<Job> {
    const createdAt = Date.now();
    const record: JobRecord = {
      ...asked,
      createdAt,
      expiresAt: createdAt + waitMs,
      nodes: expected.length,
      state: "open",
    };
    await this.#parts.audit.started(record, expected, catalogs);
    await this.#writeDown(record, expected).catch((error: unknown) => {
      // A reactor asks again for the same job, and then finds what there is of it.
      if (!record.causes) this.#abandon({ ...record, state: "cancelled" }, expected);
      throw error;
    });
    return this.#add(record, expected);
  }

  async #writeDown(record: JobRecord, expected: readonly ExpectedNode[]): Promise<void> {
    await this.store.create(record, expected);
    await this.#tellStart(record);
  }

  /** How much of it the bus has is not known, and whoever asked hears that it failed: so it is written down as cancelled. */
  #abandon(record: JobRecord, expected: readonly ExpectedNode[]): void {
    const written = untilDone(
      () => this.#writeDown(record, expected),
      (error) => this.#world.broken(error),
    ).then(() => {
      this.#add(record, expected).resume(new Map(), new Set());
      this.#abandoned.delete(record.job);
    });
    this.#abandoned.set(record.job, written);
  }

  #tellStart({ job, operator, causes, function: name, target, nodes, test }: JobRecord): Promise<void> {
    return this.#parts.events.once({
      kind: "job.started",
      job,
      operator,
      ...(causes && { causes }),
      data: { function: name, target, nodes, test },
    });
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
    await this.#parts.events.once({ kind: "job.cancelled", job: id, operator, ...causesOf(job.record) });
    await job.cancel();
    if (job.record.closedAt === undefined) await this.store.save(job.record);
  }

  /** Ends it without its nodes' word, whether it was cancelled before or not. One that is not open here is not ours to end. */
  async giveUp(id: string, ending: Ending): Promise<void> {
    const job = this.#open.get(id);
    if (!job) return;
    await job.cancel(ending);
    if (job.record.closedAt === undefined) await this.store.save(job.record);
  }

  /** Resolves when the return is kept, or known to be kept already. */
  async returned(node: ExpectedNode, body: NodeReturnBody, frame: Uint8Array): Promise<void> {
    const job = this.#open.get(body.job);
    const counted = job !== undefined && (await job.returned(node.key, endingOf(body), frame));
    if (counted) return;
    const kept = await this.store.ending(body.job, node.key);
    // A node repeats a return until it knows that it arrived; only another one is news.
    const isNews = kept?.status !== body.status || kept.ms !== body.ms;
    // Of a node that was never asked, or was asked too long ago to tell, nothing is recorded for ever.
    if (isNews && kept) await this.#parts.audit.late(body, node, frame);
    this.#parts.mailboxes.of(node.key).remove(body.job);
    if (isNews) await this.#tellLate(node, body);
  }

  async #tellLate({ key, id }: ExpectedNode, { job, status, ms }: NodeReturnBody): Promise<void> {
    const record = this.#open.get(job)?.record ?? (await this.store.find(job));
    // A node can make up as many jobs as it likes, and each would be an event.
    if (!record) throw new BomaError("wire/recipient", `a return of the job ${job}, which nobody knows`);
    const about = { job, node: key, id, ...causesOf(record) };
    return this.#parts.events.once({ kind: "job.late", ...about, data: { status, ms } });
  }

  /** What a node said on its way; resolves when it is told. */
  async progress(
    { key }: ExpectedNode,
    { job: id, steps = [], ...said }: NodeProgressBody,
    tell: (event: NewEvent) => Promise<void>,
  ): Promise<void> {
    const job = this.#open.get(id);
    if (!job) return;
    const part = { ...said, steps };
    const { counts, began } = job.progress(key, part);
    if (!counts) return;
    const about = { job: id, ...causesOf(job.record) };
    await Promise.all(progressEvents(part, began).map((event) => tell({ ...event, ...about })));
  }

  presence(key: string, connected: boolean): void {
    for (const job of this.#open.values()) job.presence(key, connected);
  }

  #add(record: JobRecord, expected: readonly ExpectedNode[]): Job {
    const job = new Job(record, expected, this.#world);
    this.#open.set(record.job, job);
    return job;
  }

  /** What only looks may be heard by all at once, and twice. What differs from node to node, or may not reach one, is posted. */
  #callOut(order: JobOrder, { record, courses }: Pick<Job, "record" | "courses">): boolean {
    const { caller, barred } = this.#parts;
    if (record.effect !== "read" || bringsCatalog(order) || !caller.isForAll(courses)) return false;
    for (const key of courses.keys()) if (barred(key) !== undefined) return false;
    caller.call(order);
    return true;
  }

  async #deliver(key: string, order: JobOrder): Promise<Ending | undefined> {
    const barred = this.#parts.barred(key);
    if (barred !== undefined) return refusedEnding("node/barred", barred);
    const mailbox = this.#parts.mailboxes.of(key);
    // Put there by an earlier master: what the node may be doing already cannot become another job, nor be refused.
    if (await mailbox.holds(order.job)) return undefined;
    let parcel: SentParcel | undefined;
    try {
      parcel = await this.#parts.parcels.parcelFor(key, order);
      if (parcel) await this.#parts.audit.sent(order.job, key, parcel.catalog);
    } catch (thrown) {
      const { code, message, hint } = asBomaError(thrown);
      return refusedEnding(code, message, hint);
    }
    if (await mailbox.add(parcel ? { ...order, parcel: parcel.ref } : order)) return undefined;
    return failedEnding("job/mailbox-full", "the node has too many unfinished jobs");
  }

  async #remind(key: string, order: JobOrder): Promise<void> {
    const mailbox = this.#parts.mailboxes.of(key);
    if (!(await mailbox.holds(order.job))) await mailbox.add(order);
  }

  /** Kept, told, and only then done with: whatever is interrupted in between is taken up by the next master. */
  async #keep(id: string, key: string, mine: Ending, kept: Kept): Promise<Ending> {
    const isFirst = await this.store.end(id, key, kept);
    const stands = isFirst ? kept : ((await this.store.kept(id, key)) ?? kept);
    const ending = stands === kept ? mine : endingKept(stands);
    const job = this.#open.get(id);
    const node = job?.courses.get(key);
    if (job && node) {
      await this.#parts.audit.returned(job.record, node, { kept: stands, ending });
      // Before anybody hears of it: whoever does may have the next node at once.
      await this.#letGo(job.record);
      await this.#tellEnding(job.record, node, ending);
    }
    this.#parts.mailboxes.of(key).remove(id);
    // What lies on the bus for a node that has ended is of no use to anybody; the stream's own bounds take what stays.
    this.#parts.parcels.ended(id, key).catch(() => undefined);
    return ending;
  }

  async #letGo({ lease, job }: JobRecord): Promise<void> {
    if (lease !== undefined) await this.#parts.leases.release(lease, job);
  }

  /** They leave together: nobody waits for one of them before the next is on its way. */
  async #tellEnding(record: JobRecord, { key: node, id }: ExpectedNode, ending: Ending): Promise<void> {
    const about = { job: record.job, node, id, ...causesOf(record) };
    await Promise.all(
      endingEvents(record, ending).map((event) => this.#parts.events.once({ ...event, ...about })),
    );
  }

  async #close(job: Job): Promise<void> {
    const { record } = job;
    await this.#parts.audit.finished(record, statusCounts(job.courses.values()));
    await this.#parts.events.once({
      kind: "job.finished",
      job: record.job,
      operator: record.operator,
      ...causesOf(record),
      data: {
        function: record.function,
        nodes: record.nodes,
        state: record.state,
        statuses: statusCounts(job.courses.values()),
      },
    });
    await this.store.save(record);
    await this.#letGo(record);
    this.#open.delete(record.job);
    this.#parts.parcels.closed(record.job);
  }
}

const causesOf = ({ causes }: JobRecord): { causes?: string[] } => (causes ? { causes } : {});
