/**
 * One node of a failure domain at a time: a record in the stream, written on the
 * condition that nobody wrote it since it was read, so that of two operators, or
 * two masters, one has it. It belongs to a job: where that has ended, or never
 * came to be, it is nobody's.
 */
import { createHash } from "node:crypto";

import { BomaError, JobId, NodeId, pack, subjects, unpack } from "@boma/protocol";
import { z } from "zod";

import type { JobStore } from "../jobs/job-store.ts";
import { hide, reveal } from "../secret-box.ts";
import { type Store, STREAM, WriteConflict } from "../store/store.ts";

const Lease = z.strictObject({
  /** The failure domain. */
  name: z.string(),
  job: JobId,
  node: NodeId,
  operator: z.string(),
  since: z.number(),
});
export type Lease = z.output<typeof Lease>;

/** Between the lease and its job a master writes to the audit and the bus; one that takes longer is dead. */
const BIRTH_MS = 60_000;
const ATTEMPTS = 5;

interface Held {
  readonly sequence: number;
  readonly lease: Lease | undefined;
}

export class Leases {
  readonly #store: Store;
  readonly #jobs: Pick<JobStore, "find">;

  constructor(store: Store, jobs: Pick<JobStore, "find">) {
    this.#store = store;
    this.#jobs = jobs;
  }

  /** Holds it while `begin` makes the job; a job that could not be made holds nothing. Throws `lease/held`. */
  async during<T>(asked: Omit<Lease, "since">, begin: () => Promise<T>): Promise<T> {
    await this.#take({ ...asked, since: Date.now() });
    try {
      return await begin();
    } catch (thrown) {
      // Nothing of it was sent. Where this cannot be written either, it falls free by itself.
      await this.release(asked.name, asked.job).catch(() => undefined);
      throw thrown;
    }
  }

  async #take(lease: Lease): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      const { lease: now, sequence } = await this.#read(subjectOf(lease.name));
      if (now && now.job !== lease.job && (await this.#isHeld(now))) throw heldError(now);
      try {
        await this.#write(lease, sequence);
        return;
      } catch (thrown) {
        // Somebody else was quicker: his is looked at.
        if (!(thrown instanceof WriteConflict) || attempt === ATTEMPTS) throw thrown;
      }
    }
  }

  /** Lets go of it, if this job has it. */
  async release(name: string, job: string): Promise<void> {
    const subject = subjectOf(name);
    const { lease, sequence } = await this.#read(subject);
    if (lease?.job !== job) return;
    try {
      await this.#store.put(subject, new Uint8Array(), { after: sequence });
    } catch (thrown) {
      // Only who found that it is not held any more writes over it.
      if (!(thrown instanceof WriteConflict)) throw thrown;
    }
  }

  /** The lease as this job holds it. Throws `lease/gone` where it does not. */
  async holding(name: string, job: string): Promise<Lease> {
    const { lease } = await this.#read(subjectOf(name));
    if (lease?.job !== job || !(await this.#isHeld(lease))) throw goneError(name, job, lease);
    return lease;
  }

  /** Takes it away from this job. Throws `lease/gone` where somebody else did so before, or has it by now. */
  async end(name: string, job: string): Promise<void> {
    const subject = subjectOf(name);
    const { lease, sequence } = await this.#read(subject);
    if (lease?.job !== job) throw goneError(name, job, lease);
    try {
      await this.#store.put(subject, new Uint8Array(), { after: sequence });
    } catch (thrown) {
      if (!(thrown instanceof WriteConflict)) throw thrown;
      throw goneError(name, job, undefined);
    }
  }

  /** Lets go of what jobs held that have ended: a master may have died before it could. */
  async sweep(): Promise<void> {
    for (const lease of await this.list())
      if (!(await this.#isHeld(lease))) await this.release(lease.name, lease.job);
  }

  /** Those that keep others out now. */
  async held(): Promise<readonly Lease[]> {
    const held: Lease[] = [];
    for (const lease of await this.list()) if (await this.#isHeld(lease)) held.push(lease);
    return held;
  }

  async list(): Promise<readonly Lease[]> {
    const leases: Lease[] = [];
    for await (const { subject, data } of this.#store.replay(STREAM.records, subjects.record(TABLE, "*")))
      if (data.length > 0) leases.push(this.#open(subject, data));
    return leases;
  }

  async #isHeld({ job, since }: Lease): Promise<boolean> {
    const record = await this.#jobs.find(job);
    return record ? record.closedAt === undefined : Date.now() - since < BIRTH_MS;
  }

  async #read(subject: string): Promise<Held> {
    const stored = await this.#store.last(STREAM.records, subject);
    if (!stored) return { sequence: 0, lease: undefined };
    const { sequence, data } = stored;
    return { sequence, lease: data.length === 0 ? undefined : this.#open(subject, data) };
  }

  #open(subject: string, data: Uint8Array): Lease {
    return Lease.parse(unpack(reveal(data, this.#store.key, subject)));
  }

  async #write(lease: Lease, after: number): Promise<void> {
    const subject = subjectOf(lease.name);
    await this.#store.put(subject, hide(pack(lease), this.#store.key, subject), { after });
  }
}

const TABLE = "lease";

/** A failure domain may have any name; a subject may not. */
const subjectOf = (name: string): string =>
  subjects.record(TABLE, createHash("sha256").update(name).digest("hex").slice(0, 40));

const heldError = ({ name, job, node, operator, since }: Lease): BomaError =>
  new BomaError(
    "lease/held",
    `${name} is held by job ${job} on ${node}, of ${operator}, since ${new Date(since).toISOString()}`,
    {
      hint: `Follow it: boma-master jobs attach ${job}. If its node is dead: boma-master leases end ${name} --reason TEXT`,
    },
  );

const goneError = (name: string, job: string, now: Lease | undefined): BomaError =>
  new BomaError(
    "lease/gone",
    now && now.job !== job
      ? `${name} is not held by job ${job} any more, but by job ${now.job} on ${now.node}`
      : `${name} is not held by job ${job} any more`,
  );
