/** Two texts as a unified diff that people read. */
import { commonLines } from "./line-edits.ts";

const COMPARED_MAX = 5000;
const CONTEXT = 3;
const DIFF_LINES_MAX = 200;
const LINE_MAX = 500;
const NO_NEWLINE = "\\ No newline at end of file";

/** One line of either text: ` ` of both, `-` of the first, `+` of the second. */
interface Line {
  readonly sign: " " | "-" | "+";
  readonly text: string;
}
interface Hunk {
  readonly lines: readonly Line[];
  /** Lines of either text before it. */
  readonly at: readonly [number, number];
}

export function unifiedDiff(from: string, to: string, linesMax = DIFF_LINES_MAX): string {
  const [a, b] = [linesOf(from), linesOf(to)];
  if (a.length > COMPARED_MAX || b.length > COMPARED_MAX) return tooMany(a, b);
  const shown = hunksOf(linesBetween(a, b)).flatMap(({ lines, at }) => [
    `@@ -${place(at[0], countOf(lines, "-"))} +${place(at[1], countOf(lines, "+"))} @@`,
    ...lines.flatMap(shownLine),
  ]);
  if (shown.length <= linesMax) return shown.join("\n");
  return [...shown.slice(0, linesMax), `… ${shown.length - linesMax} more lines`].join("\n");
}

/** Lines with their ends: a last line without one is another line. */
const linesOf = (text: string): string[] => text.match(/[^\n]*\n|[^\n]+$/g) ?? [];

const countOf = (lines: readonly Line[], sign: "-" | "+"): number =>
  lines.filter((line) => line.sign === " " || line.sign === sign).length;

const place = (at: number, count: number): string =>
  count === 1 ? `${at + 1}` : `${count === 0 ? at : at + 1},${count}`;

function shownLine({ sign, text: line }: Line): string[] {
  const ends = line.endsWith("\n");
  const text = sign + (ends ? line.slice(0, -1) : line);
  const long = text.length - LINE_MAX;
  const short = long > 0 ? `${text.slice(0, LINE_MAX)}… ${long} more characters` : text;
  return ends ? [short] : [short, NO_NEWLINE];
}

function tooMany(a: readonly string[], b: readonly string[]): string {
  const counts = new Map<string, number>();
  for (const line of a) counts.set(line, (counts.get(line) ?? 0) + 1);
  let common = 0;
  for (const line of b) {
    const left = counts.get(line) ?? 0;
    if (left > 0) common += 1;
    counts.set(line, left - 1);
  }
  return `${a.length + b.length - 2 * common} lines differ, of ${a.length} and ${b.length}`;
}

function linesBetween(a: readonly string[], b: readonly string[]): Line[] {
  const lines: Line[] = [];
  let [i, j] = [0, 0];
  for (const [x, y] of [...commonLines(a, b), [a.length, b.length] as const]) {
    while (i < x) lines.push({ sign: "-", text: a[i++]! });
    while (j < y) lines.push({ sign: "+", text: b[j++]! });
    if (x < a.length) lines.push({ sign: " ", text: a[x]! });
    [i, j] = [x + 1, y + 1];
  }
  return lines;
}

/** Differences with the lines around them; those whose surroundings touch are one. */
function hunksOf(lines: readonly Line[]): Hunk[] {
  const ranges: { from: number; to: number }[] = [];
  lines.forEach(({ sign }, index) => {
    if (sign === " ") return;
    const [from, to] = [Math.max(0, index - CONTEXT), Math.min(lines.length, index + CONTEXT + 1)];
    const last = ranges.at(-1);
    if (last && from <= last.to) last.to = to;
    else ranges.push({ from, to });
  });
  let [seen, left, right] = [0, 0, 0];
  return ranges.map(({ from, to }) => {
    for (; seen < from; seen++) {
      if (lines[seen]!.sign !== "+") left += 1;
      if (lines[seen]!.sign !== "-") right += 1;
    }
    return { lines: lines.slice(from, to), at: [left, right] };
  });
}
