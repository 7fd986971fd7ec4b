/** What an operator asks for, done: the same way whoever asks, a command line over the bus or a reactor within. */
import { asBomaError, BomaError, type Verb } from "@boma/protocol";
import { z } from "zod";

import { isRecorded } from "../audit/request-audit.ts";
import type { Control } from "../control.ts";
import { isDoneWithin } from "../patience.ts";
import { authorise, type OperatorRecord } from "./rights.ts";
import type { AnyVerb } from "./verb.ts";
import { verbs } from "./verbs/index.ts";

export interface Request {
  readonly operator: OperatorRecord;
  readonly verb: Verb;
  readonly args: unknown;
  /** Where it comes from: an address, or the reactor. */
  readonly from: string;
  /** What led to it, where it was not a person. */
  readonly reaction?: Reaction | undefined;
  /** Called where the first item takes long: catalogs of a large fleet are compiled before there is a job. */
  readonly lasts?: () => void;
  readonly signal: AbortSignal;
}

/** Sooner than whoever asked gives up. */
const LASTS_MS = 5_000;

export interface Reaction {
  /** The reactors that led to it, the first one first. */
  readonly causes: readonly string[];
  /** The job that it becomes: the same one, however often it is asked for. */
  readonly job: string;
}

/** One value, or items of which the first is there already: what is refused is refused before there is an answer, unless that lasts. */
export type Answer =
  | { readonly result: unknown }
  | { readonly first: IteratorResult<unknown>; readonly items: AsyncIterator<unknown> };

export async function perform(control: Control, request: Request): Promise<Answer> {
  const { requestAudit } = control;
  /** Where the request stands in the audit, once it does. */
  let number: number | undefined;
  try {
    const { verb, args } = understood(request);
    // What is done stands in the audit before it is done, and how it ended behind it.
    if (isRecorded(verb)) {
      // What cannot be kept is not begun either.
      control.store.taking.assert();
      number = await requestAudit.begun(request, args);
    }
    const answer = await begin(control, request, { verb, args });
    if (number !== undefined) await requestAudit.ended(number, jobIn(answer));
    return answer;
  } catch (thrown) {
    const error = asBomaError(thrown);
    if (error.code === "operator/denied") await tellDenied(control, request, { error, number });
    else if (number !== undefined) await requestAudit.ended(number, { error: error.code });
    throw error;
  }
}

interface Understood {
  readonly verb: AnyVerb;
  readonly args: unknown;
}

function understood({ operator, verb: name, args }: Request): Understood {
  const verb: AnyVerb = verbs[name];
  if (verb.right !== "itself") authorise(operator, { right: verb.right });
  return { verb, args: readArgs(verb, args) };
}

async function begin(
  control: Control,
  { operator, from, reaction, lasts, signal }: Request,
  { verb, args }: Understood,
): Promise<Answer> {
  const given = verb.answer(args, { control, operator, from, reaction, signal });
  if (!(Symbol.asyncIterator in given)) return { result: await given };
  const items = given[Symbol.asyncIterator]();
  const first = items.next();
  if (!(await isDoneWithin(first, LASTS_MS))) lasts?.();
  return { first: await first, items };
}

/** The job that was made, where the answer begins with one. */
function jobIn(answer: Answer): { job?: string } {
  const item =
    "first" in answer ? (answer.first.value as { record?: { job?: string } } | undefined) : undefined;
  const job = item?.record?.job;
  return job === undefined ? {} : { job };
}

async function tellDenied(
  control: Control,
  request: Request,
  { error: { message }, number }: { readonly error: BomaError; readonly number: number | undefined },
): Promise<void> {
  const { operator, verb, reaction } = request;
  await control.requestAudit.denied(request, message, number);
  const data = { verb, reason: message };
  const causes = reaction && { causes: [...reaction.causes] };
  await control.events.told({ kind: "operator.denied", operator: operator.name, ...causes, data });
}

function readArgs(verb: AnyVerb, args: unknown): unknown {
  const read = (verb.args as z.ZodType).safeParse(args);
  if (read.success) return read.data;
  throw new BomaError("master/request", `${verb.verb} cannot take this: ${z.prettifyError(read.error)}`);
}
