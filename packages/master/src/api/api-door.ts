/** Where operators ask: `boma.api.KEY.VERB`. Who asks is known from the signature, what for from a fixed list. */
import {
  ApiAnswer,
  ApiRequest,
  BomaError,
  keyInSubject,
  open,
  pack,
  PAYLOAD_BYTES_MAX,
  sameBytes,
  seal,
  type Verb,
  withManifest,
} from "@boma/protocol";
import type { Msg, NatsConnection, Subscription } from "nats";
import type { z } from "zod";

import { explained } from "../bus/trouble.ts";
import type { Control } from "../control.ts";
import { hostOf } from "../nodes/refusals.ts";
import { isDoneWithin } from "../patience.ts";
import { AskedOnce, type Request } from "./asked-once.ts";
import { Feed } from "./feed.ts";
import { perform } from "./perform.ts";
import type { OperatorRecord } from "./rights.ts";

/** A feed whose operator has not renewed it for so long is cut: its command line has gone. */
const LEASE_MS = 60_000;
const CLOSE_MS_MAX = 5_000;
const ANSWER_BYTES_MAX = PAYLOAD_BYTES_MAX - 64 * 1024;

interface OpenFeed {
  readonly abort: AbortController;
  renewedAt: number;
}

type Respond = (body: Omit<z.input<typeof ApiAnswer.body>, "nonce">) => void;

export class ApiDoor {
  readonly #bus: NatsConnection;
  readonly #control: Control;
  readonly #feeds = new Map<string, OpenFeed>();
  readonly #askedOnce = new AskedOnce();
  readonly #sweep: NodeJS.Timeout;
  readonly #requests: Subscription;
  readonly #underWay = new Set<Promise<void>>();
  #isClosing = false;

  constructor(bus: NatsConnection, control: Control) {
    this.#bus = bus;
    this.#control = control;
    this.#requests = bus.subscribe("boma.api.*.*", {
      queue: "masters",
      callback: (_error, message) => {
        const answered = this.#answer(message)
          .catch((error: unknown) => control.refused(message.subject, error, message))
          .finally(() => this.#underWay.delete(answered));
        this.#underWay.add(answered);
      },
    });
    this.#sweep = setInterval(() => this.#dropLeases(), LEASE_MS / 4).unref();
  }

  /** What was asked for is answered; what is asked for from now on is for the master that follows. */
  async close(): Promise<void> {
    this.#isClosing = true;
    clearInterval(this.#sweep);
    for (const { abort } of this.#feeds.values()) abort.abort();
    const ended = this.#requests.drain().then(() => Promise.all(this.#underWay));
    await isDoneWithin(ended, CLOSE_MS_MAX);
  }

  async #answer(message: Msg): Promise<void> {
    const operator = this.#control.operators.get(keyInSubject(message.subject));
    if (!operator) throw new BomaError("operator/unknown", "the key in the subject is no operator's");
    const trusts = (key: Uint8Array) => sameBytes(key, operator.sign);
    const request = open(ApiRequest, message.data, { trusts, to: "master", now: Date.now() });
    const respond: Respond = (body) => this.#respond(message, operator, request, body);
    const challenge = this.#askedOnce.challengeFor(request);
    if (challenge) return respond({ feed: false, challenge });
    this.#askedOnce.take(operator.key, request);
    try {
      await this.#perform(operator, request, hostOf(message), respond);
    } catch (thrown) {
      const error = this.#explain(thrown, request.body.verb);
      respond({ feed: false, error: { code: error.code, message: error.message, hint: error.hint } });
    }
  }

  async #perform(operator: OperatorRecord, { body }: Request, from: string, respond: Respond): Promise<void> {
    const name = `${operator.key}.${body.session}`;
    if (body.verb === "feed.keep") return respond({ feed: false, result: this.#renew(name) });
    const abort = new AbortController();
    let feed: Feed | undefined;
    const openFeed = (): Feed => {
      respond({ feed: true });
      this.#feeds.set(name, { abort, renewedAt: Date.now() });
      return new Feed(this.#bus, () => this.#control.keyring(), { key: operator.key, session: body.session });
    };
    const lasts = () => void (feed = openFeed());
    try {
      const answer = await perform(this.#control, { operator, from, ...body, lasts, signal: abort.signal });
      if ("items" in answer) return await this.#pump(answer.first, answer.items, (feed ??= openFeed()));
      const { result } = answer;
      if (pack(result ?? null).length < ANSWER_BYTES_MAX) return respond({ feed: false, result });
      await this.#pump(undefined, (result as unknown[]).values(), openFeed());
    } catch (thrown) {
      if (!feed) throw thrown;
      feed.end(this.#explain(thrown, body.verb));
    } finally {
      this.#feeds.delete(name);
    }
  }

  async #pump(
    first: IteratorResult<unknown> | undefined,
    items: AsyncIterator<unknown> | Iterator<unknown>,
    feed: Feed,
  ): Promise<void> {
    try {
      for (let step = first ?? (await items.next()); !step.done; step = await items.next())
        feed.write(step.value);
      feed.end(this.#isClosing ? new BomaError("bus/unreachable", "the master stops") : undefined);
    } catch (thrown) {
      feed.end(explained(thrown));
    }
  }

  #respond(message: Msg, operator: OperatorRecord, request: Request, body: Parameters<Respond>[0]): void {
    const { sign, manifest } = this.#control.keyring();
    const frame = seal(ApiAnswer, { ...body, nonce: request.nonce }, { to: operator.key, key: sign });
    message.respond(withManifest(manifest, frame));
  }

  #explain(thrown: unknown, verb: Verb): BomaError {
    const error = explained(thrown);
    if (error.code === "internal")
      this.#control.log.error(
        { verb, error: error.cause instanceof Error ? error.cause.stack : error.message },
        "a request failed",
      );
    return error;
  }

  #renew(name: string): boolean {
    const feed = this.#feeds.get(name);
    if (feed) feed.renewedAt = Date.now();
    return feed !== undefined;
  }

  #dropLeases(): void {
    const oldest = Date.now() - LEASE_MS;
    for (const [name, { abort, renewedAt }] of this.#feeds) {
      if (renewedAt >= oldest) continue;
      abort.abort();
      this.#feeds.delete(name);
    }
  }
}
