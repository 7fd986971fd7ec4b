/**
 * When a schedule is due. Pure: the same timing, place and seed give the same
 * times on every run, so that a node keeps its time and a fleet is spread.
 */
import { createHash } from "node:crypto";

import { type Cron, isCronDay, parseCron } from "./cron.ts";
import { calendarOf, dayOf, type Opening, openingAt, type Window, windowMs } from "./window.ts";
import { shownAt, steadyOffset, type Wall, wallAt } from "./zone.ts";

/** When, as a schedule says it; one of the three. */
export interface Timing {
  readonly cron?: string | undefined;
  readonly everyMs?: number | undefined;
  readonly atBootMs?: number | undefined;
  readonly zone: string;
  readonly window?: Window | undefined;
  readonly splayMs?: number | undefined;
}

/** The node and the name of the schedule: from them comes where within its splay it is. */
export type Seed = string;

const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;
/** The 29th of February on a given day of the week is at most forty years away. */
const DAYS_AHEAD = 41 * 366;
/** Of times that may lie outside of the window so many are tried: a schedule that never fits must come to an end. */
const TRIES = 1500;

/** The first time after an instant, or `undefined` where there is none. Of what follows a boot this says nothing. */
export function nextDue(timing: Timing, after: number, seed: Seed): number | undefined {
  if (timing.everyMs !== undefined) return nextEvery(timing, timing.everyMs, { after, seed });
  if (timing.cron === undefined) return undefined;
  const share = shareOf(seed);
  const splayMs = timing.splayMs ?? 0;
  const cron = parseCron(timing.cron);
  // The later a time is, the later it is with its splay: so the first one that can fit is at most a splay before.
  let from = after - Math.floor(share * splayMs);
  for (let tries = 0; tries < TRIES; tries++) {
    const base = nextCron(cron, timing.zone, from);
    if (base === undefined) return undefined;
    const opening = timing.window && openingAt(timing.window, timing.zone, base);
    if (opening && base < opening.from) {
      from = opening.from - 1;
      continue;
    }
    const due = base + Math.floor(share * Math.min(splayMs, roomIn(opening, base)));
    if (due > after) return due;
    from = base;
  }
  return undefined;
}

/** A splay ends with the window: what is allowed until six is not begun at ten past. */
const roomIn = (opening: Opening | undefined, base: number): number =>
  opening ? opening.to - base - 1 : Number.POSITIVE_INFINITY;

/** Counted from 1970, so that nothing must be remembered; where in its time each node is, its splay says. */
function nextEvery(
  { zone, window, splayMs }: Timing,
  everyMs: number,
  { after, seed }: { readonly after: number; readonly seed: Seed },
): number | undefined {
  const phase = Math.floor(shareOf(seed) * Math.min(splayMs ?? everyMs, everyMs));
  const next = (instant: number): number => (Math.floor((instant - phase) / everyMs) + 1) * everyMs + phase;
  let due = next(after);
  for (let tries = 0; window && tries < TRIES; tries++) {
    const { from } = openingAt(window, zone, due);
    if (due >= from) return due;
    due = next(from - 1);
  }
  return window ? undefined : due;
}

/** So long after the boot. */
export const bootDueMs = ({ atBootMs = 0, splayMs = 0 }: Timing, seed: Seed): number =>
  atBootMs + Math.floor(shareOf(seed) * splayMs);

/** Whether it may run at this instant. */
export const isOpen = ({ window, zone }: Timing, instant: number): boolean =>
  window === undefined || openingAt(window, zone, instant).from <= instant;

/** Between 0 and 1, always the same for the same seed, and spread evenly over many. */
const shareOf = (seed: Seed): number => createHash("sha256").update(seed).digest().readUIntBE(0, 6) / 2 ** 48;

function nextCron(cron: Cron, zone: string, after: number): number | undefined {
  const today = dayOf(wallAt(zone, after));
  // From the day before: what was jumped over yesterday comes today, and an hour may come again.
  for (let day = -1; day <= DAYS_AHEAD; day++) {
    const found = earliest(cron, zone, { midnight: today + day * DAY_MS, after });
    if (found === undefined) continue;
    // Where clocks are set back over midnight, something of the next day comes before the rest of this one.
    const next = earliest(cron, zone, { midnight: today + (day + 1) * DAY_MS, after });
    return next === undefined ? found : Math.min(found, next);
  }
  return undefined;
}

interface Day {
  readonly midnight: Wall;
  readonly after: number;
}

/** The first time of a day that comes after an instant. */
function earliest(cron: Cron, zone: string, { midnight, after }: Day): number | undefined {
  if (!isCronDay(cron, calendarOf(midnight))) return undefined;
  const offset = steadyOffset(zone, midnight);
  let first: number | undefined;
  for (const hour of cron.hours)
    for (const minute of cron.minutes) {
      const wall = midnight + (hour * 60 + minute) * MINUTE_MS;
      const instants = offset === undefined ? instantsOf(cron, zone, wall) : [wall - offset];
      for (const instant of instants)
        if (instant > after && (first === undefined || instant < first)) first = instant;
    }
  return first;
}

/** What is jumped over comes once, after the jump; what comes twice comes the first time, unless every hour is meant. */
function instantsOf({ everyHour }: Cron, zone: string, wall: Wall): readonly number[] {
  const { at, jumped } = shownAt(zone, wall);
  if (jumped !== undefined) return [jumped];
  return everyHour ? at : at.slice(0, 1);
}

/** Why it can never be, in words; `undefined` where it can. */
export function neverDue(timing: Timing): string | undefined {
  const { window, everyMs } = timing;
  if (window && everyMs !== undefined && windowMs(window) < everyMs)
    return "the window is shorter than `every`: on most nodes nothing would ever be due in it; write a cron expression";
  if (timing.atBootMs !== undefined || nextDue(timing, A_DAY, "") !== undefined) return undefined;
  return window ? "the cron expression has no time within the window" : "the cron expression has no time";
}

/** Any would do: what is never due after it never is. */
const A_DAY = Date.UTC(2026, 0, 1);
