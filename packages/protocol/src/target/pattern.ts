/** A compiled glob, regular expression or plain text that tells whether a text fits. */
export interface Pattern {
  readonly matches: (text: string) => boolean;
  /** True for `*`, which fits every value that is there, whatever its kind. */
  readonly any: boolean;
}
