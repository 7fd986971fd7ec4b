/** A plan as `show -json` prints it, and what of it may leave the node: by address, with what is sensitive left out. */
import { BomaError } from "@boma/protocol";
import { z } from "zod";

import type { OutputChange, PlanCounts, ResourceChange } from "./results.ts";

const Sensitive = z.unknown();
const Change = z.object({
  actions: z.array(z.string()).min(1),
  before: z.unknown().optional(),
  after: z.unknown().optional(),
  after_unknown: z.unknown().optional(),
  before_sensitive: Sensitive.optional(),
  after_sensitive: Sensitive.optional(),
});
type Change = z.output<typeof Change>;

const Resource = z.object({
  address: z.string(),
  /** It is this one that goes, of an object that was replaced and could not be destroyed at once. */
  deposed: z.string().optional(),
  mode: z.string().optional(),
  action_reason: z.string().optional(),
  change: Change,
});

/** Other members are read over: each release has more of them. */
export const PlanJson = z.object({
  format_version: z.string().regex(/^1\./, "a plan in another format than 1.x"),
  terraform_version: z.string().optional(),
  resource_changes: z.array(Resource).default([]),
  resource_drift: z.array(Resource).default([]),
  output_changes: z.record(z.string(), Change).default({}),
  errored: z.boolean().default(false),
});
export type PlanJson = z.output<typeof PlanJson>;

export function readPlan(text: string): PlanJson {
  try {
    return PlanJson.parse(JSON.parse(text));
  } catch (cause) {
    const why = cause instanceof z.ZodError ? z.prettifyError(cause) : "it is not JSON";
    throw new BomaError("terraform/failed", `what the program says of its plan cannot be read:\n${why}`, {
      hint: "boma reads plans in the format 1.x, as Terraform 1.x and OpenTofu 1.x print them.",
    });
  }
}

/** What stands for a value that Terraform itself calls sensitive. */
export const SENSITIVE = "(sensitive)";
const UNKNOWN = "(known after apply)";
const VALUE_LENGTH_MAX = 400;
const ATTRIBUTES_MAX = 100;

export const changesOf = (plan: PlanJson): ResourceChange[] => plan.resource_changes.flatMap(changeOf);
export const driftOf = (plan: PlanJson): ResourceChange[] => plan.resource_drift.flatMap(changeOf);

function changeOf({ address, deposed, change, action_reason }: z.output<typeof Resource>): ResourceChange[] {
  const action = actionOf(change.actions);
  if (action === "no-op" || action === "read") return [];
  return [
    {
      address: deposed === undefined ? address : `${address} (deposed ${deposed})`,
      action,
      ...(action_reason !== undefined && { reason: action_reason.slice(0, 255) }),
      attributes: attributesOf(change),
    },
  ];
}

type Action = ResourceChange["action"] | "no-op" | "read";

/** An action that is not known could be anything, so it passes for the worst one. */
function actionOf(actions: readonly string[]): Action {
  const text = [...actions].sort().join(" ");
  if (text === "create delete") return "replace";
  if (["no-op", "read", "create", "update", "delete", "forget"].includes(text)) return text as Action;
  return "delete";
}

export function outputsOf({ output_changes }: PlanJson): OutputChange[] {
  return Object.entries(output_changes).flatMap(([name, change]) => {
    const action = actionOf(change.actions);
    return action === "no-op" || action === "read" ? [] : [{ name: name.slice(0, 255), action }];
  });
}

export function countsOf(changes: readonly ResourceChange[]): PlanCounts {
  const count = (action: ResourceChange["action"]): number =>
    changes.filter((change) => change.action === action).length;
  return {
    add: count("create"),
    change: count("update"),
    replace: count("replace"),
    destroy: count("delete"),
    forget: count("forget"),
  };
}

/** Property by property what differs; what is the same on both sides is nobody's business. */
function attributesOf(change: Change): ResourceChange["attributes"] {
  const from = hidden(change.before, change.before_sensitive);
  const to = withUnknown(hidden(change.after, change.after_sensitive), change.after_unknown);
  if (!isRecord(from) && !isRecord(to)) return {};
  const [before, after] = [isRecord(from) ? from : {}, isRecord(to) ? to : {}];
  const raw = [change.before, change.after].map((side) => (isRecord(side) ? side : {}));
  const names = [...new Set([...Object.keys(before), ...Object.keys(after)])].filter(
    (name) => !isEqual(raw[0]![name] ?? null, raw[1]![name] ?? null) || isEqual(after[name] ?? null, UNKNOWN),
  );
  return Object.fromEntries(
    names.slice(0, ATTRIBUTES_MAX).map((name) => [
      name.slice(0, 128),
      {
        ...((before[name] ?? null) !== null && { from: short(before[name]) }),
        ...((after[name] ?? null) !== null && { to: short(after[name]) }),
      },
    ]),
  );
}

/** `sensitive` is `true` where all of it is, or follows the form of the value. */
function hidden(value: unknown, sensitive: unknown): unknown {
  if (value === undefined || value === null) return value;
  if (sensitive === true) return SENSITIVE;
  if (Array.isArray(value))
    return value.map((member, at) => hidden(member, Array.isArray(sensitive) ? sensitive[at] : false));
  if (!isRecord(value)) return value;
  const marks = isRecord(sensitive) ? sensitive : {};
  return Object.fromEntries(
    Object.entries(value).map(([name, member]) => [name, hidden(member, marks[name])]),
  );
}

function withUnknown(value: unknown, unknown: unknown): unknown {
  if (unknown === true) return UNKNOWN;
  if (!isRecord(unknown)) return value;
  const known = isRecord(value) ? value : {};
  const marks = Object.entries(unknown).filter(([, mark]) => mark === true);
  return { ...known, ...Object.fromEntries(marks.map(([name]) => [name, UNKNOWN])) };
}

function short(value: unknown): unknown {
  const text = typeof value === "string" ? value : (JSON.stringify(value) ?? "");
  return text.length <= VALUE_LENGTH_MAX ? value : `${text.slice(0, VALUE_LENGTH_MAX)}…`;
}

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value);
const isEqual = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b);
