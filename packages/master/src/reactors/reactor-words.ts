/** What the master and the process in which reactors run say to each other: frames of msgpack, bounded, checked. */
import { BomaError, JobId, pack, type SequencedEvent } from "@boma/protocol";
import { z } from "zod";

import { ErrorWords, PlaceWords } from "../site/child-words.ts";

/** What a reactor asks the master to do. */
export const Act = z.discriminatedUnion("do", [
  z.strictObject({
    do: z.literal("run"),
    target: z.string().min(1).max(4096),
    function: z.string().max(128),
    args: z.record(z.string(), z.unknown()),
    options: z.strictObject({
      wait: z.boolean().default(true),
      test: z.boolean().default(false),
      timeout: z.string().max(32).optional(),
      expire: z.string().max(32).optional(),
    }),
  }),
  z.strictObject({
    do: z.literal("assign"),
    target: z.string().min(1).max(4096),
    grains: z.record(
      z.string().max(63),
      z.union([z.string().max(255), z.array(z.string().max(255)).max(64), z.null()]),
    ),
  }),
  z.strictObject({
    do: z.literal("tell"),
    name: z.string().regex(/^[a-z0-9][a-z0-9.-]{0,62}$/, "a name matches [a-z0-9][a-z0-9.-]*"),
    value: z.unknown(),
  }),
]);
export type Act = z.output<typeof Act>;

/** How each node of a reactor's job ended. */
export const Ran = z.strictObject({
  job: JobId,
  ok: z.boolean(),
  nodes: z.record(z.string(), z.strictObject({ status: z.string(), error: z.string().optional() })),
});
export type Ran = z.output<typeof Ran>;

/** A reactor as its file says it. */
export const Said = z.strictObject({
  /** `default`, or the name under which the file exports it. */
  export: z.string().regex(/^[A-Za-z_$][\w$]{0,62}$/),
  kinds: z.array(z.string().max(128)).min(1).max(100),
  target: z.string().max(4096).optional(),
  limit: z.string().max(16),
  attempts: z.int().min(1).max(20),
  timeoutMs: z.number(),
});
export type Said = z.output<typeof Said>;

interface Refusal {
  readonly code: string;
  readonly message: string;
  readonly hint: string;
}

/** From the master: one at a time, the next one when this one was taken. */
export type Given =
  | { readonly give: "load"; readonly file: string }
  | {
      readonly give: "event";
      readonly call: number;
      readonly file: string;
      readonly export: string;
      readonly event: SequencedEvent;
    }
  | {
      readonly give: "answer";
      readonly call: number;
      readonly ask: number;
      readonly value?: unknown;
      readonly error?: Refusal;
    }
  /** The call has run out of time: nobody waits for it any more. */
  | { readonly give: "drop"; readonly call: number };

export const Words = z.discriminatedUnion("say", [
  z.strictObject({ say: z.literal("ready") }),
  /** What was given is dealt with, as far as it can be without an answer. */
  z.strictObject({ say: z.literal("taken") }),
  z.strictObject({ say: z.literal("at"), file: z.string().max(1024) }),
  z.strictObject({
    say: z.literal("loaded"),
    file: z.string().max(1024),
    reactors: z.array(Said).max(50),
    error: ErrorWords.optional(),
  }),
  z.strictObject({
    say: z.literal("note"),
    call: z.int().optional(),
    text: z.string().max(8192),
    place: PlaceWords.optional(),
  }),
  z.strictObject({ say: z.literal("ask"), call: z.int(), ask: z.int().nonnegative(), act: Act }),
  z.strictObject({
    say: z.literal("ended"),
    call: z.int(),
    /** Its `where` did not want the event. */
    passed: z.boolean(),
    error: ErrorWords.optional(),
  }),
]);
export type Words = z.output<typeof Words>;

/** An event is kept for a month and read by many: what a reactor says in one is short. */
const SAID_BYTES_MAX = 16 * 1024;

export function assertShort(act: Act): void {
  if (act.do !== "tell") return;
  const size = pack(act.value).length;
  if (size > SAID_BYTES_MAX)
    throw new BomaError(
      "reactor/limit",
      `boma.tell(${JSON.stringify(act.name)}) holds ${size} bytes, and may hold ${SAID_BYTES_MAX}`,
      { hint: "Tell what names it, and let who reads the event ask for the rest." },
    );
}

/** What one event may lead to. */
export const ACTS_MAX = 100;
export const NOTES_MAX = 100;
