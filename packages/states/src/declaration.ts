/** One thing that a tree says of a machine. Plain data: it can be compared, printed and sent. */
import { getCallSites } from "node:util";

import { BomaError, parseDuration } from "@boma/protocol";
import { z } from "zod";

import { checkParams } from "./check-params.ts";
import { type Stage, STAGES } from "./stages.ts";
import type { AnySpec } from "./state-spec.ts";

/** A declaration, or its name as YAML writes it: `pkg.installed(nginx)`. */
export type Reference = Declaration | string;
type References = Reference | readonly Reference[];

/**
 * How one declaration hangs on others. `require`: after all of them, if all succeeded. `watch`: the same, and a
 * change there refreshes this. `onChanges`: only if one of them changed. `onFail`: only if one of them failed.
 * `prereq`: before them, and only if one of them would change. `listen`: a change there refreshes this at the end of
 * the run. With `Any`, one success among them is enough; `onFailAll` wants all of them failed.
 */
export const REQUISITES = [
  "require",
  "requireAny",
  "watch",
  "watchAny",
  "onChanges",
  "onChangesAny",
  "onFail",
  "onFailAll",
  "prereq",
  "listen",
] as const;
export type Requisite = (typeof REQUISITES)[number];
/** The same, written at the other end: `requireIn: x` means that x requires this. */
export const REQUISITES_IN = [
  "requireIn",
  "watchIn",
  "onChangesIn",
  "onFailIn",
  "prereqIn",
  "listenIn",
] as const;
export type RequisiteIn = (typeof REQUISITES_IN)[number];

/** A command that decides by its exit code, as words or as one line for a shell. */
const Guard = z.union([z.string().min(1), z.array(z.string()).min(1)]);
export type Guard = z.output<typeof Guard>;
const Guards = z
  .union([z.string().min(1), z.array(Guard)])
  .transform((given) => (typeof given === "string" ? [given] : given));

export const Retry = z.strictObject({
  /** How often in all, the first time included. */
  attempts: z.int().min(1).max(100),
  interval: z.string().optional(),
});

/** What the agent does by itself when this is not so any more; until a day it may be told to keep its hands off. */
export const DriftOption = z.union([
  z.enum(["enforce", "observe", "adopt"]),
  z.strictObject({
    /** Until this day begins, by UTC, or until this moment. */
    handsOff: z.union([z.iso.date(), z.iso.datetime({ offset: true })]),
  }),
]);
export type DriftOption = z.output<typeof DriftOption>;

/** What every declaration may say, whatever its state. */
const Common = z.strictObject({
  unless: Guards.optional(),
  onlyIf: Guards.optional(),
  creates: z
    .union([z.string(), z.array(z.string())])
    .transform((given) => [given].flat())
    .optional(),
  retry: Retry.optional(),
  timeout: z.string().optional(),
  order: z.union([z.enum(["first", "last"]), z.int()]).optional(),
  failHard: z.boolean().optional(),
  drift: DriftOption.optional(),
  stage: z.enum(STAGES).optional(),
});

export interface CommonOptions {
  /** Not run when one of these exits with 0: a line for a shell, or a list with an argv list or a line in each place. */
  readonly unless?: string | readonly (string | readonly string[])[];
  /** Run only when all of these exit with 0. */
  readonly onlyIf?: string | readonly (string | readonly string[])[];
  /** Not run when all of these paths exist. */
  readonly creates?: string | readonly string[];
  readonly retry?: { readonly attempts: number; readonly interval?: string };
  /** How long it may take: `90s`, `5m`. */
  readonly timeout?: string;
  readonly order?: "first" | "last" | number;
  /** When it fails, nothing further begins. */
  readonly failHard?: boolean;
  /** When it is not so any more: put it right, tell of it, tell of it once, or leave it alone until a day (`2026-12-01`). */
  readonly drift?: DriftOption;
  /** Where it stands when a fleet comes up, if that is another place than its state's. */
  readonly stage?: Stage;
}
type Requisites = { readonly [R in Exclude<Requisite, "watch" | "watchAny" | "listen">]?: References };
type RequisitesIn = { readonly [R in RequisiteIn]?: References };
export type DeclarationOptions = CommonOptions & Requisites & RequisitesIn;
/** What only a state that can refresh may say. */
export type Watches = DeclarationOptions & { readonly [R in "watch" | "watchAny" | "listen"]?: References };

export interface Declaration {
  readonly id: string;
  readonly state: string;
  readonly key: string;
  readonly params: Readonly<Record<string, unknown>>;
  readonly requisites: Readonly<Partial<Record<Requisite | RequisiteIn, readonly Reference[]>>>;
  readonly options: z.output<typeof Common>;
}

