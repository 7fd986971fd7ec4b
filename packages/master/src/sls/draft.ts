/** One declaration of Salt's by itself: what it becomes, or why not. */
import { BomaError } from "@boma/protocol";
import { declare, idOf, states, type StateSpecs } from "@boma/states";

import { common, merged, unknownParameter } from "./common.ts";
import { type Level, type Place, Refusal } from "./finding.ts";
import { holdsMark } from "./marks.ts";
import { isRequisiteName, type SaltState } from "./states.ts";
import type { Made, Params, Row, Use } from "./table/row.ts";
import { table, without } from "./table/table.ts";

const SPECS: StateSpecs = Object.fromEntries(Object.values(states).map(({ spec }) => [spec.name, spec]));

export interface Said {
  readonly level: Level;
  readonly at: Place;
  readonly why: string;
  readonly hint: string;
}

export interface Draft {
  readonly salt: SaltState;
  readonly row: Row | undefined;
  readonly made: readonly Made[];
  /** How others name it in boma, also where it could not be translated; `undefined` where that is not known. */
  readonly ids: readonly string[] | undefined;
  readonly said: readonly Said[];
  readonly refusal: Refusal | undefined;
}

export function draftOf(salt: SaltState): Draft {
  const row = Object.hasOwn(table, `${salt.module}.${salt.fun}`)
    ? table[`${salt.module}.${salt.fun}`]
    : undefined;
  const said: Said[] = [];
  const use = useOf(salt, said);
  if (!row) return { salt, row, made: [], ids: undefined, said, refusal: noRow(salt) };
  try {
    const made = madeOf(row, use);
    for (const one of made) assertTaken(one, salt);
    return { salt, row, made, ids: made.map(({ state, key }) => idOf(state, key)), said, refusal: undefined };
  } catch (thrown) {
    if (!(thrown instanceof Refusal)) throw thrown;
    return { salt, row, made: [], ids: idsOf(row, use), said: [], refusal: thrown };
  }
}

const useOf = ({ id, name, at, args }: SaltState, said: Said[]): Use => ({
  id,
  name,
  at,
  args,
  note: (why, hint) => void said.push({ level: "note", at, why, hint }),
  differs: (why, hint) => void said.push({ level: "differs", at, why, hint }),
});

function madeOf(row: Row, use: Use): readonly Made[] {
  const params: Params[] = [row.always ?? {}];
  const shared: Params[] = [];
  for (const [name, arg] of use.args) {
    if (isRequisiteName(name) || arg.value === null) continue;
    const rule = Object.hasOwn(row.params, name) ? row.params[name]! : undefined;
    if (rule) params.push(rule(arg, use));
    else if (Object.hasOwn(common, name)) shared.push(common[name]!(arg, use));
    else throw unknownParameter(name, arg);
  }
  const made = { state: row.to, key: row.key?.(use) ?? use.name, params: merged(params) };
  const all = [row.finish?.(made, use) ?? made].flat() as readonly Made[];
  return all.map((one) => ({ ...one, params: { ...one.params, ...merged(shared) } }));
}

/** What boma's own schema says of it, as far as all values are known. */
function assertTaken({ state, key, params }: Made, { at }: SaltState): void {
  const known = Object.fromEntries(Object.entries(params).filter(([, value]) => value !== undefined));
  if (holdsMark(Object.values(known)) || holdsMark(key)) return;
  try {
    declare(SPECS[state]!, key, known);
  } catch (thrown) {
    if (!(thrown instanceof BomaError)) throw thrown;
    const why = thrown.message.replaceAll(/\s+/g, " ").slice(0, 300);
    throw new Refusal(why, thrown.hint, at);
  }
}

function idsOf(row: Row, use: Use): readonly string[] | undefined {
  if (row.late?.(use)) return undefined;
  try {
    return [idOf(row.to, row.key?.(use) ?? use.name)];
  } catch (thrown) {
    if (thrown instanceof Refusal) return undefined;
    throw thrown;
  }
}

function noRow({ module, fun, at }: SaltState): Refusal {
  const name = `${module}.${fun}`;
  const known = Object.hasOwn(without, name) ? without[name] : undefined;
  return new Refusal(
    known === undefined
      ? `nothing in boma is known to do what \`${name}\` does`
      : `\`${name}\` has no counterpart`,
    known ?? "`boma-master doc` lists the states; one of your own is a file below states/ of the site.",
    at,
  );
}
