import type { Random } from "./random.ts";

export interface FuzzTarget {
  readonly name: string;
  /** Inputs that are right, or were once a bug; changes begin from these. */
  readonly corpus: readonly Uint8Array[];
  readonly run: (input: Uint8Array, random: Random) => void;
}

export const text = (input: Uint8Array): string => Buffer.from(input).toString("utf8");
export const bytesOf = (...texts: readonly string[]): Uint8Array[] =>
  texts.map((one) => new Uint8Array(Buffer.from(one)));
