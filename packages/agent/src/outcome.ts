/** How a call ended, in the words of the wire. */
import {
  asBomaError,
  BomaError,
  type NodeReturnBody,
  pack,
  RESULT_BYTES_MAX,
  type WireError,
} from "@boma/protocol";
import type { AnyFunction } from "@boma/states/core";
import { z } from "zod";

import { keepEnds } from "./output.ts";

export type Outcome = Pick<NodeReturnBody, "status" | "value" | "error" | "cut">;

/** Why a running call was ended from outside. */
export class Stopped extends Error {
  readonly why: "cancelled" | "timeout" | "stopping";

  constructor(why: Stopped["why"]) {
    super(`the call was ended: ${why}`);
    this.name = "AbortError";
    this.why = why;
  }
}

const MESSAGE_LENGTH_MAX = 4000;
const HINT_LENGTH_MAX = 1000;

function wireError(thrown: unknown): WireError {
  const { code, message, hint } = asBomaError(thrown);
  return { code, message: message.slice(0, MESSAGE_LENGTH_MAX), hint: hint.slice(0, HINT_LENGTH_MAX) };
}

export const withoutValue = (status: Outcome["status"], thrown: unknown): Outcome => ({
  status,
  value: null,
  error: wireError(thrown),
  cut: false,
});

/** A function gave a result: it must fit its schema and the wire before it counts. */
export function outcomeOf(spec: AnyFunction, result: unknown): Outcome {
  const read = z.safeParse(spec.result as z.ZodType, result);
  if (!read.success)
    return withoutValue(
      "failed",
      new BomaError(
        "internal",
        `${spec.name} gave a result that is not of its kind:\n${z.prettifyError(read.error)}`,
      ),
    );
  const status = spec.outcome?.(read.data as never) ?? "ok";
  return fitted(spec, status, read.data);
}

function fitted(spec: AnyFunction, status: Outcome["status"], value: unknown): Outcome {
  const bytes = pack(value).length;
  if (bytes <= RESULT_BYTES_MAX) return { status, value, cut: isCut(value) };
  const shortened = withShortOutput(value);
  if (shortened) return { status, value: shortened, cut: true };
  return withoutValue(
    "failed",
    new BomaError(
      "job/too-large",
      `${spec.name} ran, but its result of ${bytes} bytes exceeds ${RESULT_BYTES_MAX}`,
      {
        hint: "Ask for less.",
      },
    ),
  );
}

const isCut = (value: unknown): boolean =>
  typeof value === "object" && value !== null && "cut" in value && value.cut === true;

/** A program's output may lose its middle; any other result would become another result by that. */
function withShortOutput(value: unknown): object | undefined {
  if (typeof value !== "object" || value === null || !("stdout" in value) || !("stderr" in value))
    return undefined;
  if (typeof value.stdout !== "string" || typeof value.stderr !== "string") return undefined;
  const max = RESULT_BYTES_MAX / 4;
  const short = {
    ...value,
    stdout: keepEnds(value.stdout, max).text,
    stderr: keepEnds(value.stderr, max).text,
    cut: true,
  };
  return pack(short).length <= RESULT_BYTES_MAX ? short : undefined;
}

/** A call that threw, or gave up because it was told to. What it gave before it ended is kept where it fits. */
export function outcomeOfStop(
  spec: AnyFunction,
  why: "cancelled" | "timeout",
  ended: { value?: unknown; timeoutMs: number },
): Outcome {
  const error =
    why === "timeout"
      ? new BomaError("job/timeout", `${spec.name} did not end within ${ended.timeoutMs} ms and was stopped`)
      : new BomaError("job/refused", `${spec.name} was cancelled while it ran`, {
          hint: "It may have done part of its work.",
        });
  const read = z.safeParse(spec.result as z.ZodType, ended.value);
  const partial = read.success ? fitted(spec, "ok", read.data) : undefined;
  return { status: why, value: partial?.value ?? null, error: wireError(error), cut: partial?.cut ?? false };
}
