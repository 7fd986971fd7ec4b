/**
 * What this node runs by itself at set times. It looks at the clock when
 * something is due, and now and then in between, for clocks are set and machines
 * sleep. What is due is written down before it begins.
 */
import { BomaError, type NodeEventBody } from "@boma/protocol";
import { Schedule, type ScheduleRun, type Schedules, type ScheduleStatus, timingOf } from "@boma/states/core";
import { z } from "zod";

import { messageOf } from "../files.ts";
import type { Log } from "../log.ts";
import { Stopped } from "../outcome.ts";
import { type Look, firstPlace, lookAt, type Moment, placeAt } from "./look.ts";
import { type Ended, refusalOf, runScheduled, type RunPorts } from "./run-scheduled.ts";
import type { ScheduleFile, ScheduleRecord } from "./schedule-file.ts";

/** What keeps time. By the master's clock where it is known. */
export interface ScheduleClock {
  now(): number;
  /** Since the boot; nobody sets it. */
  uptimeMs(): number;
  readonly bootId: string;
}

interface HeldDuties {
  of(prefix: string): ReadonlyMap<string, { readonly params: Readonly<Record<string, unknown>> }>;
  listen(listener: () => void): () => void;
}

export interface SchedulesPorts extends RunPorts {
  /** The node's id: with the name of a schedule it says where in its splay it is. */
  readonly id: () => string;
  readonly duties: HeldDuties;
  readonly file: ScheduleFile;
  readonly clock: ScheduleClock;
  readonly tell: (event: NodeEventBody) => void;
  readonly log: Log;
  /** Called when a run began or ended. */
  readonly changed?: (() => void) | undefined;
  /** Calls once, after this time; another call in its place ends it. */
  readonly wake?: (ms: number, call: () => void) => () => void;
}

/** No release of boma is older: a clock that says less was never set, and nothing is due by it. */
const CLOCK_FLOOR = Date.UTC(2026, 0, 1);
/** How long a clock may have been set, or the machine have slept, before that is noticed. */
const LOOK_MS = 30_000;
const RUNNING_MAX = 8;
const STOP_MS = 3_000;

export class NodeSchedules implements Schedules {
  readonly #ports: SchedulesPorts;
  readonly #running = new Map<
    string,
    { readonly controller: AbortController; readonly done: Promise<unknown> }
  >();
  /** Those whose time may have come while they could not begin. */
  readonly #held = new Set<string>();
  #records = new Map<string, ScheduleRecord>();
  #schedules = new Map<string, Schedule | string>();
  #cancelWake: () => void = () => undefined;
  #unlisten: () => void = () => undefined;
  #stopped = false;

  constructor(ports: SchedulesPorts) {
    this.#ports = ports;
  }

  get isIdle(): boolean {
    return this.#running.size === 0;
  }

