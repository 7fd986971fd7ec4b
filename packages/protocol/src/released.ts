/** What the release key says of something: to everybody, and for as long as that key holds. */
import type { z } from "zod";

import { type MessageKind, open, seal } from "./envelope.ts";
import type { BomaError } from "./errors.ts";
import { sameBytes, type SigningKey } from "./keys.ts";

const NEVER_MS = 8.64e15;

export const sealReleased = <B extends z.ZodType>(
  kind: MessageKind<B>,
  body: z.input<B>,
  release: SigningKey,
): Uint8Array => seal(kind, body, { to: "-", key: release, expires: NEVER_MS });

/** `refused` makes the error of whoever asked, with why it is not what that key signed. */
export function openReleased<B extends z.ZodType>(
  kind: MessageKind<B>,
  signed: Uint8Array,
  {
    release,
    refused,
  }: { readonly release: Uint8Array; readonly refused: (why: string, cause: unknown) => BomaError },
): z.output<B> {
  try {
    return open(kind, signed, { trusts: (key) => sameBytes(key, release), to: "-", now: null }).body;
  } catch (cause) {
    throw refused(cause instanceof Error ? cause.message : String(cause), cause);
  }
}
