/** Bounds on what a declaration may take: its time, and the run's own end. */
import { BomaError } from "@boma/protocol";

import type { Ports } from "../host/host.ts";

export interface Limits {
  readonly ports: Ports;
  readonly signal: AbortSignal;
  readonly timeoutMs: number | undefined;
  /** How long what was told to end is waited for. */
  readonly graceMs: number;
}

const GRACE_FOR_PROGRAMS_MS = 50;

/**
 * Does the work, and waits for it also when its time is over or the run is
 * cancelled, up to a bound: nothing goes on behind the run's back. From then on
 * the ports that it was given do nothing more.
 */
export async function within<T>(work: (ports: Ports) => Promise<T>, limits: Limits): Promise<T> {
  const { ports, signal, timeoutMs, graceMs } = limits;
  const gate = gated(ports, timeoutMs);
  const job = work(gate.ports);
  const settled = job.then(
    () => "settled" as const,
    () => "settled" as const,
  );
  const stop = stopOf(signal, timeoutMs);
  try {
    const first = await Promise.race([settled, stop.happened]);
    if (first === "settled") return await job;
    if (first === "timeout") gate.close(new BomaError("state/timeout", `not done within ${timeoutMs} ms`));
    const end = await Promise.race([settled, stop.over(graceMs)]);
    gate.close(new BomaError("state/cancelled", "cancelled"));
    const open = end === "settled" ? "" : ", and what it began could not be stopped";
    if (first === "timeout") throw new BomaError("state/timeout", `not done within ${timeoutMs} ms${open}`);
    // What came to its end in spite of the cancellation is told as it is.
    if (end === "settled") return await cancelledUnlessDone(job);
    throw new BomaError("state/cancelled", `cancelled${open}`);
  } finally {
    stop.forget();
  }
}

async function cancelledUnlessDone<T>(job: Promise<T>): Promise<T> {
  try {
    return await job;
  } catch (cause) {
    throw new BomaError(
      "state/cancelled",
      `cancelled: ${cause instanceof Error ? cause.message : String(cause)}`,
      {
        cause,
      },
    );
  }
}

function stopOf(signal: AbortSignal, timeoutMs: number | undefined) {
  const { promise, resolve } = Promise.withResolvers<"timeout" | "cancelled">();
  const cancel = (): void => resolve("cancelled");
  if (signal.aborted) cancel();
  else signal.addEventListener("abort", cancel, { once: true });
  const timer = timeoutMs === undefined ? undefined : setTimeout(() => resolve("timeout"), timeoutMs);
  let grace: NodeJS.Timeout | undefined;
  return {
    happened: promise,
    over: (ms: number) => new Promise<"over">((done) => void (grace = setTimeout(() => done("over"), ms))),
    forget() {
      clearTimeout(grace);
      signal.removeEventListener("abort", cancel);
      clearTimeout(timer);
    },
  };
}

/** Waits, but not past the end of the run. */
export function pause(ms: number, signal: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  if (signal.aborted) resolve();
  const timer = setTimeout(resolve, ms);
  const end = (): void => resolve();
  signal.addEventListener("abort", end, { once: true });
  return promise.finally(() => {
    clearTimeout(timer);
    signal.removeEventListener("abort", end);
  });
}

const PROGRAMS: ReadonlySet<string> = new Set(["read", "run", "must"]);

interface Gate {
  readonly ports: Ports;
  /** From now on nothing passes. */
  close(why: BomaError): void;
}

/** The same ports until they are closed; programs get no more time than is left. */
function gated(ports: Ports, timeoutMs: number | undefined): Gate {
  const endsAt = timeoutMs === undefined ? undefined : performance.now() + timeoutMs;
  let closed: BomaError | undefined;
  const bounded = (command: { readonly timeoutMs?: number }): object => {
    if (endsAt === undefined) return command;
    const left = Math.max(1, Math.ceil(endsAt - performance.now())) + GRACE_FOR_PROGRAMS_MS;
    return { ...command, timeoutMs: Math.min(command.timeoutMs ?? left, left) };
  };
  const guarded = (name: string, half: object): object =>
    new Proxy(half, {
      get(target, method) {
        const call: unknown = Reflect.get(target, method);
        if (typeof call !== "function") return call;
        return (...args: unknown[]): unknown => {
          if (closed) throw closed;
          if (name === "commands" && PROGRAMS.has(String(method))) args[0] = bounded(args[0] as object);
          return Reflect.apply(call, target, args);
        };
      },
    });
  const halves = Object.entries(ports).map(([name, { read, write }]) => [
    name,
    { read: guarded(name, read), write: guarded(name, write) },
  ]);
  return {
    ports: Object.fromEntries(halves) as Ports,
    close: (why) => void (closed ??= why),
  };
}
