/** All given SLS files together, as one highstate: `extend`, `exclude` and `names` done, in the order in which they run. */
import type { Finding, Level, Place } from "./finding.ts";
import type { SlsFile, Written } from "./read-sls.ts";
import { shown } from "./table/row.ts";
import type { Arg, Value } from "./values.ts";

/** One thing that Salt would run. */
export interface SaltState {
  readonly id: string;
  readonly module: string;
  readonly fun: string;
  readonly name: string;
  readonly args: ReadonlyMap<string, Arg>;
  readonly at: Place;
  readonly sls: string;
}

export type Tell = (level: Level, at: Place, said: Pick<Finding, "what" | "why" | "hint">) => void;

const STATES_MAX = 20_000;

export function statesOf(files: readonly SlsFile[], tell: Tell): readonly SaltState[] {
  const ordered = includedFirst(files, tell);
  const written = ordered.flatMap((file) => file.written);
  for (const file of ordered) for (const extension of file.extend) extend(written, extension, tell);
  const kept = exclude(written, ordered, tell);
  const states = kept.flatMap((one) => named(one, tell));
  if (states.length > STATES_MAX) {
    const { at } = states[STATES_MAX]!;
    tell("left-out", at, {
      what: `${states.length - STATES_MAX} declarations`,
      why: `more than ${STATES_MAX} declarations`,
      hint: "Import the files one by one.",
    });
  }
  return states.slice(0, STATES_MAX);
}

/** What a file includes runs before it. */
function includedFirst(files: readonly SlsFile[], tell: Tell): readonly SlsFile[] {
  const bySls = new Map(files.map((file) => [file.sls, file]));
  const done = new Set<SlsFile>();
  const order: SlsFile[] = [];
  const stack: { readonly file: SlsFile; next: number }[] = [];
  for (const file of files) {
    stack.push({ file, next: 0 });
    while (stack.length > 0) {
      const top = stack.at(-1)!;
      if (top.next === 0 && done.has(top.file)) {
        stack.pop();
        continue;
      }
      done.add(top.file);
      const entry = top.file.include[top.next++];
      if (entry) {
        const included = findSls(bySls, entry.sls, top.file.sls);
        if (!included) tellMissing(entry, tell);
        else if (!done.has(included)) stack.push({ file: included, next: 0 });
        continue;
      }
      order.push(top.file);
      stack.pop();
    }
  }
  return order;
}

function findSls(bySls: ReadonlyMap<string, SlsFile>, name: string, from: string): SlsFile | undefined {
  const dots = /^\.*/.exec(name)![0].length;
  if (dots === 0) return bySls.get(name) ?? [...bySls].find(([sls]) => sls.endsWith(`.${name}`))?.[1];
  // `.x` of web/init.sls is web.x, and so it is of web/other.sls.
  const rest = name.slice(dots);
  for (const cut of [dots - 1, dots]) {
    const base = from.split(".").slice(0, -cut || undefined);
    const found = bySls.get([...base, rest].join("."));
    if (found) return found;
  }
  return undefined;
}

const tellMissing = ({ sls, at }: { sls: string; at: Place }, tell: Tell): void =>
  tell("left-out", at, {
    what: `include: ${sls}`,
    why: "this SLS is none of the files given",
    hint: "Import it as well; in top.ts its tree stands beside this one.",
  });

function extend(written: Written[], extension: SlsFile["extend"][number], tell: Tell): void {
  const found = written.find(({ id, module }) => id === extension.id && module === extension.module);
  if (!found)
    return tell("left-out", extension.at, {
      what: `extend: ${extension.id}`,
      why: `there is no \`${extension.module}\` under the id ${extension.id} in the files given`,
      hint: "Import the file that has it together with this one.",
    });
  for (const [name, arg] of extension.args) {
    const before = found.args.get(name);
    // Lists of requisites grow; anything else is replaced.
    const both = before && Array.isArray(before.value) && Array.isArray(arg.value) && isRequisiteName(name);
    found.args.set(name, both ? { ...arg, value: [...(before.value as []), ...(arg.value as [])] } : arg);
  }
}

export const isRequisiteName = (name: string): boolean =>
  /^(require|watch|onchanges|onfail|prereq|listen)(_any|_all|_in)?$/.test(name);

function exclude(written: readonly Written[], files: readonly SlsFile[], tell: Tell): readonly Written[] {
  const gone = new Set<Written>();
  for (const { kind, name, at } of files.flatMap((file) => file.exclude)) {
    const found = written.filter(({ id, sls }) => (kind === "id" ? id : sls) === name);
    for (const one of found) gone.add(one);
    const what = `exclude: ${name}`;
    if (found.length > 0)
      tell("note", at, { what, why: `it is left out of the tree, as it is here`, hint: "Nothing." });
    else
      tell("left-out", at, {
        what,
        why: "it is in none of the files given",
        hint: "Leave it out where it is written.",
      });
  }
  return written.filter((one) => !gone.has(one));
}

/** `names` makes one of each; `name` stands for the id. */
function named(one: Written, tell: Tell): readonly SaltState[] {
  const { args, ...rest } = one;
  const names = args.get("names");
  const own = new Map([...args].filter(([name]) => name !== "names" && name !== "name"));
  const given = args.get("name")?.value;
  if (!names) {
    const source = args.get("name")?.source;
    return [
      {
        ...rest,
        args: own,
        name: given === undefined || given === null ? one.id : (source ?? shown(given)),
      },
    ];
  }
  if (!Array.isArray(names.value)) {
    tell("left-out", names.at, {
      what: describe(one),
      why: "`names` is no list",
      hint: "Salt would refuse it, too.",
    });
    return [];
  }
  return names.value.map((name) => {
    if (typeof name !== "object" || name === null) return { ...rest, args: own, name: String(name) };
    // `- a: [x: 1]` is a name with parameters of its own.
    const [[key, more] = ["", []]] = Object.entries(name);
    const extra = [more].flat().flatMap((entry) => Object.entries((entry ?? {}) as object));
    const mine = extra.map(([param, value]): [string, Arg] => [
      param,
      { value: value as Value, source: undefined, at: names.at },
    ]);
    return { ...rest, args: new Map([...own, ...mine]), name: key };
  });
}

export const describe = ({ id, module, fun }: Pick<SaltState, "id" | "module" | "fun">): string =>
  `${id}: ${module}.${fun}`;
