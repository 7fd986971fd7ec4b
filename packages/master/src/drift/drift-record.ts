/** What a node's events say of its drift, added up. Pure; and bounded, for a node may say what it likes. */
import { DRIFT_MODES, type EventData, pack, type SequencedEvent } from "@boma/protocol";
import { z } from "zod";

const RESOURCES_MAX = 200;
const FAILED_MAX = 50;
const WHO_MAX = 3;
const TEXT_LENGTH_MAX = 300;
const DIFF_LENGTH_MAX = 2000;
const CHANGES_BYTES_MAX = 8 * 1024;
/** Well below what one record may weigh. */
const RECORD_BYTES_MAX = 512 * 1024;

const Change = z.strictObject({
  from: z.unknown().optional(),
  to: z.unknown().optional(),
  diff: z.string().optional(),
});

const DriftedResource = z.strictObject({
  resource: z.string(),
  catalog: z.string(),
  mode: z.enum(DRIFT_MODES),
  changes: z.record(z.string(), Change),
  /** The differences were longer than what is kept of them. */
  cut: z.boolean(),
  comment: z.string(),
  since: z.number(),
  who: z.array(z.string()),
  /** Somebody undoes it again and again, and the node leaves it alone. */
  loop: z.strictObject({ reverts: z.int(), withinMs: z.number(), who: z.array(z.string()) }).optional(),
});
export type DriftedResource = z.output<typeof DriftedResource>;

export const DriftRecord = z.strictObject({
  key: z.string(),
  /** Every event up to here is in it. */
  sequence: z.int(),
  resources: z.array(DriftedResource),
  /** Further ones that had no room. */
  more: z.int(),
  failed: z.array(z.strictObject({ resource: z.string(), comment: z.string(), at: z.number() })),
  /** The last whole look that the node told of. */
  checked: z
    .strictObject({
      at: z.number(),
      catalog: z.string(),
      checked: z.int(),
      drifted: z.int(),
      failed: z.int(),
    })
    .optional(),
});
export type DriftRecord = z.output<typeof DriftRecord>;

export const DRIFT_EVENTS = "drift.*";

/** What is known once this was told as well. An event that is in it already changes nothing. */
export function afterEvent(
  key: string,
  known: DriftRecord | undefined,
  event: SequencedEvent,
): DriftRecord | undefined {
  if (known && event.sequence <= known.sequence) return known;
  const { sequence, at } = event;
  const record: DriftRecord = { ...(known ?? { key, resources: [], more: 0, failed: [] }), sequence };
  if (event.kind === "drift.found") return fitted(found(record, event.data, at));
  if (event.kind === "drift.healed") return healed(record, event.data.resource);
  if (event.kind === "drift.failed") return failed(record, event.data, at);
  if (event.kind === "drift.loop") return fitted(looping(record, event.data, at));
  return event.kind === "drift.checked" ? checked(record, event.data, at) : known;
}

function found(record: DriftRecord, data: EventData<"drift.found">, at: number): DriftRecord {
  const { resource, catalog, mode, comment, since, who } = data;
  const before = record.resources.find((one) => one.resource === resource);
  const { changes, cut } = shortened(data.changes);
  const drifted: DriftedResource = {
    ...(before?.loop && { loop: before.loop }),
    resource,
    catalog,
    mode,
    changes,
    cut,
    comment: short(comment),
    since: Math.min(since, at),
    who: who.slice(0, WHO_MAX).map((one) => short(one)),
  };
  const others = record.resources.filter((one) => one !== before);
  return { ...withoutFailed(record, resource), resources: [...others, drifted] };
}

/** One that had no room is one less of those. */
function healed(record: DriftRecord, resource: string): DriftRecord {
  const resources = record.resources.filter((one) => one.resource !== resource);
  const isKnown = resources.length < record.resources.length;
  return {
    ...withoutFailed(record, resource),
    resources,
    more: isKnown ? record.more : Math.max(0, record.more - 1),
  };
}

function failed(
  record: DriftRecord,
  { resource, comment }: EventData<"drift.failed">,
  at: number,
): DriftRecord {
  const others = withoutFailed(record, resource).failed;
  const fresh = { resource, comment: short(comment), at };
  return { ...record, failed: [...others, fresh].slice(-FAILED_MAX) };
}

function looping(record: DriftRecord, data: EventData<"drift.loop">, at: number): DriftRecord {
  const { resource, catalog, reverts, withinMs, who } = data;
  const loop = { reverts, withinMs, who: who.slice(0, WHO_MAX).map((one) => short(one)) };
  const known = record.resources.find((one) => one.resource === resource);
  const begun: DriftedResource = known ?? {
    resource,
    catalog,
    mode: "enforce",
    changes: {},
    cut: false,
    comment: "",
    since: at,
    who: loop.who,
  };
  const others = record.resources.filter((one) => one !== known);
  return { ...record, resources: [...others, { ...begun, loop }] };
}

/** A look that found all in order says so of everything that is still listed. */
function checked(record: DriftRecord, data: EventData<"drift.checked">, at: number): DriftRecord {
  const { catalog, checked: count, drifted, failed: failures } = data;
  return {
    ...record,
    ...(drifted === 0 && { resources: [], more: 0 }),
    failed: failures === 0 ? [] : record.failed.filter(({ resource }) => resource !== WHOLE_CATALOG),
    checked: { at, catalog, checked: count, drifted, failed: failures },
  };
}

/** What a node calls its catalog where that as a whole cannot be looked at. */
export const WHOLE_CATALOG = "catalog";

const withoutFailed = (record: DriftRecord, resource: string): DriftRecord => ({
  ...record,
  failed: record.failed.filter((one) => one.resource !== resource),
});

/** The oldest stay: they are what nobody has looked after for longest. */
function fitted(record: DriftRecord): DriftRecord {
  const resources = record.resources.slice(0, RESOURCES_MAX);
  while (resources.length > 0 && pack(resources).length > RECORD_BYTES_MAX)
    resources.length = Math.floor(resources.length * 0.9);
  return { ...record, resources, more: record.more + record.resources.length - resources.length };
}

const short = (text: string, length = TEXT_LENGTH_MAX): string =>
  text.length <= length ? text : `${text.slice(0, length)}…`;

type Changes = DriftedResource["changes"];

function shortened(changes: EventData<"drift.found">["changes"]): { changes: Changes; cut: boolean } {
  if (pack(changes).length <= CHANGES_BYTES_MAX) return { changes, cut: false };
  const kept: Changes = {};
  for (const [name, { from, to, diff }] of Object.entries(changes)) {
    kept[name] = {
      ...(from !== undefined && { from: shortValue(from) }),
      ...(to !== undefined && { to: shortValue(to) }),
      ...(diff !== undefined && { diff: short(diff, DIFF_LENGTH_MAX) }),
    };
    if (pack(kept).length <= CHANGES_BYTES_MAX) continue;
    delete kept[name];
    break;
  }
  return { changes: kept, cut: true };
}

const shortValue = (value: unknown): unknown => {
  const text = typeof value === "string" ? value : JSON.stringify(value, plain);
  return text.length <= TEXT_LENGTH_MAX ? value : short(text);
};

const plain = (_name: string, value: unknown): unknown => (typeof value === "bigint" ? String(value) : value);
