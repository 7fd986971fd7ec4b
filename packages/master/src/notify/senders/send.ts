/** What all senders have in common: they send one notice now, or say what went wrong. */
import type { Secret, Sender } from "@boma/states/core";

import type { Notice } from "../notice.ts";

/** With its secrets as values: for one attempt only. */
export type Opened<T> = T extends Secret
  ? string
  : T extends readonly (infer M)[]
    ? readonly Opened<M>[]
    : T extends object
      ? { readonly [K in keyof T]: Opened<T[K]> }
      : T;

export interface Sending<S = Sender> {
  readonly to: Opened<S>;
  readonly notice: Notice;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

/** In our own words: what a receiver answers may hold anything, our own token too. */
export class SendFault extends Error {
  override readonly name = "SendFault";
  /** The receiver will not have this one, however often it comes. */
  readonly isFinal: boolean;
  readonly retryAfterMs: number | undefined;

  constructor(message: string, options: { isFinal?: boolean; retryAfterMs?: number | undefined } = {}) {
    super(message);
    this.isFinal = options.isFinal ?? false;
    this.retryAfterMs = options.retryAfterMs;
  }
}

export function readAddress(text: unknown): URL {
  if (typeof text === "string" && URL.canParse(text)) {
    const url = new URL(text);
    if (/^https?:$/.test(url.protocol)) return url;
  }
  // It may be a secret, so it is not shown.
  throw new SendFault("the address is not one that begins with https:// or http://");
}
