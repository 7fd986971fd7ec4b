/** What hangs on what: Salt's references found by id and by name, and said with boma's words and ids. */
import { compileGlob } from "@boma/protocol";

import type { Draft } from "./draft.ts";
import { type Place, Refusal } from "./finding.ts";
import { describe, isRequisiteName, type SaltState } from "./states.ts";
import type { OnWatch } from "./table/row.ts";
import type { Arg, Value } from "./values.ts";

/** One kind of hanging, and the declarations, by their places in the list. */
export interface Link {
  readonly kind: string;
  readonly on: readonly number[];
  readonly at: Place;
}
export interface Links {
  readonly links: readonly Link[];
  readonly refusal: Refusal | undefined;
}
export interface LooseEnd {
  readonly from: SaltState;
  readonly refusal: Refusal;
}

const LINKS_MAX = 200_000;

/** For each state what it hangs on; what is written at the other end is turned round. */
export function linksOf(states: readonly SaltState[]): {
  readonly all: readonly Links[];
  readonly loose: readonly LooseEnd[];
} {
  const search = new Search(states);
  const links = states.map((): Link[] => []);
  const refusals = new Map<number, Refusal>();
  const loose: LooseEnd[] = [];
  for (const [index, state] of states.entries())
    for (const [name, arg] of state.args) {
      if (!isRequisiteName(name)) continue;
      const turned = name.endsWith("_in");
      try {
        const on = references(arg, name).flatMap((reference) => search.find(reference, arg.at));
        // Salt never lets a declaration wait for itself, and a glob may well fit it.
        if (!turned)
          links[index]!.push({ kind: name, on: on.filter((other) => other !== index), at: arg.at });
        else
          for (const other of on)
            links[other]!.push({ kind: name.slice(0, -"_in".length), on: [index], at: arg.at });
      } catch (thrown) {
        if (!(thrown instanceof Refusal)) throw thrown;
        if (turned) loose.push({ from: state, refusal: thrown });
        else refusals.set(index, thrown);
      }
    }
  return { all: links.map((own, index) => ({ links: own, refusal: refusals.get(index) })), loose };
}

interface Reference {
  readonly kind: string;
  readonly name: string;
}

function references({ value, at }: Arg, requisite: string): readonly Reference[] {
  if (!Array.isArray(value))
    throw new Refusal(`\`${requisite}\` is no list`, "Salt would refuse it, too.", at);
  return (value as readonly Value[]).flatMap((entry): Reference[] => {
    if (typeof entry === "string" || typeof entry === "number") return [{ kind: "id", name: String(entry) }];
    return Object.entries(entry ?? {}).map(([kind, name]) => {
      if (kind.includes("."))
        throw new Refusal(
          `the reference \`${kind}: ${String(name)}\``,
          `Salt wants \`${kind.split(".")[0]}: …\` here.`,
          at,
        );
      return { kind, name: String(name) };
    });
  });
}

/** By name or id, as globs, whatever the state for a bare word. */
class Search {
  readonly #states: readonly SaltState[];
  readonly #named = new Map<string, Set<number>>();
  #left = LINKS_MAX;

  constructor(states: readonly SaltState[]) {
    this.#states = states;
    for (const [index, { id, name, module, sls }] of states.entries())
      for (const key of [`id:${id}`, `id:${name}`, `${module}:${id}`, `${module}:${name}`, `sls:${sls}`])
        this.#named.set(key, (this.#named.get(key) ?? new Set()).add(index));
  }

  find({ kind, name }: Reference, at: Place): readonly number[] {
    const found = /[*?[]/.test(name)
      ? this.#fitting(kind, name)
      : [...(this.#named.get(`${kind}:${name}`) ?? [])];
    this.#left -= found.length + 1;
    if (this.#left < 0) throw new Refusal("too many references in all", "Import the files one by one.", at);
    if (found.length > 0) return found;
    throw new Refusal(
      kind === "sls"
        ? `it refers to the SLS \`${name}\`, which is none of the files given`
        : `it refers to \`${kind}: ${name}\`, which was not found`,
      kind === "sls"
        ? "Import both together, or name the declarations that are meant."
        : "Import the file that has it as well; if it was left out here, write both by hand.",
      at,
    );
  }

  #fitting(kind: string, pattern: string): readonly number[] {
    const { matches } = compileGlob(pattern);
    this.#left -= this.#states.length;
    return this.#states.flatMap(({ id, name, module, sls }, index) => {
      const fits =
        kind === "sls" ? matches(sls) : (kind === "id" || kind === module) && (matches(id) || matches(name));
      return fits ? [index] : [];
    });
  }
}

const PLAIN: Readonly<Record<string, string>> = {
  require: "require",
  require_any: "requireAny",
  onchanges: "onChanges",
  onchanges_any: "onChangesAny",
  onfail: "onFail",
  onfail_any: "onFail",
  onfail_all: "onFailAll",
  prereq: "prereq",
};
/** What a watch of each kind is called here. */
const WATCHES: Readonly<Record<OnWatch, Readonly<Record<string, string>>>> = {
  refresh: { watch: "watch", watch_any: "watchAny", listen: "listen" },
  require: { watch: "require", watch_any: "requireAny" },
  "only-then": { watch: "onChanges", watch_any: "onChangesAny" },
  never: {},
};

export interface Hung {
  readonly requisites: Readonly<Record<string, readonly string[]>>;
  /** Ids that it hangs on and that are not in the tree. */
  readonly dangling: readonly string[];
  readonly notes: readonly string[];
}

/** Throws a `Refusal` where what it hangs on cannot be said. */
export function hung({ salt, row }: Draft, { links, refusal }: Links, drafts: readonly Draft[]): Hung {
  if (refusal) throw refusal;
  const requisites = new Map<string, Set<string>>();
  const dangling = new Set<string>();
  const notes = new Set<string>();
  const watch = row?.watch ?? "require";
  for (const { kind, on, at } of links) {
    const name = PLAIN[kind] ?? WATCHES[watch][kind];
    if (name === undefined)
      throw new Refusal(
        `\`${kind}\`: ${salt.module}.${salt.fun} cannot be refreshed`,
        "`onChanges` runs a state only when another changed.",
        at,
      );
    if (name !== kind && watch === "require" && kind.startsWith("watch"))
      notes.add("nothing is refreshed here, so its watch is a require");
    const own = requisites.get(name) ?? new Set();
    for (const index of on)
      for (const id of idsFor(drafts[index]!, { name, at })) {
        if (drafts[index]!.refusal) dangling.add(id);
        own.add(id);
      }
    requisites.set(name, own);
  }
  if (row?.onlyAfter && !requisites.has("onChanges") && !requisites.has("onChangesAny"))
    throw new Refusal(
      "it watches nothing, so it never runs",
      "Leave it out, or say what it waits for.",
      salt.at,
    );
  return {
    requisites: Object.fromEntries([...requisites].map(([name, ids]) => [name, [...ids]])),
    dangling: [...dangling],
    notes: [...notes],
  };
}

function idsFor(
  { salt, ids }: Draft,
  { name, at }: { readonly name: string; readonly at: Place },
): readonly string[] {
  if (ids === undefined)
    throw new Refusal(
      `it refers to \`${describe(salt)}\`, which could not be translated`,
      "Write both by hand.",
      at,
    );
  if (ids.length > 1 && ["requireAny", "watchAny", "onFailAll"].includes(name))
    throw new Refusal(
      `it refers to \`${describe(salt)}\`, which is several declarations here`,
      `Say by hand what \`${name}\` is to mean.`,
      at,
    );
  return ids;
}
