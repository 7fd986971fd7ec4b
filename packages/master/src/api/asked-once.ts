/**
 * A request is carried out once. What this master answered it remembers for as long as the request holds; what may have
 * been answered before it led, by itself or by another master, has to be asked again with a challenge that is its own
 * (docs/decisions/0028-asked-once.md).
 */
import {
  type ApiRequest,
  BomaError,
  CLOCK_AHEAD_MS_MAX,
  newNonce,
  type Opened,
  sameBytes,
} from "@boma/protocol";
import type { z } from "zod";

export type Request = Opened<z.output<typeof ApiRequest.body>>;

/** Of one operator: more than any command line or program asks for within the life of a request. */
const KEPT_MAX = 100_000;

export class AskedOnce {
  readonly #challenge = newNonce();
  /** A steady clock: the machine's own may be set while this master leads. */
  readonly #since = performance.now();
  /** By operator: until when the request of that nonce holds. */
  readonly #answered = new Map<string, Map<string, number>>();

  /** What the operator has to repeat before this is carried out; `undefined` where nobody can have answered it before. */
  challengeFor({ at, body }: Request): Uint8Array | undefined {
    // It keeps a feed of this master open for a while, however often it is said.
    if (body.verb === "feed.keep") return undefined;
    if (body.challenge && sameBytes(body.challenge, this.#challenge)) return undefined;
    const began = Date.now() - (performance.now() - this.#since);
    // A clock that runs ahead by as much as is allowed dates a request of before as one of after.
    return at < began + CLOCK_AHEAD_MS_MAX ? this.#challenge : undefined;
  }

  /** Throws where it was asked before. */
  take(operator: string, { nonce, expires }: Request): void {
    const name = Buffer.from(nonce).toString("latin1");
    const mine = this.#answered.get(operator) ?? new Map<string, number>();
    this.#answered.set(operator, mine);
    if (mine.has(name)) throw new BomaError("wire/replay", "this request was answered before");
    forgetExpired(mine);
    if (mine.size >= KEPT_MAX)
      throw new BomaError("wire/too-often", `this operator has asked ${KEPT_MAX} times within minutes`);
    mine.set(name, expires);
  }
}

/** Requests come about in the order in which they end: what holds still ends the look. */
function forgetExpired(answered: Map<string, number>): void {
  const now = Date.now();
  for (const [name, expires] of answered) {
    if (expires >= now) return;
    answered.delete(name);
  }
}
