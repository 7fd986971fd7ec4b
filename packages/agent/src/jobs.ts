/**
 * The jobs of this node, from the order to the return: refused, or written
 * down, run within its time, and answered once.
 */
import {
  BomaError,
  type JobOrder,
  MAILBOX_JOBS_MAX,
  type NodeProgressBody,
  ACCEPTED_AFTER_MS,
  type NodeReturnBody,
  type ProgressStep,
} from "@boma/protocol";
import {
  type AnyFunction,
  assertTestable,
  checkArguments,
  type FunctionHost,
  type OutputLine,
  type StateRunner,
  type WorkspaceRunner,
} from "@boma/states/core";

import { callFunction, functionOf } from "./call-function.ts";
import type { MasterTime } from "./clock.ts";
import { messageOf } from "./files.ts";
import type { CallSession } from "./host/hosts.ts";
import type { Journal, KeptReturn, StartedRecord } from "./journal.ts";
import type { Log } from "./log.ts";
import { type Outcome, Stopped, withoutValue } from "./outcome.ts";
import { gatherLines, type LineGatherer } from "./output.ts";
import type { Policy } from "./policy.ts";
import type { StateCall } from "./states/node-states.ts";
import { gatherSteps, type StepGatherer } from "./steps.ts";
import { pause } from "./wait.ts";

export const RUNNING_MAX = 16;
const QUEUED_MAX = 2 * MAILBOX_JOBS_MAX;

export interface JobPorts {
  readonly journal: Journal;
  readonly time: MasterTime;
  readonly log: Log;
  readonly host: (session: CallSession) => FunctionHost;
  /** What a job that brings a catalog can do with it. */
  readonly states: (order: JobOrder, call: StateCall) => StateRunner | undefined;
  /** The workspace of an order that brings one. */
  readonly workspaces?: (
    order: JobOrder,
    call: Pick<StateCall, "signal" | "line">,
  ) => WorkspaceRunner | undefined;
  readonly functions: Readonly<Record<string, AnyFunction>>;
  readonly policy: () => Policy;
  /** Signs a return, and gives it the id that it keeps. */
  readonly sign: (body: NodeReturnBody) => KeptReturn;
  readonly sendReturn: (kept: KeptReturn) => void;
  readonly sendProgress: (body: NodeProgressBody) => boolean;
  /** Called when a job began or ended. */
  readonly changed?: (() => void) | undefined;
}

interface Running {
  readonly order: JobOrder;
  readonly since: number;
  readonly controller: AbortController;
}

interface Queued {
  readonly order: JobOrder;
  readonly progress: Progress;
  /** The start was written down by an earlier process: this is the rest of the same run. */
  readonly resumed: boolean;
}

export class Jobs {
  readonly #ports: JobPorts;
  readonly #running = new Map<string, Running>();
  readonly #queue = new Map<string, Queued>();
  #stopping = false;
  #idle = Promise.withResolvers<void>();

  constructor(ports: JobPorts) {
    this.#ports = ports;
  }

