/**
 * Events are asked for, portion by portion, and never pushed: whoever reads says
 * where they stand. A slow reader holds up nobody, and one that lost its master
 * goes on with another.
 */
import { BomaError, compileTarget, parseTarget, type SequencedEvent } from "@boma/protocol";
import { z } from "zod";

import type { Control } from "../../control.ts";
import type { Portion } from "../../events/event-reader.ts";
import { assertPatterns } from "../../events/patterns.ts";
import { placeOf } from "../../events/place.ts";
import type { SubscriberRecord } from "../../events/subscribers.ts";
import { STREAM } from "../../store/store.ts";
import { authorise, type OperatorRecord } from "../rights.ts";
import { defineVerb } from "../verb.ts";

const LIMIT_MAX = 1000;
const WAIT_MS_MAX = 10_000;
const DURABLES_PER_OPERATOR_MAX = 64;

const Place = z.int().nonnegative();
const Session = z.string().min(8).max(32);
/** No dots: it is one word of a subject. */
const DurableName = z
  .string()
  .regex(/^[a-z0-9][a-z0-9_-]{0,62}$/, "the name of a durable reader matches [a-z0-9][a-z0-9_-]*");

const NextArgs = z.strictObject({
  patterns: z
    .array(z.string().regex(/^[a-z0-9.*-]{1,128}$/, "a pattern is such as `job.*`"))
    .min(1)
    .max(32),
  target: z.string().min(1).optional(),
  start: z.union([
    z.strictObject({
      after: Place,
      seen: z.strictObject({ sequence: Place, uid: z.string().max(64) }).optional(),
    }),
    z.strictObject({ since: z.number().nonnegative().max(8.64e15) }),
    z.strictObject({ from: z.enum(["first", "now"]) }),
  ]),
  limit: z.int().positive().max(LIMIT_MAX),
  waitMs: z.int().nonnegative().max(WAIT_MS_MAX),
  /** The reader that asks: the same from its first question to its last. */
  session: Session,
  /** `join` takes the name from whoever held it; without it the name must still be held. */
  durable: z.strictObject({ name: DurableName, join: z.boolean() }).optional(),
});
type NextArgs = z.output<typeof NextArgs>;

export const eventsNext = defineVerb({
  verb: "events.next",
  right: "itself",
  args: NextArgs,
  async answer(args, { control, operator }): Promise<Portion> {
    const { patterns, target, start, session, durable, limit, waitMs } = args;
    assertPatterns(patterns);
    authorise(operator, { right: "events", patterns });
    // Whom a target means tells of grains.
    if (target !== undefined) authorise(operator, { right: "read" });
    const fits = target === undefined ? () => true : aboutNodesOf(control, target);
    const after = durable
      ? await durablePlace(control, operator, { ...args, durable })
      : await placeOf(control.store, start);
    const name = `${operator.key}.${session}`;
    const seen = "after" in start ? start.seen : undefined;
    const portion = await control.readings.next(name, { after, seen, patterns, fits, limit, waitMs });
    if (durable && portion.lost > 0) await tellBehind(control, durable.name, { after, ...portion });
    return portion;
  },
});

async function durablePlace(
  control: Control,
  operator: OperatorRecord,
  { durable, start, patterns, session }: NextArgs & { readonly durable: { name: string; join: boolean } },
): Promise<number> {
  const { subscribers, store } = control;
  const { name } = durable;
  if (!durable.join) {
    held(control, operator, { name, session });
    return placeOf(store, start);
  }
  const known = owned(control, operator, name);
  if (!known && subscribers.list("operator").filter(isOf(operator)).length >= DURABLES_PER_OPERATOR_MAX)
    throw new BomaError(
      "events/durable",
      `${operator.name} has ${DURABLES_PER_OPERATOR_MAX} durable readers`,
      {
        hint: "`boma-master events forget NAME` removes one.",
      },
    );
  const asked = known && !("after" in start) ? known.position : await placeOf(store, start);
  const position = Math.max(asked, known?.position ?? 0);
  await subscribers.join({
    name,
    kind: "operator",
    owner: operator.key,
    patterns,
    position,
    holder: session,
  });
  return position;
}

