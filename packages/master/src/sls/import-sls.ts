/** SLS files in, trees and findings out. Nothing is guessed: what has no sure counterpart is left out and listed. */
import { idOf, parseTree, type StateSpecs, states as allStates } from "@boma/states";

import { type Draft, draftOf } from "./draft.ts";
import { type Finding, inOrder, type Level, type Place, Refusal, Unreadable } from "./finding.ts";
import { Marks } from "./marks.ts";
import { readSls, type SlsFile } from "./read-sls.ts";
import { hung, linksOf } from "./requisites.ts";
import { describe, statesOf } from "./states.ts";
import { type Item, itemText, leftOutText } from "./write-tree.ts";

export interface SlsSource {
  readonly file: string;
  /** Its name as others include it: `web.site`. */
  readonly sls: string;
  readonly text: string;
}

export interface ImportedTree {
  readonly sls: string;
  readonly file: string;
  readonly text: string;
  /** How many declarations it has. */
  readonly count: number;
}

export interface Imported {
  /** One for each file, in the order in which they run. */
  readonly trees: readonly ImportedTree[];
  readonly findings: readonly Finding[];
}

const SPECS: StateSpecs = Object.fromEntries(Object.values(allStates).map(({ spec }) => [spec.name, spec]));

export function importSls(sources: readonly SlsSource[]): Imported {
  const findings: Finding[] = [];
  const marks = new Marks();
  const tell = (level: Level, at: Place, said: Pick<Finding, "what" | "why" | "hint">): void =>
    void findings.push({ ...at, level, ...plain(said, marks) });
  const files = sources.flatMap((source) => readOne(source, { marks, tell }));
  const states = statesOf(files, tell);
  const drafts = states.map(draftOf);
  const { all, loose } = linksOf(states);
  for (const { from, refusal } of loose)
    tell("left-out", refusal.at ?? from.at, {
      what: describe(from),
      why: refusal.message,
      hint: refusal.hint,
    });
  const done = new Map<string, string>();
  const texts = new Map<string, { lines: string[]; count: number }>();
  for (const [index, draft] of drafts.entries()) {
    const { salt } = draft;
    const own = texts.get(salt.sls) ?? { lines: [], count: 0 };
    texts.set(salt.sls, own);
    try {
      if (draft.refusal) throw draft.refusal;
      const { requisites, dangling, notes } = hung(draft, all[index]!, drafts);
      const said = [
        ...draft.said,
        ...notes.map((why) => note(why, salt.at)),
        ...dangling.map((id) => missing(id, salt.at)),
      ];
      for (const text of fresh(draft, { done, marks, requisites, said })) {
        own.lines.push(text);
        own.count += 1;
      }
      for (const { level, at, why, hint } of said) tell(level, at, { what: describe(salt), why, hint });
    } catch (thrown) {
      if (!(thrown instanceof Refusal)) throw thrown;
      tell("left-out", thrown.at ?? salt.at, {
        what: describe(salt),
        why: thrown.message,
        hint: thrown.hint,
      });
      own.lines.push(leftOutText(findings.at(-1)!));
    }
  }
  return { trees: treesOf(files, { texts, findings }), findings: inOrder(findings) };
}

function readOne(source: SlsSource, { marks, tell }: { marks: Marks; tell: Tell }): readonly SlsFile[] {
  const { file, sls, text } = source;
  if (/(^|\/)top\.sls$/.test(file)) {
    tell(
      "left-out",
      { file, line: 1, column: 1 },
      {
        what: "top.sls",
        why: "it says which states are for whom",
        hint: 'Write top.ts: `export default top({ "env:dev and role:web": [web] })`.',
      },
    );
    return [];
  }
  try {
    const read = readSls(text, { file, sls }, marks);
    for (const { what, why, at } of read.untold)
      tell("left-out", { file, ...at }, { what, why, hint: TEMPLATE });
    for (const { what, refusal, at } of read.unread)
      tell("left-out", at, { what, why: refusal.message, hint: refusal.hint });
    for (const { what, why, at } of read.remarks)
      tell("note", { file, ...at }, { what, why, hint: "Nothing, if it fits." });
    return [read];
  } catch (thrown) {
    if (!(thrown instanceof Unreadable)) throw thrown;
    const { line, column, message, hint } = thrown;
    tell("left-out", { file, line, column }, { what: "the whole file", why: message, hint });
    return [];
  }
}

type Tell = (level: Level, at: Place, said: Pick<Finding, "what" | "why" | "hint">) => void;

const TEMPLATE = "Write it in TypeScript, where `if`, loops and functions take the place of templates.";

const plain = ({ what, why, hint }: Pick<Finding, "what" | "why" | "hint">, marks: Marks) => ({
  what: marks.shown(what),
  why: marks.shown(why),
  hint: marks.shown(hint),
});

const note = (why: string, at: Place) => ({ level: "note" as const, at, why, hint: "Nothing." });
const missing = (id: string, at: Place) => ({
  level: "note" as const,
  at,
  why: `it hangs on ${id}, which was left out`,
  hint: "Write that one by hand; until then the site does not compile.",
});

/** What is not in a tree yet; two things under one id cannot be told apart. */
function fresh(
  draft: Draft,
  { done, marks, ...hangs }: { done: Map<string, string>; marks: Marks } & Pick<Item, "requisites" | "said">,
): readonly string[] {
  const texts = draft.made.map((made, at) => {
    const bare = itemText({ made, requisites: hangs.requisites, said: [] }, marks);
    const said = at === 0 ? hangs.said : [];
    const shown = said.map((one) => ({ ...one, why: marks.shown(one.why) }));
    return {
      id: idOf(made.state, made.key),
      bare,
      text: itemText({ made, requisites: hangs.requisites, said: shown }, marks),
    };
  });
  for (const { id, bare } of texts)
    if (done.has(id) && done.get(id) !== bare)
      throw new Refusal(
        `${id} is declared already, with other words`,
        "Make one declaration of both.",
        draft.salt.at,
      );
  const first = texts.filter(({ id }) => !done.has(id));
  for (const { id, bare } of first) done.set(id, bare);
  return first.map(({ text }) => text);
}

function treesOf(
  files: readonly SlsFile[],
  {
    texts,
    findings,
  }: { texts: ReadonlyMap<string, { lines: string[]; count: number }>; findings: readonly Finding[] },
): readonly ImportedTree[] {
  const order = [...new Set([...texts.keys(), ...files.map(({ sls }) => sls)])];
  return order.map((sls) => {
    const { file } = files.find((one) => one.sls === sls)!;
    const { lines, count } = texts.get(sls) ?? { lines: [], count: 0 };
    const told = new Set(lines);
    const rest = findings
      .filter((finding) => finding.file === file && finding.level === "left-out")
      .map(leftOutText)
      .filter((line) => !told.has(line));
    const text = [
      `# From ${file.replaceAll(/\s+/g, " ")}, by boma-master import-sls.`,
      ...lines,
      ...rest,
    ].join("\n");
    // Whatever was made of it, boma must be able to read it.
    parseTree(`${text}\n`, `${sls}.yaml`, SPECS);
    return { sls, file, text: `${text}\n`, count };
  });
}
