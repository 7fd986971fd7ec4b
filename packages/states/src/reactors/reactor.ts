/**
 * A reactor: on which events, and what then. What is wrong with one is an error
 * where it is written, before any event comes.
 *
 *   export default on("node.enrolled", { target: "env:dev" }, async (event, boma) => {
 *     await boma.run(event.node, "state.apply");
 *   });
 */
import {
  BomaError,
  closest,
  EVENT_KINDS,
  type EventKind,
  isEventKind,
  parseDuration,
  parseTarget,
  type SequencedEvent,
} from "@boma/protocol";
import { z } from "zod";

import type { Boma } from "./boma.ts";
import { parseLimit } from "./limit.ts";

/** What reactors themselves do never sets one off, but for what one says on purpose. */
export type ReactorKind = Exclude<EventKind, `reactor.${string}`> | "reactor.said";

type AboutNode =
  | `${"beacon" | "drift" | "schedule" | "grains" | "state" | "terraform"}.${string}`
  | `node.${"enrolled" | "connected" | "disconnected" | "duplicate" | "restored" | "assigned" | "revoked" | "rekeyed" | "started" | "stopping"}`
  | `job.${"accepted" | "returned" | "refused" | "late"}`;

export type ReactorEvent<K extends ReactorKind> = K extends ReactorKind
  ? SequencedEvent<K> & (K extends AboutNode ? { readonly node: string; readonly id: string } : unknown)
  : never;

export type ReactorHandler<K extends ReactorKind> = (
  event: ReactorEvent<K>,
  boma: Boma,
) => Promise<unknown> | void;

export interface ReactorOptions<K extends ReactorKind> {
  /** Only events of nodes that this target means when the event is handled. */
  readonly target?: string;
  /** Only events for which this is true. */
  readonly where?: (event: ReactorEvent<K>) => boolean;
  /** How many events it may handle in which time, such as `10/m`; further ones wait. */
  readonly limit?: string;
  /** How often an event is tried before it is given up. */
  readonly attempts?: number;
  /** How long one attempt may take, jobs included. */
  readonly timeout?: string;
}

export interface Reactor {
  readonly isReactor: true;
  readonly kinds: readonly ReactorKind[];
  readonly target: string | undefined;
  readonly limit: string;
  readonly attempts: number;
  readonly timeoutMs: number;
  readonly where: ((event: never) => boolean) | undefined;
  readonly handle: (event: never, boma: Boma) => unknown;
}

const LIMIT = "60/m";
const ATTEMPTS = 3;
const TIMEOUT = "10m";
const TIMEOUT_MS = { min: 1000, max: 24 * 3_600_000 };
const KINDS = EVENT_KINDS.filter((kind) => !kind.startsWith("reactor.") || kind === "reactor.said");

const isFunction = (value: unknown): boolean => typeof value === "function";
const Options = z.strictObject({
  target: z.string().optional(),
  where: z.custom<(event: never) => boolean>(isFunction, "expected a function").optional(),
  limit: z.string().default(LIMIT),
  attempts: z.int().min(1).max(20).default(ATTEMPTS),
  timeout: z.string().default(TIMEOUT),
});

export function on<const K extends ReactorKind>(kinds: K | readonly K[], handle: ReactorHandler<K>): Reactor;
export function on<const K extends ReactorKind>(
  kinds: K | readonly K[],
  options: ReactorOptions<K>,
  handle: ReactorHandler<K>,
): Reactor;
export function on(kinds: string | readonly string[], ...rest: readonly unknown[]): Reactor {
  const [options, handle] = rest.length > 1 ? rest : [{}, rest[0]];
  if (!isFunction(handle))
    throw new BomaError("site/reactor", "a reactor needs a function that says what to do", {
      hint: "Write `on(KIND, { … }, async (event, boma) => { … })`.",
    });
  const { target, where, limit, attempts, timeout } = readOptions(options);
  if (target !== undefined) parseTarget(target);
  parseLimit(limit);
  return {
    isReactor: true,
    kinds: readKinds([kinds].flat()),
    target,
    where,
    limit,
    attempts,
    timeoutMs: readTimeout(timeout),
    handle: handle as Reactor["handle"],
  };
}

function readKinds(kinds: readonly unknown[]): ReactorKind[] {
  if (kinds.length === 0) throw new BomaError("site/reactor", "a reactor names at least one kind of event");
  return kinds.map((kind) => {
    const name = String(kind);
    if ((KINDS as readonly string[]).includes(name)) return name as ReactorKind;
    if (isEventKind(name))
      throw new BomaError("site/reactor", `events of the kind ${name} are never given to reactors`, {
        hint: "What reactors do sets no reactor off; `boma.tell(…)` says something that may: `reactor.said`.",
      });
    const near = closest(name, KINDS);
    throw new BomaError(
      "site/reactor",
      `there is no kind of event ${JSON.stringify(name.slice(0, 80))}`,
      near === undefined ? {} : { hint: `Did you mean \`${near}\`? docs/events.md lists them all.` },
    );
  });
}

function readOptions(given: unknown): z.output<typeof Options> {
  const read = Options.safeParse(given);
  if (read.success) return read.data;
  const [issue] = read.error.issues;
  const unknown = issue?.code === "unrecognized_keys" ? issue.keys[0] : undefined;
  const near = unknown === undefined ? undefined : closest(unknown, Object.keys(Options.shape));
  throw new BomaError(
    "site/reactor",
    `a reactor cannot have these options:\n${z.prettifyError(read.error)}`,
    near === undefined
      ? { hint: "They are `target`, `where`, `limit`, `attempts` and `timeout`." }
      : { hint: `Did you mean \`${near}\`?` },
  );
}

function readTimeout(text: string): number {
  const ms = parseDuration(text);
  if (ms >= TIMEOUT_MS.min && ms <= TIMEOUT_MS.max) return ms;
  throw new BomaError("site/reactor", `a timeout of ${text} is not between 1s and 1d`);
}