  get running(): { job: string; function: string; ms: number }[] {
    const now = this.#ports.time.steady();
    return [...this.#running.values()].map(({ order, since }) => ({
      job: order.job,
      function: order.function,
      ms: Math.round(now - since),
    }));
  }
  get queued(): number {
    return this.#queue.size;
  }
  get isIdle(): boolean {
    return this.#running.size === 0 && this.#queue.size === 0;
  }
  has(job: string): boolean {
    return this.#running.has(job) || this.#queue.has(job);
  }

  /** Whether nothing can come of it but an answer. */
  onlyLooks({ function: name }: Pick<JobOrder, "function">): boolean {
    const { functions } = this.#ports;
    return !Object.hasOwn(functions, name) || functions[name]!.effect === "read";
  }

  /** The caller has made sure that this job was neither done nor begun before. */
  accept(order: JobOrder, resumed = false): void {
    if (this.#stopping || this.has(order.job)) return;
    const queued = { order, progress: jobProgress(order.job, this.#ports), resumed };
    if (this.#running.size < RUNNING_MAX) {
      void this.#run(queued);
      return;
    }
    if (this.#queue.size >= QUEUED_MAX) {
      void this.#finish(
        order,
        withoutValue("refused", new BomaError("job/refused", "this node has too many jobs waiting")),
        true,
      );
      return;
    }
    this.#queue.set(order.job, queued);
    queued.progress.accepted();
  }

  /** What an earlier process left: failed or begun again, as each function says. */
  recover(record: StartedRecord): void {
    if (record.onRestart === "resume") {
      this.accept(record.order, true);
      return;
    }
    const error = new BomaError(
      "job/agent-restarted",
      `the agent stopped while ${record.order.function} ran`,
    );
    void this.#finish(record.order, withoutValue("failed", error), true);
  }

  /** Ends a running job, takes a waiting one out, and keeps one that has not come yet from ever beginning. */
  cancel(job: string): void {
    const running = this.#running.get(job);
    if (running) {
      running.controller.abort(new Stopped("cancelled"));
      return;
    }
    const queued = this.#queue.get(job);
    this.#queue.delete(job);
    if (!queued && this.#ports.journal.stateOf(job) === "done") return;
    const error = new BomaError("job/refused", "the job was cancelled before it began", {
      hint: "Nothing was done on this node.",
    });
    void this.#finish(
      { job, expiresAt: queued?.order.expiresAt ?? this.#ports.time.now() + 24 * 3_600_000 },
      withoutValue("cancelled", error),
      true,
    );
  }

  async #run({ order, progress, resumed }: Queued): Promise<void> {
    const controller = new AbortController();
    this.#running.set(order.job, { order, since: this.#ports.time.steady(), controller });
    this.#ports.changed?.();
    const startedAt = this.#ports.time.now();
    const since = this.#ports.time.steady();
    const soon = setTimeout(() => progress.accepted(), ACCEPTED_AFTER_MS);
    let spec: AnyFunction | undefined;
    let outcome: Outcome | undefined;
    try {
      const checked = this.#check(order, resumed);
      spec = checked.spec;
      await this.#writeDown(order, spec);
      outcome = await this.#call({ order, ...checked, controller, progress });
    } catch (thrown) {
      outcome = withoutValue(isExpiry(thrown) ? "expired" : "refused", thrown);
    } finally {
      clearTimeout(soon);
      progress.lines.end();
      progress.steps.end();
    }
    if (outcome) {
      const ms = Math.round(this.#ports.time.steady() - since);
      await this.#finish(order, outcome, spec?.effect !== "read", { startedAt, ms });
    }
    this.#running.delete(order.job);
    this.#next();
  }

  #next(): void {
    const [queued] = this.#queue.values();
    if (queued && !this.#stopping && this.#running.size < RUNNING_MAX) {
      this.#queue.delete(queued.order.job);
      void this.#run(queued);
    }
    if (this.#running.size === 0) this.#idle.resolve();
    this.#ports.changed?.();
  }

  /** Everything that can refuse, in the order of what is cheapest to know. */
  #check(order: JobOrder, resumed: boolean): { spec: AnyFunction; args: Record<string, unknown> } {
    const { functions, journal, policy, time } = this.#ports;
    if (journal.corrupt)
      throw new BomaError(
        "journal/corrupt",
        "this node's journal is damaged: it cannot tell what it has done already",
      );
    const late = time.now() - order.expiresAt;
    if (late > 0 && !resumed)
      throw new BomaError("wire/expired", `the job expired ${late} ms before it could begin`);
    const spec = functionOf(functions, order.function);
    policy().check(spec.name, spec.effect);
    assertTestable(spec, order.test);
    return { spec, args: checkArguments(spec, order.args) };
  }

  /** A write that cannot be written down does not run: after a crash nobody could tell that it had begun. */
  async #writeDown(order: JobOrder, spec: AnyFunction): Promise<void> {
    const { journal, log } = this.#ports;
    const record: StartedRecord = { kind: "started", job: order.job, onRestart: spec.onRestart, order };
    const written = journal.append(record, { sync: spec.effect === "write" });
    if (spec.effect === "read") {
      written.catch((thrown: unknown) =>
        log.warn({ job: order.job, error: messageOf(thrown) }, "a start was not recorded"),
      );
      return;
    }
    try {
      await written;
    } catch (cause) {
      throw new BomaError(
        "job/refused",
        `the job was not begun, because its start could not be recorded: ${messageOf(cause)}`,
        {
          cause,
          hint: "Look at the disk that holds the agent's home: it may be full.",
        },
      );
    }
  }

  /** `undefined` when the agent itself stops: then the next start decides by the function's rule. */
  async #call(call: {
    order: JobOrder;
    spec: AnyFunction;
    args: Record<string, unknown>;
    controller: AbortController;
    progress: Progress;
  }): Promise<Outcome | undefined> {
    const { order, spec, args, controller, progress } = call;
    const { signal } = controller;
    const { functions } = this.#ports;
    const line = (one: OutputLine): void => progress.lines.add(one);
    const host = this.#ports.host({ signal, line });
    const states = this.#ports.states(order, { signal, line, step: (step) => progress.steps.add(step) });
    const workspace = this.#ports.workspaces?.(order, { signal, line });
    const context = { job: order.job, host, functions, signal, line, test: order.test, states, workspace };
    return callFunction(spec, args, { context, controller, timeoutMs: order.timeoutMs });
  }

  /** The return is on the disk before it is sent, where it tells of a change. */
  async #finish(
    order: Pick<JobOrder, "job" | "expiresAt">,
    outcome: Outcome,
    sync: boolean,
    took: Pick<NodeReturnBody, "startedAt" | "ms"> = { startedAt: this.#ports.time.now(), ms: 0 },
  ): Promise<void> {
    const { journal, log, sign, sendReturn } = this.#ports;
    const { job, expiresAt } = order;
    const kept = sign({ job, ...outcome, ...took });
    try {
      await journal.append({ kind: "done", job, expiresAt, id: kept.id, frame: kept.frame }, { sync });
    } catch (thrown) {
      log.error({ job, error: messageOf(thrown) }, "a return was not recorded; it is sent all the same");
    }
    sendReturn(kept);
  }

  /**
   * Takes no more, and ends what still runs after the patience. Its start stays in the journal without an end, for the
   * next process to find.
   */
  async stop(ms: number, patienceMs = 0): Promise<void> {
    this.#stopping = true;
    this.#queue.clear();
    if (patienceMs > 0) await this.#whenIdle(patienceMs);
    for (const { controller } of this.#running.values()) controller.abort(new Stopped("stopping"));
    await this.#whenIdle(ms);
  }

  async #whenIdle(ms: number): Promise<void> {
    if (this.#running.size === 0) return;
    this.#idle = Promise.withResolvers();
    const late = new AbortController();
    await Promise.race([this.#idle.promise, pause(ms, late.signal)]);
    late.abort();
  }
}

const isExpiry = (thrown: unknown): boolean => thrown instanceof BomaError && thrown.code === "wire/expired";

interface Progress {
  /** Says once that the job was taken and is not at its end yet. */
  accepted(): void;
  readonly lines: LineGatherer;
  readonly steps: StepGatherer;
}

function jobProgress(job: string, ports: JobPorts): Progress {
  let part = 0;
  let said = false;
  const send = (lines: readonly OutputLine[], dropped: number): boolean =>
    ports.sendProgress({ job, part: part++, accepted: (said ||= true), lines: [...lines], dropped });
  const sendSteps = (steps: readonly ProgressStep[]): boolean =>
    ports.sendProgress({
      job,
      part: part++,
      accepted: (said ||= true),
      lines: [],
      steps: [...steps],
      dropped: 0,
    });
  return {
    steps: gatherSteps(sendSteps),
    accepted() {
      if (!said) send([], 0);
    },
    lines: gatherLines(
      (batch) => send(batch.lines, batch.dropped),
      () => ports.time.steady(),
    ),
  };
}
