import { PATTERN_LENGTH_MAX } from "../limits.ts";
import { type Charset, holds, isWordPoint, spellings } from "./charset.ts";
import { Fault } from "./fault.ts";
import type { Pattern } from "./pattern.ts";
import { type Assertion, parseRegex, type RegexNode } from "./regex-parse.ts";

const STATES_MAX = 1000;
/** Nested repeats of nothing make no states, yet take time to write out. */
const PARTS_MAX = 10_000;

type State =
  | { readonly op: "set"; readonly set: Charset }
  | { readonly op: "assert"; readonly assertion: Assertion }
  | { readonly op: "split"; readonly first: number; second: number }
  | { readonly op: "jump"; to: number }
  | { readonly op: "match" };

/**
 * A regular expression that runs in the length of the text times its own length,
 * whatever the two are: all the ways through the pattern advance together, one
 * character at a time. As Python's `re.match` it must fit from the start of the
 * text and need not reach the end; `$` is the very end.
 */
export function compileRegex(pattern: string, ignoreCase = false): Pattern {
  if (pattern.length > PATTERN_LENGTH_MAX) {
    throw new Fault(`a pattern has at most ${PATTERN_LENGTH_MAX} characters`, PATTERN_LENGTH_MAX);
  }
  const parsed = parseRegex(pattern);
  const states = writeStates(parsed.root);
  return { matches: runner(states, ignoreCase || parsed.ignoreCase), any: false };
}

function writeStates(root: RegexNode): readonly State[] {
  const states: State[] = [];
  let parts = 0;
  const add = <S extends State>(state: S): S => {
    if (states.length >= STATES_MAX)
      throw new Fault("the pattern is too large once its repeats are written out", 0);
    states.push(state);
    return state;
  };
  const write = (node: RegexNode): void => {
    if (++parts > PARTS_MAX) throw new Fault("the pattern is too large once its repeats are written out", 0);
    if (node.kind === "set") add({ op: "set", set: node.set });
    else if (node.kind === "assert") add({ op: "assert", assertion: node.assertion });
    else if (node.kind === "sequence") node.parts.forEach(write);
    else if (node.kind === "choice") writeChoice(node.parts);
    else writeRepeat(node.part, node.min, node.max);
  };
  const writeChoice = (choices: readonly RegexNode[]): void => {
    const jumps: { to: number }[] = [];
    choices.forEach((choice, i) => {
      const isLast = i === choices.length - 1;
      const split = isLast ? undefined : add({ op: "split", first: states.length + 1, second: 0 });
      write(choice);
      if (split === undefined) return;
      jumps.push(add({ op: "jump", to: 0 }));
      split.second = states.length;
    });
    for (const jump of jumps) jump.to = states.length;
  };
  const writeRepeat = (part: RegexNode, min: number, max: number): void => {
    for (let i = 0; i < min; i++) write(part);
    const optional = max === Infinity ? 1 : max - min;
    const splits: { second: number }[] = [];
    for (let i = 0; i < optional; i++) {
      const at = states.length;
      splits.push(add({ op: "split", first: at + 1, second: 0 }));
      write(part);
      if (max === Infinity) add({ op: "jump", to: at });
    }
    for (const split of splits) split.second = states.length;
  };
  write(root);
  states.push({ op: "match" });
  return states;
}

const NONE = -1;

/** The buffers are made once: matching never waits, so that no two runs can meet in them. */
function runner(states: readonly State[], ignoreCase: boolean): (text: string) => boolean {
  const seen = new Float64Array(states.length);
  let round = 0;
  let now: number[] = [];
  let next: number[] = [];
  const pending: number[] = [];

  /** Follows everything that takes no character. True if that reaches the end of the pattern. */
  const enter = (from: number, before: number, after: number): boolean => {
    pending.push(from);
    for (let at = pending.pop(); at !== undefined; at = pending.pop()) {
      if (seen[at] === round) continue;
      seen[at] = round;
      const state = states[at]!;
      if (state.op === "match") {
        pending.length = 0;
        return true;
      }
      if (state.op === "set") next.push(at);
      else if (state.op === "jump") pending.push(state.to);
      else if (state.op === "split") pending.push(state.second, state.first);
      else if (isTrue(state.assertion, before, after)) pending.push(at + 1);
    }
    return false;
  };

  return (text) => {
    round++;
    next.length = 0;
    let before = NONE;
    let after = text.codePointAt(0) ?? NONE;
    if (enter(0, before, after)) return true;
    for (let at = 0; at < text.length && next.length > 0;) {
      [now, next] = [next, now];
      next.length = 0;
      round++;
      before = after;
      at += before > 0xffff ? 2 : 1;
      after = text.codePointAt(at) ?? NONE;
      const char = ignoreCase ? spellings(before) : { point: before, lower: before, upper: before };
      for (const state of now) {
        const reached = states[state]!;
        if (reached.op === "set" && holds(reached.set, char) && enter(state + 1, before, after)) return true;
      }
    }
    return false;
  };
}

function isTrue(assertion: Assertion, before: number, after: number): boolean {
  if (assertion === "start") return before === NONE;
  if (assertion === "end") return after === NONE;
  const isBoundary = isWordPoint(before) !== isWordPoint(after);
  return isBoundary === (assertion === "boundary");
}
