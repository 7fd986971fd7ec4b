import type { Verb } from "@boma/protocol";
import type { z } from "zod";

import type { Control } from "../control.ts";
import type { OperatorRecord } from "./rights.ts";

/** What a verb works with: the master's parts, and who asks. */
export interface Asked {
  readonly control: Control;
  readonly operator: OperatorRecord;
  /** Ends when the operator's command line has gone. */
  readonly signal: AbortSignal;
}

/** One thing that an operator may ask of the master. It answers with a value, or with items that follow one another. */
export interface VerbSpec<A extends z.ZodType> {
  readonly verb: Verb;
  readonly args: A;
  /** `run` checks the function and the nodes itself, once it knows them. */
  readonly right: "none" | "read" | "admin" | "run";
  answer(args: z.output<A>, asked: Asked): Promise<unknown> | AsyncIterable<unknown>;
}

// oxlint-disable-next-line typescript/no-explicit-any -- the one place where all verbs are alike.
export type AnyVerb = VerbSpec<any>;

export const defineVerb = <A extends z.ZodType>(spec: VerbSpec<A>): VerbSpec<A> => spec;
