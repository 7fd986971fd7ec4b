/**
 * One open job. The expected set is fixed when it is made; from then on every
 * node goes its course to exactly one ending, whatever happens on the way.
 */
import { ACCEPT_MS, DEADLINE_GRACE_MS, type JobOrder } from "@boma/protocol";

import { AtOnce } from "../at-once.ts";
import { waitsLonger } from "../maintenance/leased-times.ts";
import { Alarm } from "./alarm.ts";
import { type Course, type Ending, type FinalStatus, isFailure, isFinal, newCourse } from "./course.ts";
import { dueAt, whatIsDue } from "./due.ts";
import { cancelledEnding, failedEnding, offlineEnding, stoppedEnding } from "./endings.ts";
import type { JobNews, Progress } from "./job-news.ts";
import { orderOf } from "./job-order.ts";
import type { ExpectedNode, JobRecord } from "./job-record.ts";
import type { JobWorld, Kept } from "./job-world.ts";
import { untilDone } from "./until-done.ts";

/** A master that looks later than this was kept from hearing as well. */
const DEAF_MS = 500;
/** Who was called and is silent for so long has it posted, and the rest of the time in which to say something. */
const CALLED_MS = 500;
/** Orders that are on their way to the bus. */
const SENT_AT_ONCE = 500;

export class Job {
  record: JobRecord;
  readonly courses: ReadonlyMap<string, Course>;
  readonly #world: JobWorld;
  readonly #listeners = new Set<(news: JobNews) => void>();
  readonly #waiting: Course[] = [];
  #failures = 0;
  /** Nodes without an ending, and endings that are being kept. */
  #open: number;
  readonly #keeping = new Map<string, Promise<void>>();
  /** When the job last heard from any node: while returns flow in, nobody is called silent. */
  #heardAt: number;
  readonly #alarm: Alarm;
  readonly #sending = new AtOnce(SENT_AT_ONCE);
  /** Another process began this job, and its nodes may be on their way back as well. */
  #resumed = false;
  #calledOut = false;