/** Where in the site a declaration was written. */
export interface Origin {
  readonly file: string;
  readonly line: number;
  readonly column: number;
}

const specs = new WeakMap<Declaration, AnySpec>();
const origins = new WeakMap<Declaration, Origin>();

export const specOf = (declaration: Declaration): AnySpec | undefined => specs.get(declaration);
export const originOf = (declaration: Declaration): Origin | undefined => origins.get(declaration);
export const setOrigin = (declaration: Declaration, origin: Origin): void =>
  void origins.set(declaration, origin);

export const idOf = (state: string, key: string): string => `${state}(${key})`;

const REFRESHING: readonly string[] = ["watch", "watchAny", "listen"];

/** Makes a declaration; everything that can be wrong with it alone is an error here. */
export function declare(spec: AnySpec, key: unknown, written: object): Declaration {
  const params: Record<string, unknown> = { [spec.key]: key };
  const requisites: Partial<Record<Requisite | RequisiteIn, readonly Reference[]>> = {};
  const common: Record<string, unknown> = {};
  const names = new Set(Object.keys(spec.params.shape as object));
  for (const [name, value] of Object.entries(written)) {
    if (value === undefined) continue;
    if (isRequisite(name)) requisites[name] = readReferences(`${spec.name}(${String(key)})`, name, value);
    // A state may have a parameter of such a name itself: `creates` of an archive.
    else if (!names.has(name) && name in Common.shape) common[name] = value;
    else params[name] = value;
  }
  const id = idOf(spec.name, String(key));
  for (const name of REFRESHING)
    if (name in requisites && !spec.refresh)
      throw new BomaError("state/params", `${id}: ${spec.name} cannot refresh, so it cannot ${name}`, {
        hint: "`onChanges` runs a state only when another changed.",
      });
  const declaration: Declaration = {
    id,
    state: spec.name,
    key: String(key),
    params: checkParams(spec, params),
    requisites,
    options: readCommon(id, common),
  };
  specs.set(declaration, spec);
  const origin = whereCalled();
  if (origin) origins.set(declaration, origin);
  return declaration;
}

const isRequisite = (name: string): name is Requisite | RequisiteIn =>
  (REQUISITES as readonly string[]).includes(name) || (REQUISITES_IN as readonly string[]).includes(name);

function readReferences(id: string, name: string, value: unknown): readonly Reference[] {
  const given: readonly unknown[] = [value].flat();
  const isReference = (one: unknown): one is Reference =>
    typeof one === "string" || (typeof one === "object" && one !== null && "requisites" in one);
  if (given.every(isReference)) return given;
  throw new BomaError("state/params", `${id}: ${name} names something that is no declaration`, {
    hint: "It takes declarations, or their names: `pkg.installed(nginx)`.",
  });
}

function readCommon(id: string, common: Record<string, unknown>): z.output<typeof Common> {
  const read = Common.safeParse(common);
  if (!read.success)
    throw new BomaError("state/params", `${id}:\n${z.prettifyError(read.error)}`, { cause: read.error });
  // A duration that cannot be read is an error where it is written.
  for (const text of [read.data.timeout, read.data.retry?.interval])
    if (text !== undefined) parseDuration(text);
  return read.data;
}

let origin: { readonly fileOf: (script: string) => string | undefined } | undefined;

/** From now on declarations note the line of the site that made them. */
export const noteOrigins = (isSite: (file: string) => boolean): void =>
  void (origin = { fileOf: remembered(isSite) });

/** Nearly always the first few will do, and each costs. */
const DEPTHS = [5, 12];

/** A declaration is made for each thing of each node: text of a stack would cost more than all else of it. */
function whereCalled(): Origin | undefined {
  if (!origin) return undefined;
  for (const depth of DEPTHS)
    for (const { scriptName, lineNumber, columnNumber } of getCallSites(depth)) {
      const file = origin.fileOf(scriptName);
      if (file !== undefined) return { file, line: lineNumber, column: columnNumber };
    }
  return undefined;
}

/** The path of a script if it is one of the site's; asked once for each. */
function remembered(isSite: (file: string) => boolean): (script: string) => string | undefined {
  const known = new Map<string, string | undefined>();
  return (script) => {
    if (known.has(script)) return known.get(script);
    const path = script.startsWith("file://") ? decodeURI(script.slice("file://".length)) : script;
    const file = path.startsWith("/") && isSite(path) ? path : undefined;
    known.set(script, file);
    return file;
  };
}
