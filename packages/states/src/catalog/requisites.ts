/** What hangs on what, by id: texts resolved, the forms of the other end turned around. */
import { closest } from "@boma/protocol";

import { type Requisite, REQUISITES, REQUISITES_IN, type RequisiteIn } from "../declaration.ts";
import { type Faults, named } from "./faults.ts";
import { type Gathered, idOfReference } from "./gather.ts";

export type Hangs = Partial<Record<Requisite, string[]>>;

const TURNED: Readonly<Record<RequisiteIn, Requisite>> = {
  requireIn: "require",
  watchIn: "watch",
  onChangesIn: "onChanges",
  onFailIn: "onFail",
  prereqIn: "prereq",
  listenIn: "listen",
};
const REFRESHING: ReadonlySet<string> = new Set<Requisite>(["watch", "watchAny", "listen"]);

export function resolveRequisites(all: ReadonlyMap<string, Gathered>, faults: Faults): Map<string, Hangs> {
  const hangs = new Map<string, Map<Requisite, Set<string>>>();
  const note = (id: string, requisite: Requisite, on: string): void => {
    const mine = entry(hangs, id, () => new Map<Requisite, Set<string>>());
    entry(mine, requisite, () => new Set<string>()).add(on);
  };
  for (const [id, { declaration }] of all) {
    if (Object.keys(declaration.requisites).length === 0) continue;
    const given = (name: Requisite | RequisiteIn): string[] =>
      (declaration.requisites[name] ?? [])
        .map(idOfReference)
        .filter((reference) => all.has(reference) || missing(declaration.requisites, name, reference));
    const missing = (_: unknown, name: string, reference: string): false => {
      faults.add({
        code: "state/reference",
        message: `${named(declaration)}: ${name} names ${JSON.stringify(reference)}, which is not there`,
        hint: nearest(reference, all),
      });
      return false;
    };
    for (const name of REQUISITES) for (const on of given(name)) note(id, name, on);
    for (const name of REQUISITES_IN)
      for (const other of given(name)) {
        const { spec, declaration: target } = all.get(other)!;
        if (REFRESHING.has(TURNED[name]) && !spec.refresh)
          faults.add({
            code: "state/params",
            message: `${named(declaration)}: ${name} names ${target.id}, but ${spec.name} cannot refresh`,
            hint: "`onChangesIn` runs a state only when this one changed.",
          });
        note(other, TURNED[name], id);
      }
  }
  return new Map([...hangs].map(([id, mine]) => [id, inOrder(mine)]));
}

function entry<K, V>(map: Map<K, V>, key: K, make: () => V): V {
  let value = map.get(key);
  if (value === undefined) map.set(key, (value = make()));
  return value;
}

/** In the order of the table, so that the same tree gives the same bytes. */
const inOrder = (mine: ReadonlyMap<Requisite, ReadonlySet<string>>): Hangs =>
  Object.fromEntries(
    REQUISITES.filter((name) => mine.has(name)).map((name) => [name, [...mine.get(name)!]]),
  ) as Hangs;

const FORM = /^([a-z][a-zA-Z0-9]*\.[a-zA-Z][a-zA-Z0-9]*)\((.+)\)$/s;
const LOOKED_AT_MAX = 2000;

/** What was probably meant; looked for among few enough to cost nothing. */
function nearest(reference: string, all: ReadonlyMap<string, Gathered>): string | undefined {
  const [, state, key = ""] = FORM.exec(reference) ?? [];
  if (state === undefined) return unformed(reference, all);
  const ofState: string[] = [];
  const ofKey: string[] = [];
  for (const { declaration } of all.values()) {
    if (declaration.state === state && ofState.length < LOOKED_AT_MAX) ofState.push(declaration.key);
    if (declaration.key === key) ofKey.push(declaration.id);
  }
  const near = closest(key, ofState);
  if (near !== undefined) return `Did you mean \`${state}(${near})\`?`;
  if (ofKey.length > 0) return `Did you mean \`${closest(reference, ofKey) ?? ofKey[0]}\`?`;
  const ids = [...all.keys()].slice(0, LOOKED_AT_MAX);
  const other = closest(reference, ids);
  return other === undefined ? undefined : `Did you mean \`${other}\`?`;
}

const CANDIDATES_MAX = 5;

function unformed(reference: string, all: ReadonlyMap<string, Gathered>): string {
  const alike = [...all.values()]
    .filter(({ declaration: { key, state } }) => key === reference || state === reference)
    .map(({ declaration }) => `\`${declaration.id}\``);
  const form = "A reference is written `state(key)`";
  if (alike.length === 0) return `${form}, as in \`pkg.installed(nginx)\`.`;
  if (alike.length === 1) return `${form}: did you mean ${alike[0]}?`;
  return `${form}; this could be any of ${alike.slice(0, CANDIDATES_MAX).join(", ")}.`;
}