  constructor(record: JobRecord, expected: readonly ExpectedNode[], world: JobWorld) {
    this.record = record;
    this.#world = world;
    this.courses = new Map(expected.map((node) => [node.key, newCourse(node)]));
    this.#waiting = [...this.courses.values()];
    this.#open = expected.length;
    this.#heardAt = world.now();
    this.#alarm = new Alarm(
      () => world.now(),
      (lateMs) => {
        // What the nodes said meanwhile lies unread: who was deaf himself calls nobody silent.
        if (lateMs > DEAF_MS) this.#heardAt = world.now();
        this.#look();
        this.#schedule();
      },
    );
  }

  listen(listener: (news: JobNews) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Sends the job to as many nodes as may have it at once. */
  start(): void {
    const together = !this.#resumed && this.record.batch === undefined;
    this.#calledOut = together && this.#world.callOut(this.#order("sent"), this);
    this.#fill();
    this.#closeIfDone();
    this.#schedule();
  }

  /** Takes up a job that another process had begun: what is known to have ended, and what is known to have begun. */
  resume(endings: ReadonlyMap<string, FinalStatus>, begun: ReadonlySet<string>): void {
    this.#resumed = true;
    for (const [key, status] of endings) {
      const course = this.courses.get(key);
      if (!course) continue;
      course.status = status;
      this.#open -= 1;
      if (isFailure(status)) this.#failures += 1;
    }
    for (const course of this.#waiting.splice(0)) {
      if (isFinal(course.status)) continue;
      if (begun.has(course.key)) this.#takeUp(course);
      else this.#waiting.push(course);
    }
    if (this.record.state === "cancelled")
      for (const course of this.#waiting.splice(0)) this.#end(course, cancelledEnding);
    this.start();
  }

  /** It runs there, or has ended: its return is awaited, and asked for where the order is gone, as after a restore. */
  #takeUp(course: Course): void {
    this.#send(course);
    void this.#sending.run(() => this.#untilDone(() => this.#remind(course)));
    if (!this.#world.connected(course.key)) course.lostAt = this.#world.now();
    if (this.record.state === "cancelled") this.#hurry(course);
    // That it began was told by the master who heard it.
    course.status = "running";
    this.#set(course, "running");
  }

  async #remind(course: Course): Promise<void> {
    if (isFinal(course.status) || this.record.state === "cancelled") return;
    await this.#world.remind(course.key, this.#order(course.status));
  }

  #fill(): void {
    this.#stopIfTooManyFailed();
    const limit = this.record.batch ?? Number.POSITIVE_INFINITY;
    let busy = 0;
    for (const course of this.courses.values()) if (isBusy(course)) busy += 1;
    while (busy < limit && this.#waiting.length > 0) {
      const course = this.#waiting.shift()!;
      if (this.#begin(course)) busy += 1;
    }
  }

  #stopIfTooManyFailed(): void {
    const { maxFail } = this.record;
    if (maxFail === undefined || this.#failures <= maxFail) return;
    const stopped = stoppedEnding(this.#failures, maxFail);
    for (const course of this.#waiting.splice(0)) this.#end(course, stopped);
    for (const course of this.courses.values()) {
      if (course.status !== "queued") continue;
      this.#end(course, stopped);
      this.#world.withdraw(course.key, this.record.job).catch((error: unknown) => this.#world.broken(error));
    }
  }

  /** Returns whether the node is busy with the job from now on. */
  #begin(course: Course): boolean {
    const connected = this.#world.connected(course.key);
    const waits = this.record.expiresAt > this.#world.now();
    if (!connected && !waits && !this.#resumed) {
      this.#end(course, offlineEnding);
      return false;
    }
    // After a start of the master its nodes are on their way back as well.
    if (!connected) course.lostAt = this.#world.now();
    if (connected || !waits) this.#send(course);
    else this.#set(course, "queued");
    // In a batch it is not its turn until it is there.
    if (course.status === "queued" && this.record.batch !== undefined) return false;
    if (this.#calledOut && connected) {
      course.order = "called";
      course.silenceMs = CALLED_MS;
    } else void this.#sending.run(() => this.#deliver(course));
    this.#mind(course);
    return isBusy(course);
  }

  /** It was called out, and this node says nothing: it may not have heard. */
  #post(course: Course): void {
    course.order = "held";
    void this.#sending.run(async () => {
      // Others were heard since he was due, and so may he be: thousands are not posted what they are just answering.
      course.order = "called";
      if (this.#dueAt(course) > this.#world.now()) return this.#mind(course);
      course.order = "held";
      course.silenceMs = ACCEPT_MS - CALLED_MS;
      await this.#deliver(course);
    });
  }

  async #deliver(course: Course): Promise<void> {
    if (isFinal(course.status)) return;
    if (this.record.state === "cancelled") {
      // Nobody has heard of it, unless an earlier master told him: that one says itself that he stopped.
      if (!this.#resumed) this.#end(course, cancelledEnding);
      return;
    }
    try {
      const problem = await this.#world.deliver(course.key, this.#order(course.status));
      if (problem) this.#end(course, problem);
      else this.#delivered(course);
    } catch (error) {
      this.#end(course, failedEnding("internal", `the job could not be sent: ${String(error)}`));
    }
  }

  /** The bus has the order: from now on silence is the node's, not that of a master which sends to thousands. */
  #delivered(course: Course): void {
    course.order = "posted";
    if (course.status !== "sent") return;
    if (this.record.state === "open") this.#startClock(course);
    this.#mind(course);
  }

  #send(course: Course): void {
    this.#startClock(course);
    this.#set(course, "sent");
  }

  #startClock(course: Course): void {
    course.sentAt = this.#world.now();
    course.deadline = course.sentAt + this.record.timeoutMs + DEADLINE_GRACE_MS + waitsLonger(this.record);
  }

  #order(status: Course["status"]): JobOrder {
    return orderOf(this.record, status, this.#world.now());
  }

  /** A node began, or printed something. Says whether it counts, and whether this was the beginning. */
  progress(key: string, said: Progress): { readonly counts: boolean; readonly began: boolean } {
    const course = this.courses.get(key);
    if (!course || isFinal(course.status)) return { counts: false, began: false };
    this.#heardAt = this.#world.now();
    const began = course.status !== "running";
    if (began) {
      if (course.sentAt === 0) this.#send(course);
      course.notAnswering = false;
      this.#set(course, "running");
    }
    if (said.lines.length > 0 || said.dropped > 0)
      this.#tell({ type: "lines", course, part: said.part, lines: said.lines, dropped: said.dropped });
    if (said.steps.length > 0) this.#tell({ type: "steps", course, steps: said.steps });
    return { counts: true, began };
  }

  /** A node's own ending. `false` when it comes too late to count; either way the one that counts is kept by then. */
  async returned(key: string, ending: Ending, frame: Uint8Array): Promise<boolean> {
    const course = this.courses.get(key);
    if (!course || isFinal(course.status)) {
      await this.#keeping.get(key);
      return false;
    }
    this.#heardAt = this.#world.now();
    this.#mark(course, ending);
    await this.#keep(course, ending, { frame });
    return true;
  }

  presence(key: string, connected: boolean): void {
    const course = this.courses.get(key);
    if (!course || isFinal(course.status) || course.status === "waiting") return;
    if (connected) {
      course.lostAt = undefined;
      if (course.status === "queued") this.#arrive(course);
      else this.#set(course, course.status);
    } else {
      course.lostAt = this.#world.now();
      course.notAnswering = false;
      // In a batch it keeps its place: it may begin at any moment when it returns.
      const waits = this.record.expiresAt > course.lostAt && this.record.batch === undefined;
      this.#set(course, course.status === "sent" && waits ? "queued" : course.status);
    }
    this.#mind(course);
  }

  /** A node that the job waited for is there; where there are batches, it stands in line. */
  #arrive(course: Course): void {
    if (this.record.batch === undefined) return this.#send(course);
    this.#set(course, "waiting");
    this.#waiting.push(course);
    this.#fill();
  }

  /** Stops the job everywhere; nodes that have begun say themselves how they ended, unless they are given up with this ending. */
  async cancel(givenUp?: Ending): Promise<void> {
    if (this.record.closedAt !== undefined || (this.record.state !== "open" && !givenUp)) return;
    this.record = { ...this.record, state: "cancelled" };
    for (const course of this.#waiting.splice(0)) this.#end(course, cancelledEnding);
    const withdrawn: Promise<void>[] = [];
    for (const course of this.courses.values()) {
      if (isFinal(course.status)) continue;
      withdrawn.push(this.#world.withdraw(course.key, this.record.job));
      if (givenUp || course.status === "queued") this.#end(course, givenUp ?? cancelledEnding);
      this.#hurry(course);
    }
    await Promise.all(withdrawn);
    this.#alarm.off();
    this.#schedule();
  }

  /** A node that is there answers at once; one that is not gets no further five minutes, unless it holds a lease. */
  #hurry(course: Course): void {
    // What was called out is withdrawn by its mailbox, as what was posted.
    if (course.order === "called") {
      course.order = "posted";
      course.silenceMs = ACCEPT_MS;
    }
    if (this.record.lease === undefined)
      course.deadline = Math.min(course.deadline, this.#world.now() + CANCEL_MS);
  }

  /** What the master concludes about a node. */
  #end(course: Course, ending: Ending): void {
    if (isFinal(course.status)) return;
    this.#mark(course, ending);
    void this.#keep(course, ending, { byMaster: ending });
  }

  #mark(course: Course, { status }: Ending): void {
    course.status = status;
    course.notAnswering = false;
    this.#open -= 1;
    if (isFailure(status)) this.#failures += 1;
  }

  #keep(course: Course, ending: Ending, kept: Kept): Promise<void> {
    const settled = this.#settle(course, ending, kept);
    this.#keeping.set(course.key, settled);
    return settled;
  }

  /** An ending is told after it is kept, so that nobody hears of one that a crash would undo. */
  async #settle(course: Course, mine: Ending, kept: Kept): Promise<void> {
    const ending = await this.#untilDone(() => this.#world.keep(this.record.job, course.key, mine, kept));
    this.#keeping.delete(course.key);
    course.status = ending.status;
    this.#tell({ type: "ending", course, ending });
    if (this.#waiting.length > 0) this.#fill();
    this.#closeIfDone();
    this.#schedule();
  }

  #untilDone<T>(work: () => Promise<T>): Promise<T> {
    return untilDone(work, (error) => this.#world.broken(error));
  }

  #closeIfDone(): void {
    if (this.#open > 0 || this.#keeping.size > 0 || this.record.closedAt !== undefined) return;
    this.#alarm.off();
    const state = this.record.state === "cancelled" ? "cancelled" : "closed";
    this.record = { ...this.record, state, closedAt: this.#world.now() };
    void this.#untilDone(() => this.#world.close(this.record)).then(() => this.#tell({ type: "closed" }));
  }

  /** Of thousands of courses one has changed: something may fall due for it earlier than the clock is set for. */
  #mind(course: Course): void {
    if (this.record.closedAt === undefined) this.#alarm.atLatest(this.#dueAt(course));
  }

  /** Looks at every course for what falls due next, where the clock is not set. */
  #schedule(): void {
    if (this.record.closedAt !== undefined || this.#alarm.isSet) return;
    let next = Number.POSITIVE_INFINITY;
    for (const course of this.courses.values()) next = Math.min(next, this.#dueAt(course));
    this.#alarm.atLatest(next);
  }

  #dueAt(course: Course): number {
    return dueAt(course, { record: this.record, heardAt: this.#heardAt });
  }

  /** Nothing falls due for what may lie unread. */
  #look(): void {
    const now = this.#world.readUntil();
    for (const course of this.courses.values())
      if (!isFinal(course.status) && this.#dueAt(course) <= now) this.#fallDue(course, now);
  }

  #fallDue(course: Course, now: number): void {
    const due = whatIsDue(course, this.record, now);
    if (due === "post") this.#post(course);
    else if (due === "name") {
      course.notAnswering = true;
      this.#set(course, course.status);
    } else this.#end(course, due);
  }

  #set(course: Course, status: Course["status"]): void {
    const before = course.status;
    course.status = status;
    this.#tell({ type: "status", course, before });
  }

  #tell(news: JobNews): void {
    for (const listener of this.#listeners) listener(news);
  }
}

/** How long a cancelled node has for saying that it stopped. */
const CANCEL_MS = 10_000;

const isBusy = ({ status }: Course): boolean => status === "sent" || status === "running";
