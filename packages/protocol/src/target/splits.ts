import { NESTING_DEPTH_MAX } from "../limits.ts";
import { isOutside, noBrackets, readBracket } from "./brackets.ts";

/** One reading of `a:b:c`: the keys to walk, and the pattern for what is found there. */
export interface Split {
  readonly keys: readonly string[];
  readonly pattern: string;
  /** Where the pattern begins in the text. */
  readonly at: number;
}

/**
 * Every reading of a text, the shortest path first: in `macs:aa:bb` the value is
 * `aa:bb` or, below `macs:aa`, `bb`. Grains are not nested deeper than the paths
 * that are tried. In a regular expression a delimiter inside brackets cuts nothing.
 */
export function splitsOf(text: string, delimiter: string, isRegex: boolean): readonly Split[] {
  const splits: Split[] = [];
  const brackets = noBrackets();
  for (let at = 0; at < text.length && splits.length < NESTING_DEPTH_MAX; at++) {
    const char = text[at]!;
    if (char === delimiter && (!isRegex || isOutside(brackets))) {
      const pattern = text.slice(at + 1);
      // In `disks:*:model` the star is a step of the path, and no regular expression starts with one.
      const isStep = isRegex && pattern.startsWith(`*${delimiter}`);
      if (pattern !== "" && !isStep)
        splits.push({ keys: text.slice(0, at).split(delimiter), pattern, at: at + 1 });
    }
    if (isRegex) readBracket(brackets, char);
  }
  return splits;
}