/** An event fits when its node does, as the registry knows it now; one about no node does not. */
function aboutNodesOf(control: Control, target: string): (event: SequencedEvent) => boolean {
  const matcher = compileTarget(parseTarget(target), { nodegroups: control.nodegroups() });
  const known = new Map<string, boolean>();
  return ({ node }) => {
    if (node === undefined) return false;
    const held = known.get(node);
    if (held !== undefined) return held;
    const record = control.registry.byKey(node);
    const fits = record !== undefined && matcher(control.registry.targetNode(record)) === "yes";
    known.set(node, fits);
    return fits;
  };
}

async function tellBehind(
  { events }: Control,
  subscriber: string,
  { after, lost }: { readonly after: number; readonly lost: number },
): Promise<void> {
  const until = after + lost;
  const data = { subscriber, lost, until };
  // Asked again before it is done with, it is still one loss.
  await events.told({ kind: "subscriber.behind", uid: `behind-${subscriber.slice(0, 32)}-${until}`, data });
}

/** The record of this name, which must be the operator's own where there is one. */
function owned(
  { subscribers }: Control,
  operator: OperatorRecord,
  name: string,
): SubscriberRecord | undefined {
  const known = subscribers.get("operator", name);
  if (known && known.owner !== operator.key)
    throw new BomaError("events/durable", `the durable reader ${name} is another operator's`);
  return known;
}

function held(
  control: Control,
  operator: OperatorRecord,
  { name, session }: { readonly name: string; readonly session: string },
): void {
  const known = owned(control, operator, name);
  if (known?.holder === session) return;
  throw new BomaError(
    "events/taken-over",
    known ? `another process reads as ${name} now` : `the durable reader ${name} was removed`,
  );
}

const isOf =
  ({ key }: OperatorRecord) =>
  ({ owner }: SubscriberRecord): boolean =>
    owner === key;

/** What was read up to here is dealt with: after a crash it goes on from here. */
export const subscriberDone = defineVerb({
  verb: "subscriber.done",
  right: "none",
  args: z.strictObject({ name: DurableName, session: Session, position: Place }),
  async answer({ name, session, position }, { control, operator }) {
    held(control, operator, { name, session });
    await control.subscribers.advance("operator", name, position);
    return { name, position };
  },
});

/** One's own, and with the right to read those of everybody, the site's reactors and notifiers among them. */
export const subscriberList = defineVerb({
  verb: "subscriber.list",
  right: "none",
  args: z.strictObject({}),
  async answer(_args, { control, operator }) {
    const { rights } = operator;
    const { state } = await control.store.api.streams.info(STREAM.events);
    return (
      control.subscribers
        .list()
        // What the master reads for itself is nobody's to forget.
        .filter(({ kind }) => kind !== "master")
        .filter((one) => isOf(operator)(one) || rights.admin || rights.read)
        .map(({ name, kind, owner, patterns, position, at }) => ({
          name,
          kind,
          owner: control.operators.get(owner)?.name ?? owner,
          patterns,
          position,
          at,
          behind: Math.max(0, state.last_seq - position),
        }))
        .sort((a, b) => (a.name < b.name ? -1 : 1))
    );
  },
});

export const subscriberRemove = defineVerb({
  verb: "subscriber.remove",
  right: "none",
  args: z.strictObject({ name: DurableName }),
  async answer({ name }, { control, operator }) {
    if (!operator.rights.admin) owned(control, operator, name);
    if (!(await control.subscribers.leave("operator", name)))
      throw new BomaError("events/durable", `there is no durable reader ${name}`);
    return { name };
  },
});
