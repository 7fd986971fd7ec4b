/** What a row of the table says: which state of boma stands for a function of Salt's, and what becomes of each parameter. */
import type { Place } from "../finding.ts";
import { Refusal } from "../finding.ts";
import { hasMark, isOneMark } from "../marks.ts";
import type { Arg, Value } from "../values.ts";

export type Params = Readonly<Record<string, unknown>>;

/** What is known of the declaration that is being translated. */
export interface Use {
  readonly id: string;
  readonly name: string;
  readonly at: Place;
  readonly args: ReadonlyMap<string, Arg>;
  /** It is translated, and something is to be known or done. */
  note(why: string, hint: string): void;
  /** It is translated, and does something else. */
  differs(why: string, hint: string): void;
}

/** What a parameter makes. Only what has a rule is taken; anything else leaves the declaration out. */
export type Rule = (arg: Arg, use: Use) => Params;

export interface Made {
  readonly state: string;
  readonly key: string;
  readonly params: Params;
}

/** What a watch does in Salt, where this state is the one that watches. */
export type OnWatch = "refresh" | "require" | "only-then" | "never";

export interface Row {
  readonly to: string;
  /** The state's key; the name where it is not said. */
  readonly key?: (use: Use) => string;
  readonly params: Readonly<Record<string, Rule>>;
  /** What Salt does without being told. */
  readonly always?: Params;
  /** What is decided by several parameters together. */
  readonly finish?: (made: Made, use: Use) => Made | readonly Made[];
  readonly watch?: OnWatch;
  /** Its key is known only when all of it could be translated. */
  readonly late?: (use: Use) => boolean;
  /** It does nothing unless another one changed. */
  readonly onlyAfter?: true;
}

/** A function for which there is no row, and what to do instead. */
export type Without = Readonly<Record<string, string>>;

export const text = (arg: Arg, what: string): string => {
  if (typeof arg.value === "string") return arg.value;
  if (typeof arg.value === "number") return arg.source ?? String(arg.value);
  throw new Refusal(`\`${what}\` is no text`, "Look at what it is meant to be.", arg.at);
};

export const texts = (arg: Arg, what: string): readonly string[] => {
  const values: readonly Value[] = Array.isArray(arg.value) ? arg.value : [arg.value];
  return values.map((value) =>
    text({ ...arg, value, ...(Array.isArray(arg.value) && { source: undefined }) }, what),
  );
};

/** A truth value, or a mark that stands for one. */
export const flag = (arg: Arg, what: string): boolean | string => {
  if (typeof arg.value === "boolean") return arg.value;
  if (typeof arg.value === "string" && isOneMark(arg.value)) return arg.value;
  throw new Refusal(`\`${what}\` is neither true nor false`, "Look at what it is meant to be.", arg.at);
};

export const number = (arg: Arg, what: string): number | string => {
  if (typeof arg.value === "number" && Number.isInteger(arg.value)) return arg.value;
  if (typeof arg.value === "string" && /^\d+$/.test(arg.value)) return Number(arg.value);
  if (typeof arg.value === "string" && isOneMark(arg.value)) return arg.value;
  throw new Refusal(`\`${what}\` is no whole number`, "Look at what it is meant to be.", arg.at);
};

export const asText =
  (to: string): Rule =>
  (arg) => ({ [to]: text(arg, to) });
export const asTexts =
  (to: string): Rule =>
  (arg) => ({ [to]: texts(arg, to) });
export const asFlag =
  (to: string): Rule =>
  (arg) => ({ [to]: flag(arg, to) });
export const asNumber =
  (to: string): Rule =>
  (arg) => ({ [to]: number(arg, to) });
/** It changes nothing on the machine. */
export const harmless: Rule = () => ({});
/** Only this value has a counterpart, which is what boma does anyway. */
export const only =
  (wanted: Value, why: string): Rule =>
  (arg) => {
    if (arg.value === wanted) return {};
    throw new Refusal(why, "Write this declaration by hand.", arg.at);
  };

/** `644`, `'0644'` and 0644 are one mode to Salt. */
export const asMode =
  (to: string): Rule =>
  (arg) => {
    const mode = arg.source ?? text(arg, to);
    if (hasMark(mode)) return { [to]: mode };
    if (!/^0*[0-7]{1,4}$/.test(mode))
      throw new Refusal(`\`${to}\` is no mode: ${mode}`, "Write four octal digits.", arg.at);
    return { [to]: mode.replace(/^0+/, "").padStart(4, "0") };
  };

/** A name that boma's rules for a word allow. */
export const wordOf = (given: string, allowed: RegExp = /[^A-Za-z0-9_-]+/g): string =>
  given
    .replaceAll(allowed, "-")
    .replace(/^-+|-+$/g, "")
    .slice(0, 60);

export const withoutSlash = (path: string): string => (path.length > 1 ? path.replace(/\/+$/, "") : path);

/** A value of whatever kind, for people. */
export const shown = (value: unknown): string =>
  typeof value === "string" ? value : (JSON.stringify(value) ?? "");
