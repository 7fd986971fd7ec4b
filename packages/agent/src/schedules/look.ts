/** What a look at the clock finds of one schedule: what is due now, and what was missed. Pure. */
import { type Schedule, bootDueMs, isOpen, nextDue, timingOf } from "@boma/states/core";

/** A timer that comes a little late is on time still. */
const ON_TIME_MS = 60_000;
/** After a long absence nobody needs the exact count. */
const MISSED_MAX = 1000;
/** Set back by more than this, a clock was wrong before: what it said then counts for nothing. */
const SET_BACK_MS_MAX = 86_400_000;

export type WhyMissed = "agent-down" | "asleep" | "still-running" | "outside-window" | "refused";

/** Where a schedule stands. */
export interface Place {
  /** Everything that was due up to here is dealt with. */
  readonly dealtWith: number;
  /** When the last run began. */
  readonly ranAt?: number | undefined;
  /** The boot after which it ran, or needs not run any more. */
  readonly boot?: string | undefined;
}

export interface Moment {
  readonly now: number;
  readonly uptimeMs: number;
  readonly bootId: string;
  /** Why whatever is late now is late. */
  readonly late: Exclude<WhyMissed, "outside-window" | "refused">;
}

export interface Look {
  readonly run?: { readonly due: number };
  readonly missed?: {
    readonly due: number;
    readonly count: number;
    readonly why: WhyMissed;
    readonly madeUp: boolean;
  };
  /** When to look again; not at all where nothing is to come. */
  readonly next?: number | undefined;
}

export function lookAt(schedule: Schedule, seed: string, place: Place, moment: Moment): Look {
  if (!schedule.enabled) return {};
  if (schedule.atBoot !== undefined) return lookAtBoot(schedule, seed, place, moment);
  const timing = timingOf(schedule);
  const { now, late } = moment;
  const from = place.dealtWith;
  const first = nextDue(timing, from, seed);
  if (first === undefined || first > now) return { next: first };
  // What came while it ran already is missed, however short a time ago that was.
  const onTime = late === "still-running" ? undefined : lastWithin(Math.max(from, now - ON_TIME_MS), now);
  const next = nextDue(timing, now, seed);
  const count = countBefore(onTime ?? now + 1);
  if (count === 0) return { run: { due: onTime! }, next };
  const open = isOpen(timing, now);
  const makesUp = onTime === undefined && schedule.catchUp === "once" && open;
  const missed = {
    due: first,
    count,
    why: onTime === undefined && schedule.catchUp === "once" && !open ? ("outside-window" as const) : late,
    madeUp: makesUp,
  };
  if (onTime !== undefined) return { run: { due: onTime }, missed, next };
  return makesUp ? { run: { due: first }, missed, next } : { missed, next };

  function lastWithin(after: number, until: number): number | undefined {
    let last: number | undefined;
    for (let due = nextDue(timing, after, seed); due !== undefined && due <= until;)
      due = nextDue(timing, (last = due), seed);
    return last;
  }

  function countBefore(end: number): number {
    let counted = 0;
    for (let due = first; due !== undefined && due < end && counted < MISSED_MAX; counted++)
      due = nextDue(timing, due, seed);
    return counted;
  }
}

/** Where clocks were set back, what ran does not run again; what was only passed over comes in its time. */
export function placeAt({ dealtWith, ranAt = 0 }: Place, now: number): number {
  if (dealtWith <= now) return dealtWith;
  return ranAt > now && ranAt - now <= SET_BACK_MS_MAX ? ranAt : now;
}

/** It is counted from the boot by a clock that nobody sets, and comes once, late where the agent was. */
function lookAtBoot(schedule: Schedule, seed: string, { boot }: Place, moment: Moment): Look {
  const { now, uptimeMs, bootId } = moment;
  if (boot === bootId) return {};
  const due = now - uptimeMs + bootDueMs(timingOf(schedule), seed);
  return due <= now ? { run: { due } } : { next: due };
}

/** Where a schedule begins that was not there before: the past is none of its business. */
export function firstPlace(schedule: Schedule, seed: string, { now, uptimeMs, bootId }: Moment): Place {
  const isOver = schedule.atBoot !== undefined && uptimeMs >= bootDueMs(timingOf(schedule), seed);
  return { dealtWith: now, ...(isOver && { boot: bootId }) };
}
