/**
 * Gates: whether something is ready, as a state. Looking at it is one look; to
 * apply it is to wait until it is so. What stands on it requires it.
 */
import { setTimeout as pause } from "node:timers/promises";

import { BomaError, parseDuration } from "@boma/protocol";
import { z } from "zod";

import { type Changes, diff } from "../../changes.ts";
import { defineState, type State } from "../../define-state.ts";
import type { Host, ReadHost } from "../../host/host.ts";
import type { Stage } from "../../stages.ts";
import type { Example, Name, Params, StateSpec } from "../../state-spec.ts";

export const CAUSES = ["down", "starting", "sealed", "contended", "misconfigured"] as const;
export type Cause = (typeof CAUSES)[number];

export type Health =
  | { readonly healthy: true; readonly says: string }
  | { readonly healthy: false; readonly cause: Cause; readonly says: string };

export const ready = (says: string): Health => ({ healthy: true, says });
export const notReady = (cause: Cause, says: string): Health => ({ healthy: false, cause, says });

const Time = z.string().refine((text) => {
  try {
    return parseDuration(text) > 0;
  } catch {
    return false;
  }
}, "a duration, such as `2s` or `5m`");

/** What every gate takes beside its own parameters. */
const patience = {
  within: Time.default("2m").describe("How long it may take to become ready."),
  every: Time.default("1s").describe("How long is waited between two looks."),
  times: z.int().min(1).max(100).default(2).describe("How often in a row it must have been ready."),
};

/** As whoever declares one may write it. */
type Patient<P extends Params> = z.ZodObject<P["shape"] & typeof patience, z.core.$strict>;

interface Gate<P extends Params, K extends Name<P>, S extends Name<P>> {
  readonly name: `${string}.${string}`;
  readonly summary: string;
  readonly stage?: Stage;
  readonly key: K;
  readonly params: P;
  readonly secretive?: readonly S[];
  claims?(want: z.output<P>): readonly string[];
  after?(want: z.output<P>): readonly string[];
  awaits?(want: z.output<P>): readonly Stage[];
  readonly probe: (want: z.output<P>, host: ReadHost) => Promise<Health>;
  readonly examples: readonly Example<P>[];
}

interface Patience {
  readonly within: string;
  readonly every: string;
  readonly times: number;
}

interface Opening {
  /** `ready`, or the cause and what was seen. */
  readonly state: string;
}

const READY: Opening = { state: "ready" };

export function defineGate<P extends Params, K extends Name<P>, const S extends Name<P> = never>({
  probe,
  ...gate
}: Gate<P, K, S>): State<Patient<P>, K & Name<Patient<P>>, Opening, S & Name<Patient<P>>> {
  const params = gate.params.extend(patience);
  const spec = {
    ...gate,
    gate: true,
    params,
    async check(want: z.output<P>, host: ReadHost) {
      return diff<Opening>({ state: wordOf(await probe(want, host)) }, READY);
    },
    async apply(_: Changes<Opening>, want: z.output<P>, host: Host) {
      await opened(gate.name, want as unknown as Patience, () => probe(want, host));
    },
  };
  type Own = StateSpec<Patient<P>, K & Name<Patient<P>>, Opening, S & Name<Patient<P>>>;
  return defineState(spec as unknown as Own);
}

const wordOf = (health: Health): string => (health.healthy ? READY.state : `${health.cause}: ${health.says}`);

/** Waits until it was ready often enough in a row; says why not, when the time is over. */
async function opened(
  name: string,
  { within, every, times }: Patience,
  probe: () => Promise<Health>,
): Promise<void> {
  const endsAt = performance.now() + parseDuration(within);
  for (let inRow = 0; ;) {
    const health = await probe();
    inRow = health.healthy ? inRow + 1 : 0;
    if (inRow >= times) return;
    if (!health.healthy && performance.now() >= endsAt)
      throw new BomaError("gate/closed", `${name} was not ready within ${within}: ${wordOf(health)}`);
    await pause(parseDuration(every));
  }
}
