/** Calls a function within its time and says how that ended, whoever asked for it: a job, or a schedule. */
import { BomaError, closest } from "@boma/protocol";
import type { AnyFunction, Call } from "@boma/states/core";

import { messageOf } from "./files.ts";
import { type Outcome, outcomeOf, outcomeOfStop, Stopped, withoutValue } from "./outcome.ts";

/** A function that does not heed its signal is left behind after this time. */
const HEED_MS = 5_000;

export function functionOf(functions: Readonly<Record<string, AnyFunction>>, name: string): AnyFunction {
  const spec = Object.hasOwn(functions, name) ? functions[name] : undefined;
  if (spec) return spec;
  const near = closest(name, Object.keys(functions));
  throw new BomaError("function/unknown", `this node's agent has no function ${name}`, {
    hint: near === undefined ? "It may be of an older release." : `Did you mean \`${near}\`?`,
  });
}

interface Bounds {
  readonly context: Call;
  /** Whoever ends the call aborts it with a `Stopped`. */
  readonly controller: AbortController;
  readonly timeoutMs: number;
}

/** `undefined` when the agent itself stops: then the next start decides by the function's rule. */
export async function callFunction(
  spec: AnyFunction,
  args: Record<string, unknown>,
  { context, controller, timeoutMs }: Bounds,
): Promise<Outcome | undefined> {
  const { signal } = controller;
  const timer = setTimeout(() => controller.abort(new Stopped("timeout")), Math.min(timeoutMs, 2 ** 31 - 1));
  let value: unknown;
  try {
    value = await heeded(signal, () => spec.run(args as never, context));
    if (!signal.aborted) return outcomeOf(spec, value);
  } catch (thrown) {
    if (!signal.aborted) return failure(thrown);
  } finally {
    clearTimeout(timer);
  }
  const { why } = signal.reason as Stopped;
  return why === "stopping" ? undefined : outcomeOfStop(spec, why, { value, timeoutMs });
}

/** Nothing was begun, because it must not be: that is no failure of what was asked. */
const REFUSALS: ReadonlySet<string> = new Set([
  "confined/refused",
  "state/moved",
  "maintenance/window",
  "maintenance/unsafe",
  "permit/refused",
  "permit/evidence",
]);

/** A function's own complaint about what it was asked is a refusal to the reader, but it did begin: it failed. */
function failure(thrown: unknown): Outcome {
  if (thrown instanceof BomaError)
    return withoutValue(REFUSALS.has(thrown.code) ? "refused" : "failed", thrown);
  return withoutValue("failed", new BomaError("function/failed", messageOf(thrown), { cause: thrown }));
}

/** Waits for the function, and a little longer once it was told to end; one that never ends is left behind. */
async function heeded(signal: AbortSignal, run: () => Promise<unknown>): Promise<unknown> {
  const late = Promise.withResolvers<never>();
  let timer: NodeJS.Timeout | undefined;
  const told = (): void => void (timer = setTimeout(() => late.reject(signal.reason as Error), HEED_MS));
  signal.addEventListener("abort", told, { once: true });
  try {
    return await Promise.race([run(), late.promise]);
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", told);
  }
}
