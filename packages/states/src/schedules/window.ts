/** Hours in which a schedule may run, by the clock on the wall. */
import { type CalendarDay, WEEKDAYS, weekdayOf } from "./cron.ts";
import { shownAt, type Wall, wallAt } from "./zone.ts";

export interface Window {
  /** The days on which it opens; every day where it is not said. */
  readonly days?: readonly (typeof WEEKDAYS)[number][] | undefined;
  readonly from: string;
  /** At or before `from`: on the day after. */
  readonly to: string;
}

const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;

const minutesOf = (time: string): number => Number(time.slice(0, 2)) * 60 + Number(time.slice(3));

/** How long it is open, where no clock is set meanwhile. */
export const windowMs = ({ from, to }: Window): number => {
  const span = minutesOf(to) - minutesOf(from);
  return (span > 0 ? span : span + 24 * 60) * MINUTE_MS;
};

export interface Opening {
  readonly from: number;
  readonly to: number;
}

/** The opening that an instant is in, or the next one. */
export function openingAt(window: Window, zone: string, instant: number): Opening {
  const today = dayOf(wallAt(zone, instant));
  // Yesterday's may still be open; within eight days there is one, unless clocks jump over it.
  for (let day = -1; day <= 15; day++) {
    const midnight = today + day * DAY_MS;
    if (window.days && !window.days.includes(WEEKDAYS[weekdayOf(calendarOf(midnight))]!)) continue;
    const from = instantOf(zone, midnight + minutesOf(window.from) * MINUTE_MS);
    const to = instantOf(zone, midnight + minutesOf(window.from) * MINUTE_MS + windowMs(window), true);
    if (to > instant && to > from) return { from, to };
  }
  throw new Error("the window never opens");
}

/** It opens when its time first comes, and closes when that comes last. */
function instantOf(zone: string, wall: Wall, last = false): number {
  const { at, jumped } = shownAt(zone, wall);
  return (last ? at.at(-1) : at[0]) ?? jumped!;
}

/** The midnight of a day. */
export const dayOf = (wall: Wall): Wall => Math.floor(wall / DAY_MS) * DAY_MS;

export function calendarOf(wall: Wall): CalendarDay {
  const date = new Date(wall);
  return { year: date.getUTCFullYear(), month: date.getUTCMonth() + 1, day: date.getUTCDate() };
}
