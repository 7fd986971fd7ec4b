import type { Namespace, Term } from "./expression.ts";
import { Fault, showable } from "./fault.ts";
import { splitsOf } from "./splits.ts";

/** `assigned.` and `claimed.` in front of a path name the namespace. */
export function readNamespace(text: string): { namespace: Namespace; start: number } {
  if (text.startsWith("assigned.")) return { namespace: "assigned", start: "assigned.".length };
  if (text.startsWith("claimed.")) return { namespace: "claimed", start: "claimed.".length };
  return { namespace: "either", start: 0 };
}

/** A grain glob in a word whose key begins at `body`. */
export function readGrainGlob(word: string, body: number, delimiter: string): Term {
  const { namespace, start } = readNamespace(word.slice(body));
  const text = word.slice(body + start);
  refuseBadPath(text, body + start, delimiter, false);
  return { kind: "grain-glob", namespace, delimiter, text };
}

/** A text must hold a key and a pattern: what lacks one would match nothing. */
export function refuseBadPath(text: string, at: number, delimiter: string, isRegex: boolean): void {
  const first = splitsOf(text, delimiter, isRegex)[0];
  if (text.startsWith(delimiter)) throw new Fault(`expected a key before \`${delimiter}\``, at);
  refuseAnyHead(text, at, delimiter);
  if (first !== undefined) return;
  const hint = `\`${showable(text.split(delimiter)[0]!)}${delimiter}${isRegex ? "." : "*"}\` matches any value`;
  throw new Fault(`expected KEY${delimiter}VALUE`, at + text.length, text === "" ? undefined : hint);
}

/** A star as the first key would reach claims of the names that are the master's own. */
export function refuseAnyHead(text: string, at: number, delimiter: string): void {
  if (text === "*" || text.startsWith(`*${delimiter}`)) throw new Fault("the first key must be a name", at);
}
