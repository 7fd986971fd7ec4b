/**
 * One open job. The expected set is fixed when it is made; from then on every
 * node goes its course to exactly one ending, whatever happens on the way.
 */
import { ACCEPT_MS, DEADLINE_GRACE_MS, type JobOrder } from "@boma/protocol";

import { type Course, type Ending, type FinalStatus, isFailure, isFinal, newCourse } from "./course.ts";
import type { ExpectedNode, JobRecord } from "./job-record.ts";

/** A node that lost its connection during a read gets this long to come back before it counts as offline. */
const RECONNECT_MS = 5_000;
const TICK_MS_MIN = 50;

/** What a job needs from the rest of the master. */
export interface JobWorld {
  connected(key: string): boolean;
  /** Puts the order into the node's mailbox; says why not, where it cannot. */
  deliver(key: string, order: JobOrder): Promise<Ending | undefined>;
  withdraw(key: string, job: string): Promise<void>;
  /** Keeps an ending; `false` when one is there already. */
  keep(job: string, key: string, ending: { frame: Uint8Array } | { byMaster: Ending }): Promise<boolean>;
  close(record: JobRecord): Promise<void>;
  now(): number;
  /** The store does not take what it must. */
  broken(error: unknown): void;
}

export type JobNews =
  | { readonly type: "status"; readonly course: Readonly<Course> }
  | { readonly type: "ending"; readonly course: Readonly<Course>; readonly ending: Ending }
  | {
      readonly type: "lines";
      readonly course: Readonly<Course>;
      readonly lines: readonly Line[];
      readonly dropped: number;
    }
  | { readonly type: "closed" };
export interface Line {
  readonly stream: "stdout" | "stderr";
  readonly text: string;
}

export class Job {
  record: JobRecord;
  readonly courses: ReadonlyMap<string, Course>;
  readonly #world: JobWorld;
  readonly #listeners = new Set<(news: JobNews) => void>();
  readonly #waiting: Course[] = [];
  #failures = 0;
  /** Nodes without an ending, and endings that are being kept. */
  #open: number;
  #settling = 0;
  /** When the job last heard from any node: while returns flow in, nobody is called silent. */
  #heardAt: number;
  #timer: NodeJS.Timeout | undefined;

  constructor(record: JobRecord, expected: readonly ExpectedNode[], world: JobWorld) {
    this.record = record;
    this.#world = world;
    this.courses = new Map(expected.map((node) => [node.key, newCourse(node)]));
    this.#waiting = [...this.courses.values()];
    this.#open = expected.length;
    this.#heardAt = world.now();
  }

  listen(listener: (news: JobNews) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Sends the job to as many nodes as may have it at once. */
  start(): void {
    this.#fill();
    this.#closeIfDone();
    this.#schedule();
  }

  /** Takes up a job that another process had begun: the endings that are kept, and mailboxes that may hold the order. */
  resume(endings: ReadonlyMap<string, FinalStatus>): void {
    for (const [key, status] of endings) {
      const course = this.courses.get(key);
      if (!course) continue;
      course.status = status;
      this.#open -= 1;
      if (isFailure(status)) this.#failures += 1;
    }
    this.#waiting.splice(0, Infinity, ...this.#waiting.filter((course) => !isFinal(course.status)));
    if (this.record.state === "cancelled")
      for (const course of this.#waiting.splice(0)) this.#end(course, cancelledEnding);
    this.start();
  }

  #fill(): void {
    const limit = this.record.batch ?? Number.POSITIVE_INFINITY;
    let busy = 0;
    for (const { status } of this.courses.values()) if (status === "sent" || status === "running") busy += 1;
    while (busy < limit && this.#waiting.length > 0) {
      const course = this.#waiting.shift()!;
      if (this.#begin(course)) busy += 1;
    }
  }

  /** Returns whether the node is busy with the job from now on. */
  #begin(course: Course): boolean {
    const connected = this.#world.connected(course.key);
    if (!connected && this.record.expiresAt <= this.#world.now()) {
      this.#end(course, offlineEnding);
      return false;
    }
    if (connected) this.#send(course);
    else this.#set(course, "queued");
    this.#world.deliver(course.key, this.#order()).then(
      (problem) => problem && this.#end(course, problem),
      (error: unknown) =>
        this.#end(course, failedEnding("internal", `the job could not be sent: ${String(error)}`)),
    );
    return connected;
  }

