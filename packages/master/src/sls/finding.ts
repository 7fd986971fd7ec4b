/** What is told of an import: each thing that was not translated, or that is not quite the same afterwards. */

export interface Place {
  readonly file: string;
  readonly line: number;
  readonly column: number;
}

/**
 * `left-out`: it is not in the tree. `differs`: it is, and does something else than in Salt. `note`: it is, and there
 * is something to know or to do.
 */
export type Level = "left-out" | "differs" | "note";

export interface Finding extends Place {
  readonly level: Level;
  /** The declaration, parameter or template that it is about. */
  readonly what: string;
  readonly why: string;
  readonly hint: string;
}

/** Why one declaration cannot be translated: whoever catches it leaves that declaration out, and no other. */
export class Refusal extends Error {
  readonly hint: string;
  readonly at: Place | undefined;

  constructor(why: string, hint: string, at?: Place) {
    super(why);
    this.hint = hint;
    this.at = at;
  }
}

/** A file that cannot be read as SLS at all. */
export class Unreadable extends Error {
  readonly line: number;
  readonly column: number;
  readonly hint: string;

  constructor(why: string, hint: string, { line, column }: Omit<Place, "file">) {
    super(why);
    this.hint = hint;
    this.line = line;
    this.column = column;
  }
}

export const inOrder = (findings: readonly Finding[]): readonly Finding[] =>
  findings.toSorted((a, b) => (a.file === b.file ? a.line - b.line || a.column - b.column : 0));
