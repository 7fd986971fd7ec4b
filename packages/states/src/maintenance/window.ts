/** Windows of maintenance: when a node may restart what it protects otherwise. Pure, by the clock on the wall. */
import { parseDuration } from "@boma/protocol";
import { z } from "zod";

import { parseCron, WEEKDAYS } from "../schedules/cron.ts";
import { nextDue } from "../schedules/timing.ts";
import { isZone, shownAt } from "../schedules/zone.ts";
import { Domain } from "./domain.ts";

/** The duty under which an agent finds them. */
export const WINDOW_DUTY = "maintenance.window";

const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;
const DURATION_MS_MAX = 7 * DAY_MS;

const Time = z.string().regex(/^([01]\d|2[0-3]):[0-5]\d$/, "a time of the day such as `02:30`");
const Day = z.string().refine(isDay, "a day such as `2026-12-24`");

const Cron = z.string().superRefine((text, context) => {
  try {
    parseCron(text);
  } catch (thrown) {
    context.addIssue({ code: "custom", message: (thrown as Error).message });
  }
});

const Duration = z.string().refine((text) => {
  try {
    const ms = parseDuration(text);
    return ms >= MINUTE_MS && ms <= DURATION_MS_MAX;
  } catch {
    return false;
  }
}, "a duration from `1m` to `7d`");

export const MaintenanceWindow = z
  .strictObject({
    name: z
      .string()
      .regex(/^[a-z0-9][a-z0-9._-]{0,62}$/, "small letters, digits and `._-`, at most 63")
      .describe("Its name on the node."),
    cron: Cron.optional().describe("When it opens: minute, hour, day of the month, month, day of the week."),
    from: Time.optional().describe("When it opens, without `cron`: the time of the day."),
    days: z
      .array(z.enum(WEEKDAYS))
      .min(1)
      .max(7)
      .optional()
      .describe("With `from`: the days on which it opens; every day where it is not said."),
    duration: Duration.describe("How long it stays open."),
    zone: z
      .string()
      .refine(isZone, "the name of a time zone such as `Europe/Vienna`, or `UTC`")
      .default("UTC")
      .describe("The time zone of all its times."),
    freeze: z
      .array(z.strictObject({ from: Day, to: Day }))
      .max(100)
      .default([])
      .describe("Days, the last one included, on which it stays shut."),
    domains: z
      .array(Domain)
      .min(1)
      .max(100)
      .optional()
      .describe("For these failure domains only; for all of them where it is not said."),
  })
  .superRefine((window, context) => {
    for (const [name, message] of faults(window)) context.addIssue({ code: "custom", path: [name], message });
  });
export type MaintenanceWindow = z.output<typeof MaintenanceWindow>;

function faults({ cron, from, days, freeze }: Pick<MaintenanceWindow, "cron" | "from" | "days" | "freeze">) {
  const found: [name: string, message: string][] = [];
  if ((cron === undefined) === (from === undefined))
    found.push(["cron", "say when it opens, by one of `cron` and `from`"]);
  if (cron !== undefined && days) found.push(["days", "they go with `from`; `cron` has days of its own"]);
  for (const span of freeze)
    if (span.to < span.from) found.push(["freeze", `${span.from} comes after ${span.to}`]);
  return found;
}

function isDay(text: string): boolean {
  if (!/^\d{4}-\d{2}-\d{2}$/.test(text)) return false;
  const date = new Date(`${text}T00:00:00Z`);
  return !Number.isNaN(date.getTime()) && date.toISOString().startsWith(text);
}

export interface Opening {
  readonly from: number;
  readonly to: number;
}

/** So many openings may lie within frozen days before it is said that there is none to come. */
const TRIES = 1000;

/** The opening that an instant is in, or else the next one; none where all that are to come are frozen. */
export function maintenanceOpening(window: MaintenanceWindow, instant: number): Opening | undefined {
  const { zone, freeze } = window;
  const timing = { cron: cronOf(window), zone };
  const durationMs = parseDuration(window.duration);
  const frozen = freeze.map((span) => ({ from: midnight(zone, span.from), to: midnight(zone, span.to, 1) }));
  let after = instant - durationMs;
  for (let tries = 0; tries < TRIES; tries++) {
    const from = nextDue(timing, after, "");
    if (from === undefined) return undefined;
    const open = thawed({ from, to: from + durationMs }, frozen, instant);
    if (open) return open;
    // What is frozen for weeks is not gone through opening by opening.
    const cold = frozen.find((span) => span.from <= from && from < span.to);
    after = Math.max(from, (cold?.to ?? from) - durationMs);
  }
  return undefined;
}

const cronOf = ({ cron, from = "00:00", days }: MaintenanceWindow): string =>
  cron ?? `${Number(from.slice(3))} ${Number(from.slice(0, 2))} * * ${days?.join(",") ?? "*"}`;

/** What is left of an opening after an instant when the frozen days are taken out: the first piece of it. */
function thawed(opening: Opening, frozen: readonly Opening[], instant: number): Opening | undefined {
  let pieces: Opening[] = [opening];
  for (const cold of frozen)
    pieces = pieces.flatMap(({ from, to }) =>
      [
        { from, to: Math.min(to, cold.from) },
        { from: Math.max(from, cold.to), to },
      ].filter((piece) => piece.to > piece.from),
    );
  return pieces.filter(({ to }) => to > instant).sort((a, b) => a.from - b.from)[0];
}

function midnight(zone: string, day: string, later = 0): number {
  const { at, jumped } = shownAt(zone, Date.parse(`${day}T00:00:00Z`) + later * DAY_MS);
  return at[0] ?? jumped!;
}

/** Whether maintenance of a domain is open by these windows, and else when it is next. */
export interface Openness {
  readonly open: boolean;
  /** The window that is open, or that opens next; none where there is none. */
  readonly window: string | null;
  /** When that closes, or opens. */
  readonly at: number | null;
}

export function opennessOf(windows: readonly MaintenanceWindow[], domain: string, now: number): Openness {
  const openings = windows
    .filter(({ domains }) => domains === undefined || domains.includes(domain))
    .flatMap((window) => {
      const opening = maintenanceOpening(window, now);
      return opening ? [{ name: window.name, ...opening }] : [];
    });
  const open = openings.filter(({ from }) => from <= now).sort((a, b) => b.to - a.to)[0];
  if (open) return { open: true, window: open.name, at: open.to };
  const next = openings.sort((a, b) => a.from - b.from)[0];
  return { open: false, window: next?.name ?? null, at: next?.from ?? null };
}
