/**
 * A rendered file, cut into what stands below each of its outermost keys. What a gap of the template touches is taken
 * out as a whole and listed, so that the rest can be read without it.
 */
import type { Gap, Rendered } from "./jinja.ts";
import { placesIn, type SourcePlace } from "./places.ts";

export interface Untold {
  /** The outermost key as it is written, or the template itself where it touches none. */
  readonly what: string;
  readonly why: string;
  readonly at: SourcePlace;
  /** The id, where it could be read. */
  readonly id?: string | undefined;
}

interface Chunk {
  readonly first: number;
  /** Its last line with content. */
  last: number;
  /** The last line before the next chunk. */
  end: number;
}

/** The text with every touched chunk blanked, and what was taken out. */
export function readable(rendered: Rendered): { readonly text: string; readonly untold: readonly Untold[] } {
  if (rendered.gaps.length === 0) return { text: rendered.text, untold: [] };
  const lines = rendered.text.split("\n");
  const lineOf = placesIn(rendered.text);
  const starts = startsOf(lines);
  const chunks = chunksIn(lines);
  const untold: Untold[] = [];
  const gone = new Map<Chunk, Gap>();
  for (const gap of rendered.gaps) {
    const block = gap.to > gap.from + 1;
    // Where a tag strips blanks, a block begins at the end of the line before it, or ends where the next one begins.
    const [start, stop] = block ? within(rendered.text, gap) : [gap.from, gap.to];
    const [from, to] = [lineOf(start).line - 1, lineOf(stop).line - 1];
    const touched = between(chunks, from, to).filter((chunk) => isTouched(chunk, { from, to, block }));
    for (const chunk of touched) if (!gone.has(chunk)) gone.set(chunk, gap);
    if (touched.length === 0) untold.push({ what: "template", why: gap.why, at: gap.at });
  }
  for (const [{ first, end }, gap] of gone) {
    const key = keyOf(lines[first]!);
    untold.push({
      what: key ?? lines[first]!.trim().slice(0, 60),
      why: whyOf(gap),
      at: rendered.placeOf(starts[first]!),
      id: key,
    });
    // The lines stay, so that places after them stay as well.
    for (let line = first; line <= end; line++) lines[line] = " ".repeat(lines[line]!.length);
  }
  return { text: lines.join("\n"), untold };
}

function within(text: string, { from, to }: Gap): readonly [number, number] {
  let [start, stop] = [from, to];
  while (start < stop && text[start] === "\n") start += 1;
  while (stop > start && text[stop - 1] === "\n") stop -= 1;
  return [start, stop];
}

/** The chunks from one line to another; there may be very many of them. */
function between(chunks: readonly Chunk[], from: number, to: number): readonly Chunk[] {
  let [low, high] = [0, chunks.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (chunks[middle]!.end < from) low = middle + 1;
    else high = middle;
  }
  let end = low;
  while (end < chunks.length && chunks[end]!.first <= to) end += 1;
  return chunks.slice(low, end);
}

const whyOf = ({ why, at }: Gap): string => `line ${at.line}: ${why}`;

/** What a tag writes right after a chunk may still be part of it; a block shows what it holds. */
const isTouched = (
  { first, last, end }: Chunk,
  { from, to, block }: { readonly from: number; readonly to: number; readonly block: boolean },
): boolean => from <= (block ? last : end) && to >= first;

const indentOf = (line: string): number => line.length - line.trimStart().length;

function startsOf(lines: readonly string[]): readonly number[] {
  let at = 0;
  return lines.map((line) => {
    const start = at;
    at += line.length + 1;
    return start;
  });
}

function chunksIn(lines: readonly string[]): readonly Chunk[] {
  const outermost = lines
    .filter((line) => line.trim() !== "" && !/^\s*#|^---|^\.\.\./.test(line))
    .reduce((least, line) => Math.min(least, indentOf(line)), Infinity);
  const chunks: Chunk[] = [];
  for (const [at, line] of lines.entries()) {
    const indent = indentOf(line);
    const trimmed = line.trim();
    if (trimmed === "" || (indent <= outermost && trimmed.startsWith("#")) || /^(---|\.\.\.)/.test(line))
      continue;
    const current = chunks.at(-1);
    // A list below its key, and the end of what is in brackets, may stand as far left as the key.
    const begins = indent === outermost && !/^(-(\s|$)|[\]}])/.test(trimmed);
    if (begins || !current) {
      if (current) current.end = at - 1;
      chunks.push({ first: at, last: at, end: lines.length - 1 });
    } else current.last = at;
  }
  return chunks;
}

function keyOf(line: string): string | undefined {
  const match = /^\s*(?:"([^"]*)"|'([^']*)'|([^#].*?))\s*:(?:\s|$)/.exec(line);
  return match?.[1] ?? match?.[2] ?? match?.[3];
}