  async start(): Promise<void> {
    const { duties, file, log } = this.#ports;
    this.#records = await file.read((thrown) =>
      log.error({ error: messageOf(thrown) }, "where the schedules stand cannot be read; they begin anew"),
    );
    this.#take();
    const interrupted = this.#tellInterrupted();
    this.#unlisten = duties.listen(() => {
      this.#take();
      this.look();
    });
    this.look("agent-down");
    for (const [name, schedule, { due }] of interrupted)
      if (!this.#running.has(name))
        void this.#run(name, schedule, { due, controller: new AbortController() });
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#unlisten();
    this.#cancelWake();
    for (const { controller } of this.#running.values()) controller.abort(new Stopped("stopping"));
    const ends = [...this.#running.values()].map(({ done }) => done);
    let timer: NodeJS.Timeout | undefined;
    await Promise.race([Promise.all(ends), new Promise((go) => (timer = setTimeout(go, STOP_MS)))]);
    clearTimeout(timer);
    await this.#ports.file.settled();
  }

  /** Begins what is due, tells what was missed, and sees to it that it is called again in time. */
  look(late: Moment["late"] = "asleep"): void {
    if (this.#stopped) return;
    const now = this.#ports.clock.now();
    let next = Number.POSITIVE_INFINITY;
    for (const [name, schedule] of this.#schedules) {
      if (typeof schedule === "string" || this.#running.has(name) || isTimeless(schedule, now)) continue;
      const moment = this.#moment(this.#held.has(name) ? "still-running" : late);
      const seed = this.#seedOf(name);
      const found = lookAt(schedule, seed, this.#recordOf(name, schedule, moment), moment);
      next = Math.min(next, found.next ?? next);
      if (found.run && this.#running.size >= RUNNING_MAX) this.#held.add(name);
      else this.#act(name, schedule, found);
    }
    this.#wakeAt(next, now);
  }

  #act(name: string, schedule: Schedule, { run, missed }: Look): void {
    this.#held.delete(name);
    if (!run && !missed) return;
    const { clock, tell } = this.#ports;
    const now = clock.now();
    const record = this.#records.get(name)!;
    this.#records.set(name, {
      ...record,
      dealtWith: now,
      ...(missed && {
        missed: record.missed + missed.count,
        lastMissed: { due: missed.due, count: missed.count, why: missed.why },
      }),
    });
    if (missed)
      tell({
        kind: "schedule.missed",
        data: { schedule: name, function: schedule.function, comment: "", ...missed },
      });
    if (run) void this.#run(name, schedule, { due: run.due, controller: new AbortController() });
    else void this.#save().catch(() => undefined);
  }

  /** Never throws: what refuses it is how it ended. */
  #run(name: string, schedule: Schedule, run: { due: number; controller: AbortController; asked?: true }) {
    const { clock } = this.#ports;
    const startedAt = clock.now();
    const done = this.#begin(name, schedule, { ...run, startedAt }).then((ended) => {
      this.#running.delete(name);
      this.#ports.changed?.();
      if (ended) this.#end(name, schedule, { ...ended, due: run.due, startedAt }, run.asked ?? false);
      return ended;
    });
    this.#running.set(name, { controller: run.controller, done });
    this.#ports.changed?.();
    return done;
  }

  async #begin(
    name: string,
    schedule: Schedule,
    { due, startedAt, controller }: { due: number; startedAt: number; controller: AbortController },
  ): Promise<(Ended & { ms: number }) | undefined> {
    const since = performance.now();
    const record = this.#records.get(name)!;
    const boot = schedule.atBoot === undefined ? {} : { boot: this.#ports.clock.bootId };
    this.#records.set(name, { ...record, ...boot, ranAt: startedAt, running: { due, startedAt } });
    let ended: Ended | undefined;
    try {
      await this.#writeDown();
      ended = await runScheduled(this.#ports, { schedule, controller });
    } catch (thrown) {
      ended = refusalOf(thrown);
    }
    return ended && { ...ended, ms: Math.round(performance.now() - since) };
  }

  #end(name: string, schedule: Schedule, run: ScheduleRun, asked: boolean): void {
    const record = this.#records.get(name);
    // A new catalog may not ask for it any more.
    if (record) {
      const isRefused = run.status === "refused" && !asked;
      this.#records.set(name, {
        ...record,
        running: undefined,
        lastRun: run,
        ...(isRefused && {
          missed: record.missed + 1,
          lastMissed: { due: run.due, count: 1, why: "refused" },
        }),
      });
      void this.#save().catch(() => undefined);
    }
    this.#tellEnd(name, schedule, run, asked);
    this.#held.add(name);
    this.look();
  }

  #tellEnd(name: string, schedule: Schedule, run: ScheduleRun, asked: boolean): void {
    const about = { schedule: name, function: schedule.function, due: run.due, comment: run.comment };
    if (run.status !== "refused") {
      const { startedAt, ms, status } = run;
      this.#ports.tell({ kind: "schedule.ran", data: { ...about, startedAt, ms, status } });
    } else if (!asked)
      this.#ports.tell({
        kind: "schedule.missed",
        data: { ...about, count: 1, why: "refused", madeUp: false },
      });
  }

  /** What an earlier process began did not end well, or nobody saw it: it is told. Gives those to begin again. */
  #tellInterrupted(): [string, Schedule, ScheduleRun][] {
    const { functions, clock } = this.#ports;
    const interrupted = [...this.#records].flatMap(([name, { running, ...record }]) => {
      const schedule = this.#schedules.get(name);
      if (!running || schedule === undefined || typeof schedule === "string") return [];
      const lastRun = { ...running, ms: 0, status: "failed", comment: "the agent stopped while it ran" };
      this.#records.set(name, { ...record, lastRun });
      this.#tellEnd(name, schedule, lastRun, false);
      return [[name, schedule, lastRun] as [string, Schedule, ScheduleRun]];
    });
    return interrupted.filter(
      ([, schedule]) =>
        schedule.enabled &&
        schedule.catchUp === "once" &&
        functions[schedule.function]?.onRestart === "resume" &&
        !isTimeless(schedule, clock.now()),
    );
  }

  /** Reads anew what the catalog asks for. What runs goes on: it may be the very run that changed the catalog. */
  #take(): void {
    const found = new Map<string, Schedule | string>();
    for (const [declaration, { params }] of this.#ports.duties.of("schedule.")) {
      const read = Schedule.safeParse(params);
      if (read.success) found.set(read.data.name, read.data);
      else found.set(nameIn(declaration), `it cannot be kept by this agent: ${z.prettifyError(read.error)}`);
    }
    this.#schedules = found;
    for (const name of this.#records.keys()) if (!found.has(name)) this.#records.delete(name);
  }

  /** Where it stands, by the clock as it is now; one that is new, or says another time than before, begins here. */
  #recordOf(name: string, schedule: Schedule, moment: Moment): ScheduleRecord {
    const times = JSON.stringify([timingOf(schedule), schedule.enabled]);
    const known = this.#records.get(name);
    const dealtWith = known && placeAt(known, moment.now);
    if (known?.times === times && dealtWith === known.dealtWith) return known;
    const place =
      known?.times === times ? { dealtWith: dealtWith! } : firstPlace(schedule, this.#seedOf(name), moment);
    const fresh = { missed: 0, ...known, ...place, times };
    this.#records.set(name, fresh);
    void this.#save().catch(() => undefined);
    return fresh;
  }

  #moment(late: Moment["late"]): Moment {
    const { clock } = this.#ports;
    return { now: clock.now(), uptimeMs: clock.uptimeMs(), bootId: clock.bootId, late };
  }

  #seedOf = (name: string): string => `${this.#ports.id()}/${name}`;

  /** What cannot be written down does not run: after a crash nobody could tell that it had begun. */
  async #writeDown(): Promise<void> {
    try {
      await this.#save();
    } catch (cause) {
      const why = `its start could not be recorded: ${messageOf(cause)}`;
      throw new BomaError("job/refused", `it was not begun, because ${why}`, { cause });
    }
  }

  #save(): Promise<void> {
    const written = this.#ports.file.write(this.#records);
    written.catch((thrown: unknown) =>
      this.#ports.log.error({ error: messageOf(thrown) }, "where the schedules stand could not be written"),
    );
    return written;
  }

  #wakeAt(next: number, now: number): void {
    this.#cancelWake();
    const isKept = [...this.#schedules.values()].some((one) => typeof one !== "string" && one.enabled);
    if (!isKept) return;
    const { wake = wakeAfter } = this.#ports;
    this.#cancelWake = wake(Math.max(0, Math.min(next - now, LOOK_MS)), () => this.look());
  }

  list(): ScheduleStatus[] {
    return [...this.#schedules].map(([name, schedule]) => this.#status(name, schedule));
  }

  #status(name: string, schedule: Schedule | string): ScheduleStatus {
    const { lastRun, missed = 0, lastMissed } = this.#records.get(name) ?? {};
    const seen = {
      name,
      running: this.#running.has(name),
      missed,
      ...(lastRun && { lastRun }),
      ...(lastMissed && { lastMissed }),
    };
    if (typeof schedule === "string") return { ...seen, function: "", enabled: false, problem: schedule };
    const record = this.#records.get(name);
    const { next } = record ? lookAt(schedule, this.#seedOf(name), record, this.#moment("asleep")) : {};
    const { function: called, enabled } = schedule;
    return { ...seen, function: called, enabled, ...(next !== undefined && { nextDue: next }) };
  }

  async run(name: string, signal: AbortSignal): Promise<ScheduleRun> {
    const schedule = this.#schedules.get(name);
    if (schedule === undefined || typeof schedule === "string")
      throw new BomaError("schedule/unknown", schedule ?? `this node has no schedule ${name}`);
    if (this.#running.has(name)) throw new BomaError("schedule/running", `${name} runs already`);
    const controller = new AbortController();
    const end = (): void => controller.abort(signal.reason);
    signal.addEventListener("abort", end, { once: true });
    const moment = this.#moment("asleep");
    this.#recordOf(name, schedule, moment);
    const due = moment.now;
    try {
      const ended = await this.#run(name, schedule, { due, controller, asked: true });
      if (!ended) throw new BomaError("job/agent-restarted", `the agent stopped while ${name} ran`);
      return { ...ended, due, startedAt: due };
    } finally {
      signal.removeEventListener("abort", end);
    }
  }
}

/** By a clock that was never set nothing is due; what follows a boot needs no clock. */
const isTimeless = ({ atBoot }: Schedule, now: number): boolean => atBoot === undefined && now < CLOCK_FLOOR;

const nameIn = (declaration: string): string => declaration.replace(/^[^(]*\(/, "").replace(/\)$/, "");

function wakeAfter(ms: number, call: () => void): () => void {
  const timer = setTimeout(call, ms).unref();
  return () => clearTimeout(timer);
}
