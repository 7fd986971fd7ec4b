/**
 * Which lines of two texts go together: lines that stand once in both anchor the
 * rest; what lies between is compared with the fewest edits while that is cheap,
 * and replaced as a whole where it is not. Bounded in time and in memory.
 */
import { longestRise } from "../catalog/diff.ts";

/** Pairs of lines that are equal and in order: index in the one, index in the other. */
export type Pairs = [number, number][];

const EDITS_MAX = 300;
const DEPTH_MAX = 50;

interface Range {
  readonly from: number;
  readonly to: number;
}

export function commonLines(a: readonly string[], b: readonly string[]): Pairs {
  const pairs: Pairs = [];
  match({ a, b, pairs }, { from: 0, to: a.length }, { from: 0, to: b.length }, 0);
  return pairs;
}

interface Comparison {
  readonly a: readonly string[];
  readonly b: readonly string[];
  readonly pairs: Pairs;
}

// oxlint-disable-next-line max-params -- two ranges of one comparison, and how deep it is.
function match(comparison: Comparison, left: Range, right: Range, depth: number): void {
  const { a, b, pairs } = comparison;
  let [i, j] = [left.from, right.from];
  while (i < left.to && j < right.to && a[i] === b[j]) pairs.push([i++, j++]);
  let [k, l] = [left.to, right.to];
  while (k > i && l > j && a[k - 1] === b[l - 1]) [k, l] = [k - 1, l - 1];
  const tail: Pairs = [];
  for (let n = 0; k + n < left.to; n++) tail.push([k + n, l + n]);
  if (i < k && j < l) between(comparison, { from: i, to: k }, { from: j, to: l }, depth);
  for (const pair of tail) pairs.push(pair);
}

// oxlint-disable-next-line max-params -- as above.
function between(comparison: Comparison, left: Range, right: Range, depth: number): void {
  const anchors = depth < DEPTH_MAX ? anchorsOf(comparison, left, right) : [];
  if (anchors.length === 0) return void comparison.pairs.push(...fewestEdits(comparison, left, right));
  let [i, j] = [left.from, right.from];
  for (const [x, y] of anchors) {
    match(comparison, { from: i, to: x }, { from: j, to: y }, depth + 1);
    comparison.pairs.push([x, y]);
    [i, j] = [x + 1, y + 1];
  }
  match(comparison, { from: i, to: left.to }, { from: j, to: right.to }, depth + 1);
}

/** Lines that stand once on either side, as many of them as are in the same order. */
function anchorsOf({ a, b }: Comparison, left: Range, right: Range): Pairs {
  const single = (lines: readonly string[], { from, to }: Range): Map<string, number> => {
    const places = new Map<string, number>();
    for (let at = from; at < to; at++) places.set(lines[at]!, places.has(lines[at]!) ? -1 : at);
    return places;
  };
  const others = single(b, right);
  const both: Pairs = [];
  for (const [line, x] of single(a, left)) {
    const y = others.get(line) ?? -1;
    if (x >= 0 && y >= 0) both.push([x, y]);
  }
  both.sort((one, other) => one[0] - other[0]);
  const rise = longestRise(both.map(([, y]) => y));
  return both.filter((_, index) => rise.has(index));
}

/** The greedy way of Myers, with each round kept to walk back along; given up beyond a number of edits. */
function fewestEdits({ a, b }: Comparison, left: Range, right: Range): Pairs {
  const [n, m] = [left.to - left.from, right.to - right.from];
  const rounds: Int32Array[] = [];
  const middle = EDITS_MAX + 1;
  const reach = new Int32Array(2 * middle + 1);
  for (let edits = 0; edits <= Math.min(n + m, EDITS_MAX); edits++) {
    rounds.push(reach.slice(middle - edits - 1, middle + edits + 2));
    for (let k = -edits; k <= edits; k += 2) {
      const down = k === -edits || (k !== edits && reach[middle + k - 1]! < reach[middle + k + 1]!);
      let x = down ? reach[middle + k + 1]! : reach[middle + k - 1]! + 1;
      while (x < n && x - k < m && x - k >= 0 && a[left.from + x] === b[right.from + x - k]) x += 1;
      reach[middle + k] = x;
      if (x >= n && x - k >= m) return walkedBack(rounds, { x: n, y: m }, left.from, right.from);
    }
  }
  return [];
}

// oxlint-disable-next-line max-params -- where the walk ends, and where it lies.
function walkedBack(
  rounds: readonly Int32Array[],
  end: { readonly x: number; readonly y: number },
  i: number,
  j: number,
): Pairs {
  const pairs: Pairs = [];
  let { x, y } = end;
  for (let edits = rounds.length - 1; edits > 0; edits--) {
    const before = rounds[edits]!;
    const at = (k: number): number => before[k + edits + 1]!;
    const k = x - y;
    const down = k === -edits || (k !== edits && at(k - 1) < at(k + 1));
    const was = down ? k + 1 : k - 1;
    const [px, py] = [at(was), at(was) - was];
    while (x > px && y > py) pairs.push([i + --x, j + --y]);
    [x, y] = [px, py];
  }
  while (x > 0 && y > 0) pairs.push([i + --x, j + --y]);
  return pairs.reverse();
}