  #send(course: Course): void {
    course.sentAt = this.#world.now();
    course.deadline = course.sentAt + this.record.timeoutMs + DEADLINE_GRACE_MS;
    course.lostAt = undefined;
    this.#set(course, "sent");
  }

  #order(): JobOrder {
    const { job, function: name, args, timeoutMs, test, operator, createdAt, expiresAt } = this.record;
    const untilDeadline = this.#world.now() + timeoutMs;
    const order = { job, function: name, args, timeoutMs, test, operator, issuedAt: createdAt };
    return { ...order, expiresAt: Math.max(expiresAt, untilDeadline) };
  }

  /** A node began, or printed something. */
  progress(key: string, part: { accepted: boolean; lines: readonly Line[]; dropped: number }): void {
    const course = this.courses.get(key);
    if (!course || isFinal(course.status)) return;
    this.#heardAt = this.#world.now();
    if (course.status !== "running") {
      if (course.sentAt === 0) this.#send(course);
      course.notAnswering = false;
      this.#set(course, "running");
    }
    if (part.lines.length > 0 || part.dropped > 0)
      this.#tell({ type: "lines", course, lines: part.lines, dropped: part.dropped });
  }

  /** A node's own ending. `false` when it comes too late to count. */
  async returned(key: string, ending: Ending, frame: Uint8Array): Promise<boolean> {
    const course = this.courses.get(key);
    if (!course || isFinal(course.status)) return false;
    this.#heardAt = this.#world.now();
    return this.#end(course, ending, frame);
  }

  presence(key: string, connected: boolean): void {
    const course = this.courses.get(key);
    if (!course || isFinal(course.status) || course.status === "waiting") return;
    if (connected) {
      if (course.status === "queued") this.#send(course);
      course.lostAt = undefined;
      this.#set(course, course.status);
    } else {
      course.lostAt = this.#world.now();
      course.notAnswering = false;
      const waits = this.record.expiresAt > course.lostAt;
      this.#set(course, course.status === "sent" && waits ? "queued" : course.status);
    }
    this.#schedule();
  }

  /** Stops the job everywhere; nodes that have begun say themselves how they ended. */
  async cancel(): Promise<void> {
    if (this.record.state !== "open") return;
    this.record = { ...this.record, state: "cancelled" };
    for (const course of this.#waiting.splice(0)) this.#end(course, cancelledEnding);
    const withdrawn: Promise<void>[] = [];
    for (const course of this.courses.values()) {
      if (isFinal(course.status)) continue;
      withdrawn.push(this.#world.withdraw(course.key, this.record.job));
      if (course.status === "queued") this.#end(course, cancelledEnding);
      // A node that is there answers at once; one that is not gets no further five minutes.
      course.deadline = Math.min(course.deadline, this.#world.now() + CANCEL_MS);
    }
    await Promise.all(withdrawn);
    this.#schedule();
  }

  #end(course: Course, ending: Ending, frame?: Uint8Array): boolean {
    if (isFinal(course.status)) return false;
    course.status = ending.status;
    course.notAnswering = false;
    this.#open -= 1;
    if (isFailure(ending.status)) this.#failures += 1;
    this.#settling += 1;
    this.#keep(course, ending, frame).catch((error: unknown) => this.#world.broken(error));
    return true;
  }

  /** An ending is told after it is kept, so that nobody hears of one that a crash would undo. */
  async #keep(course: Course, ending: Ending, frame?: Uint8Array): Promise<void> {
    await this.#world.keep(this.record.job, course.key, frame ? { frame } : { byMaster: ending });
    this.#settling -= 1;
    this.#tell({ type: "ending", course, ending });
    const { maxFail } = this.record;
    if (maxFail !== undefined && this.#failures > maxFail)
      for (const waiting of this.#waiting.splice(0))
        this.#end(waiting, stoppedEnding(this.#failures, maxFail));
    if (this.#waiting.length > 0) this.#fill();
    this.#closeIfDone();
    this.#schedule();
  }

  #closeIfDone(): void {
    if (this.#open > 0 || this.#settling > 0 || this.record.closedAt !== undefined) return;
    clearTimeout(this.#timer);
    const state = this.record.state === "cancelled" ? "cancelled" : "closed";
    this.record = { ...this.record, state, closedAt: this.#world.now() };
    this.#world.close(this.record).then(
      () => this.#tell({ type: "closed" }),
      (error: unknown) => this.#world.broken(error),
    );
  }

  /** Looks at every open course, and sets the clock for the next look. */
  #schedule(): void {
    if (this.record.closedAt !== undefined || this.#timer) return;
    const now = this.#world.now();
    let next = Number.POSITIVE_INFINITY;
    for (const course of this.courses.values()) next = Math.min(next, this.#dueAt(course));
    if (next === Number.POSITIVE_INFINITY) return;
    const wait = Math.min(Math.max(next - now, TICK_MS_MIN), TIMER_MS_MAX);
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#look();
      this.#schedule();
    }, wait).unref();
  }

  /** When something falls due for a course if nothing is heard until then. */
  #dueAt({ status, deadline, sentAt, lostAt, notAnswering }: Course): number {
    if (status === "queued") return this.record.expiresAt;
    if (status !== "sent" && status !== "running") return Number.POSITIVE_INFINITY;
    if (lostAt !== undefined && this.record.effect === "read")
      return Math.min(deadline, lostAt + RECONNECT_MS);
    const silent = status === "sent" && lostAt === undefined && !notAnswering;
    return silent ? Math.min(deadline, Math.max(sentAt, this.#heardAt) + ACCEPT_MS) : deadline;
  }

  #look(): void {
    const now = this.#world.now();
    for (const course of this.courses.values())
      if (!isFinal(course.status) && this.#dueAt(course) <= now) this.#fallDue(course, now);
  }

  #fallDue(course: Course, now: number): void {
    if (course.status === "queued") this.#end(course, expiredEnding);
    else if (now >= course.deadline) this.#end(course, this.#overdueEnding(course));
    else if (course.lostAt !== undefined) this.#end(course, offlineEnding);
    else if (this.record.effect === "read") this.#end(course, silentEnding);
    else {
      // A write may have begun: its node is named, and waited for.
      course.notAnswering = true;
      this.#set(course, course.status);
    }
  }

  #overdueEnding(course: Course): Ending {
    if (this.record.state === "cancelled")
      return {
        ...cancelledEnding,
        error: { code: "job/timeout", message: "cancelled; the node did not say that it stopped" },
      };
    if (course.lostAt !== undefined) return lostEnding;
    return course.status === "running" ? overdueEnding : silentEnding;
  }

  #set(course: Course, status: Course["status"]): void {
    course.status = status;
    this.#tell({ type: "status", course });
  }

  #tell(news: JobNews): void {
    for (const listener of this.#listeners) listener(news);
  }
}

/** How long a cancelled node has for saying that it stopped. */
const CANCEL_MS = 10_000;
/** Timers beyond 24 days fire at once. */
const TIMER_MS_MAX = 24 * 3_600_000;

const ending = (status: FinalStatus, code: string, message: string): Ending => ({
  status,
  error: { code, message },
});
const offlineEnding = ending("offline", "node/offline", "the node is not connected");
const silentEnding = ending("timeout", "node/not-answering", "the node is connected, but does not answer");
const lostEnding = ending(
  "timeout",
  "node/lost",
  "the node lost its connection and did not come back in time",
);
const overdueEnding = ending("timeout", "job/timeout", "the node began, and did not return in time");
const expiredEnding = ending("expired", "job/expired", "the node did not connect before the job expired");
const cancelledEnding: Ending = { status: "cancelled" };
const failedEnding = (code: string, message: string): Ending => ending("failed", code, message);
const stoppedEnding = (failures: number, maxFail: number): Ending =>
  ending("cancelled", "job/stopped", `not begun: ${failures} nodes failed, and --max-fail is ${maxFail}`);
