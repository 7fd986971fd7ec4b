/** What every declaration may say, in Salt and in boma. */
import { Refusal } from "./finding.ts";
import { flag, type Params, type Rule, shown, text, texts } from "./table/row.ts";
import type { Arg, Value } from "./values.ts";

const guards = (arg: Arg, name: string): readonly string[] => {
  const lines = Array.isArray(arg.value) ? arg.value : [arg.value];
  if (lines.length === 0 || lines.some((line) => typeof line !== "string"))
    throw new Refusal(
      `\`${name}\` is more than commands`,
      "Functions of Salt have no counterpart; write a command.",
      arg.at,
    );
  return lines as readonly string[];
};

/** Salt leaves a thing alone when all of these succeed, boma when one does. */
const unless: Rule = (arg) => {
  const lines = guards(arg, "unless");
  return { unless: lines.length === 1 ? lines[0] : lines.map((line) => `(${line}\n)`).join(" && ") };
};

const onlyIf: Rule = (arg) => {
  const lines = guards(arg, "onlyif");
  return { onlyIf: lines.length === 1 ? lines[0] : lines };
};

const ATTEMPTS = 2;
const INTERVAL_S = 30;

const retry: Rule = (arg, use) => {
  if (arg.value === false) return {};
  const said = (arg.value === true ? {} : (arg.value ?? {})) as Record<string, Value>;
  const { attempts = ATTEMPTS, interval = INTERVAL_S, until = true, splay, ...rest } = said;
  if (typeof said !== "object" || Array.isArray(said) || Object.keys(rest).length > 0 || until !== true)
    throw new Refusal(
      "this form of `retry`",
      "boma's has `attempts` and `interval`, and ends with success.",
      arg.at,
    );
  if (!Number.isInteger(attempts) || typeof interval !== "number")
    throw new Refusal("`retry` without numbers", "boma's has `attempts` and `interval`.", arg.at);
  if (splay !== undefined)
    use.differs("the `splay` of `retry` is left out", "Nothing, where the exact time does not matter.");
  return { retry: { attempts, interval: `${interval}s` } };
};

const order: Rule = (arg) => {
  const { value } = arg;
  if (value === "first" || value === "last" || (typeof value === "number" && Number.isInteger(value)))
    return { order: value };
  throw new Refusal(
    "`order` is neither `first`, `last` nor a number",
    "Say what it hangs on instead.",
    arg.at,
  );
};

const unlike =
  (why: string, hint: string): Rule =>
  (_, use) => {
    use.differs(why, hint);
    return {};
  };

/** Parameters of all states. One that a row knows as well is the row's. */
export const common: Readonly<Record<string, Rule>> = {
  unless,
  onlyif: onlyIf,
  creates: (arg) => ({ creates: Array.isArray(arg.value) ? texts(arg, "creates") : text(arg, "creates") }),
  retry,
  order,
  failhard: (arg) => (flag(arg, "failhard") === true ? { failHard: true } : {}),
  parallel: (arg, use) => {
    if (arg.value !== false) use.note("boma itself decides what runs at the same time", "Nothing.");
    return {};
  },
  aggregate: () => ({}),
  reload_modules: () => ({}),
  reload_grains: unlike(
    "`reload_grains` is left out: a tree is made before it runs",
    "What needs the new grains is another run.",
  ),
  reload_pillar: unlike(
    "`reload_pillar` is left out: a tree is made before it runs",
    "What needs the new pillar is another run.",
  ),
  saltenv: (arg) => {
    if (arg.value === "base") return {};
    throw new Refusal(
      `\`saltenv: ${shown(arg.value)}\``,
      "boma has one site; `env` is an assigned grain.",
      arg.at,
    );
  },
};

/** What is said of a parameter that has no counterpart. */
export function unknownParameter(name: string, arg: Arg): Refusal {
  const hint =
    name === "use" || name === "use_in"
      ? "Write the parameters where they belong; a tree in TypeScript can share them."
      : name === "check_cmd"
        ? "`check` of cmd.run, or `validate` of file.managed."
        : name === "fire_event"
          ? "`boma-master events` tells of each change by itself; if nobody waits for this event, take it out."
          : "If it does not matter, take it out and import again; else write the declaration by hand.";
  return new Refusal(`\`${name}\` has no counterpart`, hint, arg.at);
}

export const merged = (parts: readonly Params[]): Params => Object.assign({}, ...parts) as Params;
