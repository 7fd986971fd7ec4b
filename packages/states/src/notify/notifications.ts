/** What is told to whom: the site's `notifications.ts`. */
import { BomaError, closest, parseDuration } from "@boma/protocol";
import { z } from "zod";

import { Condition } from "./condition.ts";
import { assertPath, kindsOf } from "./event-path.ts";
import { faultText } from "./fault-text.ts";
import { Sender } from "./senders.ts";
import { parseTemplate } from "./text-template.ts";

/** A name is one token of a subject. */
const NAME = /^[a-z0-9][a-z0-9_-]{0,62}$/;
const PER_MS = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;
/** People are told so often at most; programs have no limit of their own. */
const LIMIT_FOR_PEOPLE = "30/h";
/** What a notification says beside the event's own places. */
const OWN_PATHS = ["notifier"] as const;

const Duration = z
  .string()
  .max(16)
  .transform((text, context) => {
    try {
      return parseDuration(text);
    } catch (thrown) {
      context.addIssue((thrown as Error).message);
      return z.NEVER;
    }
  });

const Limit = z
  .string()
  .regex(/^[1-9]\d{0,5}\/[smhd]$/, "is not a limit such as 30/h")
  .transform((text) => {
    const [count, per] = text.split("/") as [string, keyof typeof PER_MS];
    return { count: Number(count), perMs: PER_MS[per] };
  });

const Template = z.string().min(1).max(8192);

/** A receiver that needs longer holds up what comes behind it. */
const TIMEOUT_MS_MAX = 10 * 60_000;

const Written = z.strictObject({
  /** Kinds of events, such as `drift.*`. */
  on: z.union([z.string().transform((one) => [one]), z.array(z.string().max(128)).min(1).max(64)]),
  /** Events of these nodes only. What is of no node is left out then. */
  target: z.string().min(1).max(4096).optional(),
  where: Condition.optional(),
  to: Sender,
  title: Template.optional(),
  text: Template.optional(),
  /** At most so many deliveries; what comes faster is told together. `none` for no limit. */
  limit: z.union([z.literal("none"), Limit]).optional(),
  /** What fails is tried again, each time after four times as long, up to half an hour. */
  retry: z
    .strictObject({ attempts: z.int().min(1).max(50).default(6), first: Duration.prefault("15s") })
    .prefault({}),
  /** How long one attempt may take. */
  timeout: Duration.refine((ms) => ms <= TIMEOUT_MS_MAX, "at most 10m").prefault("20s"),
});
export type NotificationOptions = z.input<typeof Written>;

/** One receiver with what it is told, as the master works by it. */
export const Notification = z.strictObject({
  name: z.string().regex(NAME),
  on: z.array(z.string()),
  target: z.string().optional(),
  where: Condition,
  to: Sender,
  title: z.string().optional(),
  text: z.string().optional(),
  limit: z.strictObject({ count: z.int(), perMs: z.number() }).optional(),
  retry: z.strictObject({ attempts: z.int(), firstMs: z.number().nonnegative() }),
  timeoutMs: z.number().positive(),
});
export type Notification = z.output<typeof Notification>;

export interface Notifications {
  readonly isNotifications: true;
  readonly entries: readonly Notification[];
}

/** `export default notifications({ ops: { on: "drift.*", to: webhook({ … }) } })`. */
export const notifications = (entries: Readonly<Record<string, NotificationOptions>>): Notifications => ({
  isNotifications: true,
  entries: Object.entries(entries).map(([name, options]) => read(name, options)),
});

function read(name: string, options: NotificationOptions): Notification {
  if (!NAME.test(name)) throw fault(name, "cannot be a notifier's name", "Names match [a-z0-9][a-z0-9_-]*.");
  const given = Written.safeParse(options);
  if (!given.success) throw unreadable(name, given.error);
  const { limit, retry, timeout, where = {}, ...rest } = given.data;
  try {
    const kinds = kindsOf(rest.on);
    for (const path of Object.keys(where)) assertPath(path, kinds);
    for (const text of [rest.title, rest.text])
      for (const part of parseTemplate(text ?? ""))
        if (typeof part !== "string") assertPath(part.path, kinds, OWN_PATHS);
  } catch (thrown) {
    if (!(thrown instanceof BomaError)) throw thrown;
    throw fault(name, thrown.message, thrown.hint);
  }
  const limited = limit ?? (rest.to.kind === "webhook" ? "none" : Limit.parse(LIMIT_FOR_PEOPLE));
  const { attempts, first: firstMs } = retry;
  return {
    name,
    ...(rest as Omit<Notification, "name" | "where">),
    where,
    ...(limited !== "none" && { limit: limited }),
    retry: { attempts, firstMs },
    timeoutMs: Math.max(1, timeout),
  };
}

function unreadable(name: string, error: z.ZodError): BomaError {
  const [issue] = error.issues;
  const key = issue?.code === "unrecognized_keys" ? issue.keys[0] : undefined;
  if (key === undefined) return fault(name, faultText(error));
  const meant = closest(key, Object.keys(Written.shape));
  return fault(name, `takes no ${key}`, meant === undefined ? "" : `Did you mean \`${meant}\`?`);
}

const fault = (name: string, what: string, hint = ""): BomaError =>
  new BomaError("site/notifications", `the notifier ${JSON.stringify(name)}: ${what}`, { hint });
