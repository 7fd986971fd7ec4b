/** What a schedule may say, checked where it is compiled and again on the node that keeps it. */
import { asBomaError, closest, parseDuration } from "@boma/protocol";
import { z } from "zod";

import { type AnyFunction, checkArguments, FUNCTION_TIMEOUT_MS } from "../define-function.ts";
import { functions } from "../functions.gen.ts";
import { parseCron, WEEKDAYS } from "./cron.ts";
import { neverDue, type Timing } from "./timing.ts";
import { isZone } from "./zone.ts";

/** More often than this is the work of a service, not of a schedule. */
const EVERY_MS_MIN = 10_000;
const EVERY_MS_MAX = 31 * 86_400_000;
const SPLAY_MS_MAX = 86_400_000;
const DELAY_MS_MAX = 86_400_000;
const TIMEOUT_MS_MAX = 86_400_000;

const duration = (least: number, most: number, words: string) =>
  z.string().refine((text) => {
    const ms = msOf(text);
    return ms !== undefined && ms >= least && ms <= most;
  }, words);

function msOf(text: string | undefined): number | undefined {
  try {
    return text === undefined ? undefined : parseDuration(text);
  } catch {
    return undefined;
  }
}

const Cron = z.string().superRefine((text, context) => {
  try {
    parseCron(text);
  } catch (thrown) {
    context.addIssue({ code: "custom", message: (thrown as Error).message });
  }
});

const Time = z.string().regex(/^([01]\d|2[0-3]):[0-5]\d$/, "a time of the day such as `06:30`");

const Window = z.strictObject({
  days: z.array(z.enum(WEEKDAYS)).min(1).max(7).optional(),
  from: Time,
  to: Time,
});

export const Schedule = z
  .strictObject({
    name: z
      .string()
      .regex(/^[a-z0-9][a-z0-9._-]{0,62}$/, "small letters, digits and `._-`, at most 63")
      .describe("Its name on the node."),
    function: z.string().max(128).describe("The function that it runs, such as `state.apply`."),
    args: z.record(z.string(), z.unknown()).default({}).describe("The arguments of the function, by name."),
    cron: Cron.optional().describe("When: minute, hour, day of the month, month, day of the week."),
    every: duration(EVERY_MS_MIN, EVERY_MS_MAX, "a duration from `10s` to `31d`")
      .optional()
      .describe("When: again and again after this time, on each node at another moment of it."),
    atBoot: duration(0, DELAY_MS_MAX, "a duration up to `1d`")
      .optional()
      .describe("When: once, so long after each boot."),
    zone: z
      .string()
      .refine(isZone, "the name of a time zone such as `Europe/Vienna`, or `UTC`")
      .default("UTC")
      .describe("The time zone of `cron` and `window`."),
    window: Window.optional().describe(
      "Only from the one time of the day to the other; `days` are those on which it opens.",
    ),
    splay: duration(0, SPLAY_MS_MAX, "a duration up to `1d`")
      .optional()
      .describe("Up to so much later, always the same on one node; with `every`, all of it where not said."),
    catchUp: z
      .enum(["skip", "once"])
      .default("skip")
      .describe("What becomes of runs that were missed: nothing, or one run when that is noticed."),
    timeout: duration(1000, TIMEOUT_MS_MAX, "a duration from `1s` to `1d`")
      .optional()
      .describe("How long a run may take; as the function says where it is not said."),
    enabled: z.boolean().default(true).describe("`false` keeps it, and runs nothing."),
  })
  .superRefine((schedule, context) => {
    // Each is told by itself already.
    if (!isZone(schedule.zone) || !Cron.optional().safeParse(schedule.cron).success) return;
    for (const [name, message] of faults(schedule))
      context.addIssue({ code: "custom", path: [name], message });
  });
export type Schedule = z.output<typeof Schedule>;

type Fault = readonly [name: keyof Schedule, message: string];

function faults(schedule: Schedule): Fault[] {
  const { cron, every, atBoot, window, splay } = schedule;
  const said = [cron, every, atBoot].filter((when) => when !== undefined).length;
  if (said !== 1)
    return [["cron", "say when, by one of `cron`, `every` and `atBoot`"], ...callFaults(schedule)];
  const found: Fault[] = [];
  if (atBoot !== undefined && window)
    found.push(["window", "a boot comes when it comes: a window goes with `cron` or `every`"]);
  if (every !== undefined && (msOf(splay) ?? 0) > (msOf(every) ?? 0))
    found.push(["splay", "it is longer than `every`"]);
  const never = found.length === 0 ? neverDue(timingOf(schedule)) : undefined;
  if (never !== undefined) found.push([cron === undefined ? "every" : "cron", never]);
  return [...found, ...callFaults(schedule)];
}

/** What it runs must be something that an agent can run by itself. */
function callFaults({ function: name, args }: Pick<Schedule, "function" | "args">): Fault[] {
  const spec = Object.hasOwn(functions, name) ? functions[name] : undefined;
  if (!spec) {
    const near = closest(name, Object.keys(functions));
    return [
      ["function", `there is no function ${name}${near === undefined ? "" : `; did you mean \`${near}\`?`}`],
    ];
  }
  const alone = aloneFault(spec, args);
  if (alone !== undefined) return [["function", alone]];
  try {
    checkArguments(spec, args);
    return [];
  } catch (thrown) {
    return [["args", asBomaError(thrown).message]];
  }
}

/** Without a master there is the catalog that the node has, whole, and no other. */
function aloneFault(
  { name, bringsCatalog, attended, lease }: AnyFunction,
  args: Schedule["args"],
): string | undefined {
  if (name === "schedule.run") return "a schedule does not run schedules";
  if (attended) return `${name} is done when somebody asks for it, and never by itself`;
  if (lease) return `${name} needs a lease from the master, which lets one node at a time have it`;
  if (!bringsCatalog) return undefined;
  if (name !== "state.apply" && name !== "state.plan")
    return `${name} needs a catalog of its own from the master, which may be away; state.apply and state.plan run with the one that the node has`;
  const [first] = Object.keys(args);
  return first === undefined
    ? undefined
    : `the catalog that the node has is run whole: ${name} takes no \`${first}\` in a schedule`;
}

export function timingOf({ cron, every, atBoot, zone, window, splay }: Schedule): Timing {
  return { cron, everyMs: msOf(every), atBootMs: msOf(atBoot), zone, window, splayMs: msOf(splay) };
}

export const timeoutOf = ({ timeout }: Schedule, spec: AnyFunction): number =>
  msOf(timeout) ?? spec.timeoutMs ?? FUNCTION_TIMEOUT_MS;
