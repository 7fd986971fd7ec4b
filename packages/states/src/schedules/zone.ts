/**
 * Clocks on walls: what they show at an instant, and at which instants they show
 * something. Of a time that is jumped over and one that comes twice everything
 * here says what becomes of it. By `Intl` alone.
 */

/** What a clock on a wall shows, as if that were UTC, in milliseconds: easy to add to, and to compare. */
export type Wall = number;

const DAY_MS = 86_400_000;

const formats = new Map<string, Intl.DateTimeFormat>();

function formatOf(zone: string): Intl.DateTimeFormat {
  const known = formats.get(zone);
  if (known) return known;
  const fresh = new Intl.DateTimeFormat("en-US", {
    timeZone: zone,
    calendar: "iso8601",
    numberingSystem: "latn",
    hourCycle: "h23",
    year: "numeric",
    month: "2-digit",
    day: "2-digit",
    hour: "2-digit",
    minute: "2-digit",
    second: "2-digit",
  });
  formats.set(zone, fresh);
  return fresh;
}

/** Only names such as `Europe/Vienna` and `UTC`: an abbreviation or an offset means another thing to everybody. */
export function isZone(name: string): boolean {
  if (name !== "UTC" && !/^[A-Za-z_]+(\/[A-Za-z0-9_+-]+)+$/.test(name)) return false;
  try {
    formatOf(name);
    return true;
  } catch {
    return false;
  }
}

/** How far the clocks of a zone are ahead of UTC at an instant. */
function offsetAt(zone: string, instant: number): number {
  const parts: Record<string, number> = {};
  for (const { type, value } of formatOf(zone).formatToParts(instant)) parts[type] = Number(value);
  const { year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0 } = parts;
  return Date.UTC(year, month - 1, day, hour, minute, second) - Math.floor(instant / 1000) * 1000;
}

export const wallAt = (zone: string, instant: number): Wall =>
  zone === "UTC" ? instant : instant + offsetAt(zone, instant);

export interface Shown {
  /** The instants at which the clocks show it: one, two where they were set back, none where they jump over it. */
  readonly at: readonly number[];
  /** Where they jump over it: the first instant after the jump. */
  readonly jumped?: number;
}

/** Clocks are set at most once within a day and a day after it, so that looking at both ends of a time shows it. */
export function shownAt(zone: string, wall: Wall): Shown {
  if (zone === "UTC") return { at: [wall] };
  const [before, after] = [offsetAt(zone, wall - DAY_MS), offsetAt(zone, wall + DAY_MS)];
  if (before === after) return { at: [wall - before] };
  const at = [...new Set([wall - before, wall - after])]
    .filter((instant) => instant + offsetAt(zone, instant) === wall)
    .sort((a, b) => a - b);
  return at.length > 0 ? { at } : { at, jumped: changeBetween(zone, wall - DAY_MS, wall + DAY_MS) };
}

/** The same offset all day, where no clock is set in it or near it. */
export function steadyOffset(zone: string, midnight: Wall): number | undefined {
  if (zone === "UTC") return 0;
  const [before, after] = [offsetAt(zone, midnight - DAY_MS), offsetAt(zone, midnight + 2 * DAY_MS)];
  return before === after ? before : undefined;
}

/** The first instant that has the later offset. */
function changeBetween(zone: string, from: number, to: number): number {
  let [low, high] = [Math.floor(from / 1000), Math.ceil(to / 1000)];
  const before = offsetAt(zone, low * 1000);
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2);
    if (offsetAt(zone, middle * 1000) === before) low = middle;
    else high = middle;
  }
  return high * 1000;
}
