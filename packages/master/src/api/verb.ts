import type { Verb } from "@boma/protocol";
import type { z } from "zod";

import type { Control } from "../control.ts";
import type { Reaction } from "./perform.ts";
import type { OperatorRecord } from "./rights.ts";

/** What a verb works with: the master's parts, and who asks. */
export interface Asked {
  readonly control: Control;
  readonly operator: OperatorRecord;
  /** Where the request comes from: an address, or a reactor. */
  readonly from: string;
  readonly reaction?: Reaction | undefined;
  /** Ends when the operator's command line has gone. */
  readonly signal: AbortSignal;
}

/** One thing that an operator may ask of the master. It answers with a value, or with items that follow one another. */
export interface VerbSpec<A extends z.ZodType> {
  readonly verb: Verb;
  readonly args: A;
  /** With `itself` the verb asks, once it knows what is needed: the function and the nodes, the kinds of events. */
  readonly right: "none" | "read" | "audit" | "admin" | "netboot" | "itself";
  answer(args: z.output<A>, asked: Asked): Promise<unknown> | AsyncIterable<unknown>;
}

// oxlint-disable-next-line typescript/no-explicit-any -- the one place where all verbs are alike.
export type AnyVerb = VerbSpec<any>;

export const defineVerb = <A extends z.ZodType>(spec: VerbSpec<A>): VerbSpec<A> => spec;
