/** The command line's side of the master's API: signed requests over the bus, verified answers and feeds. */
import { checkServerIdentity } from "node:tls";

import {
  ApiAnswer,
  ApiRequest,
  answerNonce,
  BomaError,
  credentialEnd,
  FeedItem,
  type Manifest,
  type MessageKind,
  newNonce,
  newSession,
  open,
  type Opened,
  pinnedTls,
  readManifest,
  sameBytes,
  seal,
  speaksForMaster,
  splitManifest,
  subjects,
  type Verb,
  isErrorCode,
} from "@boma/protocol";
import { connect, errors, type NatsConnection, RequestError } from "nats";
import type { z } from "zod";

import { HEARTBEAT_MS } from "../api/feed.ts";
import { connectError } from "../bus/connect.ts";
import { type OperatorCredential, writeOperatorFile } from "../operator-file.ts";
import { queueOf } from "../queue.ts";
import { AWAY_MS_MAX, FeedBroken, mayBeAskedAgain, overBreaks } from "./outage.ts";

const CONNECT_MS_MAX = 5_000;
const ANSWER_MS_MAX = 15_000;
const AGAIN_ANSWER_MS_MAX = 5_000;
/** Masters that follow one another while one request is made. */
const CHALLENGES_MAX = 4;
/** Who follows a leader that died over a request has followed it by the time at which an answer is overdue. */
const UNANSWERED_MS = 5_000;
const PROBE_MS = 500;
const KEEP_MS = 20_000;
const KEEP_ANSWER_MS = 5_000;
/** A feed that misses this many heartbeats has lost its master. */
const SILENCE_MS = HEARTBEAT_MS * 3;
/** A credential is renewed when less than this of it is left. */
const RENEW_MS = 15 * 24 * 3_600_000;
/** Whoever stays connected looks this often. */
const LOOK_MS = 12 * 3_600_000;

interface RemoteError {
  readonly code: string;
  readonly message: string;
  readonly hint: string;
}

type FeedBody = z.output<typeof FeedItem.body>;
type AnswerBody = z.output<typeof ApiAnswer.body>;
type ApiBody = z.input<typeof ApiRequest.body>;

export class Client implements AsyncDisposable {
  readonly #connection: NatsConnection;
  readonly #operator: OperatorCredential;
  /** What the bus is shown at the next connect; the server hangs up on one that has expired. */
  readonly #shown: { credential: string };
  #manifest: Manifest | undefined;
  /** Of the master that gave it last. */
  #challenge: Uint8Array | undefined;
  /** Everything that waits for words of the master. */
  readonly #asking = new Set<AbortController>();
  #up = Promise.withResolvers<void>();
  /** For so long a master is looked for before it is asked: it may have lost the bus as we did, or another one follow it. */
  #lookMs: number | undefined;
  /** The bus is there and does not want us any more. */
  #refused: Error | undefined;

  private constructor(
    connection: NatsConnection,
    operator: OperatorCredential,
    shown: { credential: string },
  ) {
    this.#connection = connection;
    this.#operator = operator;
    this.#shown = shown;
    this.#up.resolve();
    void this.#watchLine();
  }

  /** What is said while the line is down is lost, so whoever listens is told at once, and may ask anew. */
  async #watchLine(): Promise<void> {
    for await (const status of this.#connection.status()) {
      if (status.type === "error" && isRefusal(status.error)) this.#refused = status.error;
      if (status.type === "reconnect") {
        this.#refused = undefined;
        this.#up.resolve();
      }
      if (status.type !== "disconnect") continue;
      this.#up = Promise.withResolvers();
      this.#lookMs = AWAY_MS_MAX;
      this.#break("the line to the bus broke");
    }
  }

  #break(why: string): void {
    for (const asking of this.#asking) asking.abort(new FeedBroken(why));
  }

  async #lineUp(): Promise<void> {
    const late = Promise.withResolvers<never>();
    const bus = `the bus at ${this.#operator.servers.join(", ")}`;
    const lateWhy = () =>
      this.#refused
        ? new BomaError("bus/refused", `${bus} refused the credential: ${this.#refused.message}`)
        : new BomaError("bus/unreachable", `${bus} has gone away`);
    const timer = setTimeout(() => late.reject(lateWhy()), CONNECT_MS_MAX);
    await Promise.race([this.#up.promise, late.promise]).finally(() => clearTimeout(timer));
  }

  static async connect(operator: OperatorCredential): Promise<Client> {
    const { user, credential, servers, ca } = operator;
    if (credential === "")
      throw new BomaError("bus/unreachable", "this master has never served yet", {
        hint: "Start it: `boma-master serve`.",
      });
    const shown = { credential };
    try {
      const connection = await connect({
        servers: [...servers],
        name: `boma-master ${operator.name}`,
        authenticator: answerNonce(user, () => shown.credential),
        inboxPrefix: `_INBOX.${user.publicKey}`,
        timeout: CONNECT_MS_MAX,
        maxReconnectAttempts: -1,
        reconnectTimeWait: 200,
        ignoreAuthErrorAbort: true,
        ...(ca !== undefined && { tls: pinnedTls(ca, servers, checkServerIdentity) }),
      });
      return new Client(connection, operator, shown);
    } catch (error) {
      throw connectError(error, servers.join(", "));
    }
  }

  get name(): string {
    return this.#operator.name;
  }

  /** Asks for one value; where that changes nothing, also over a break of the line and a change of masters. */
  async ask<T>(verb: Verb, args: object = {}, answerMs = ANSWER_MS_MAX): Promise<T> {
    if (!mayBeAskedAgain(verb)) return this.#askOnce(verb, args, answerMs);
    return overBreaks((isAgain) =>
      this.#askOnce<T>(verb, args, isAgain ? Math.min(answerMs, AGAIN_ANSWER_MS_MAX) : answerMs),
    );
  }

  /** A long list comes over the feed, and is put together here. */
  async #askOnce<T>(verb: Verb, args: object, answerMs: number): Promise<T> {
    const items: unknown[] = [];
    const stream = await this.#request(verb, args, newSession(), answerMs);
    if (!stream.feed) return stream.result as T;
    for await (const item of stream.items) items.push(item);
    return items as T;
  }

  /** Asks for items that follow one another. Leaving the loop ends the feed. */
  async *follow<T>(verb: Verb, args: object = {}, answerMs = ANSWER_MS_MAX): AsyncGenerator<T> {
    const answer = await this.#request(verb, args, newSession(), answerMs);
    if (answer.feed) yield* answer.items as AsyncIterable<T>;
  }

  async #request(verb: Verb, args: object, session: string, answerMs = ANSWER_MS_MAX) {
    const abort = new AbortController();
    this.#asking.add(abort);
    abort.signal.addEventListener("abort", () => this.#asking.delete(abort), { once: true });
    // Listening comes before asking: the first items may be here before the answer.
    const parts = this.#listen(session, abort);
    try {
      await this.#lineUp();
      await this.#masterThere();
      const body = await this.#answerTo({ verb, args, session }, answerMs, abort.signal);
      if (body.error) throw remoteError(body.error);
      if (!body.feed) {
        abort.abort();
        return { feed: false as const, result: body.result };
      }
      return { feed: true as const, items: this.#items(session, parts, abort) };
    } catch (error) {
      abort.abort();
      const said = requestError(error, this.#operator.servers);
      if (said instanceof FeedBroken) this.#lookMs = said.withinMs;
      throw said;
    }
  }

  /** One that may have been answered before this master led is made anew with its challenge, and so are those that follow. */
  async #answerTo(asked: ApiBody, answerMs: number, signal: AbortSignal): Promise<AnswerBody> {
    for (let time = 0; time < CHALLENGES_MAX; time++) {
      const challenge = this.#challenge;
      const body = await this.#exchange({ ...asked, ...(challenge && { challenge }) }, answerMs, signal);
      if (!body.challenge) return body;
      this.#challenge = body.challenge;
    }
    throw new BomaError("wire/replay", "each answer came from another master than the one before");
  }

  async #exchange(asked: ApiBody, answerMs: number, signal: AbortSignal): Promise<AnswerBody> {
    const { user, sign } = this.#operator;
    const nonce = newNonce();
    const frame = seal(ApiRequest, asked, { to: "master", key: sign, nonce });
    const subject = subjects.api(user.publicKey, asked.verb);
    const answer = this.#connection.request(subject, frame, { timeout: answerMs });
    const reply = await Promise.race([answer, broken(signal)]);
    const { body } = this.#openAnswer(reply.data);
    if (!sameBytes(body.nonce, nonce))
      throw new BomaError("wire/replay", "the master answered another request");
    return body;
  }

  /** A request that nobody hears may be lost without a word: so where masters may follow one another it is not made before one answers. */
  async #masterThere(): Promise<void> {
    const isClustered = this.#connection.info?.cluster !== undefined;
    const ms = this.#lookMs ?? (isClustered ? AWAY_MS_MAX : undefined);
    if (ms === undefined) return;
    const end = performance.now() + ms;
    while (!(await this.#keep(newSession(), PROBE_MS))) {
      if (performance.now() > end) throw unanswered(this.#operator.servers);
      await new Promise((resolve) => setTimeout(resolve, PROBE_MS));
    }
    this.#lookMs = undefined;
  }

  #openAnswer(data: Uint8Array): Opened<z.output<typeof ApiAnswer.body>> {
    const { manifest, frame } = splitManifest(data);
    this.#manifest = readManifest(manifest, this.#operator.root);
    return this.#open(ApiAnswer, frame);
  }

  #open<B extends z.ZodType>(kind: MessageKind<B>, frame: Uint8Array): Opened<z.output<B>> {
    const manifest = this.#manifest;
    const trusts = (sender: Uint8Array) => manifest !== undefined && speaksForMaster(manifest, sender);
    // An operator's laptop may have any clock: answers are bound to the request's nonce, feeds to its session.
    return open(kind, frame, { trusts, to: this.#operator.user.publicKey, now: null });
  }

  #listen(session: string, abort: AbortController): AsyncIterable<Uint8Array> {
    const parts = queueOf<Uint8Array>(abort.signal);
    const subscription = this.#connection.subscribe(subjects.feed(this.#operator.user.publicKey, session), {
      callback: (_error, message) => parts.push(message.data),
    });
    abort.signal.addEventListener("abort", () => subscription.unsubscribe(), { once: true });
    return parts;
  }

  async *#items(
    session: string,
    parts: AsyncIterable<Uint8Array>,
    abort: AbortController,
  ): AsyncGenerator<unknown> {
    const silence = setTimeout(() => abort.abort(new FeedBroken("the master went silent")), SILENCE_MS);
    const keep = setInterval(() => void this.#keep(session), KEEP_MS);
    try {
      let expected = 0;
      for await (const data of parts) {
        silence.refresh();
        const { part, items, end }: FeedBody = this.#open(FeedItem, data).body;
        if (part !== expected++) throw new FeedBroken("a part of the feed was lost");
        yield* items;
        if (end?.error) throw feedError(end.error);
        if (end) return;
      }
      throw abort.signal.reason instanceof FeedBroken
        ? abort.signal.reason
        : new FeedBroken("the feed ended early");
    } finally {
      clearTimeout(silence);
      clearInterval(keep);
      abort.abort();
    }
  }

  /** Whether a master answered. */
  async #keep(session: string, timeout = KEEP_ANSWER_MS): Promise<boolean> {
    const { user, sign } = this.#operator;
    const frame = seal(ApiRequest, { verb: "feed.keep", args: {}, session }, { to: "master", key: sign });
    const asked = this.#connection.request(subjects.api(user.publicKey, "feed.keep"), frame, { timeout });
    return asked.then(
      () => true,
      () => false,
    );
  }

  /** Credentials of the bus live a month; one that grows old is exchanged by the way. */
  async renew(path: string): Promise<void> {
    if (credentialEnd(this.#shown.credential) - Date.now() > RENEW_MS) return;
    const { credential } = await this.ask<{ credential: string }>("operator.renew");
    writeOperatorFile(path, { ...this.#operator, credential });
    this.#shown.credential = credential;
  }

  /** For whoever serves for months: its credential is exchanged by the way, and in the file. */
  keepRenewed(path: string, onError: (error: unknown) => void): void {
    const look = (): void => void this.renew(path).catch(onError);
    look();
    const again = setInterval(look, LOOK_MS).unref();
    void this.#connection.closed().then(() => clearInterval(again));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#break("the command is over");
    await this.#connection.close();
  }
}

const isRefusal = (error: Error): boolean =>
  error instanceof errors.AuthorizationError || error instanceof errors.UserAuthenticationExpiredError;

const broken = (signal: AbortSignal): Promise<never> =>
  new Promise((_, reject) => {
    signal.addEventListener("abort", () => reject(signal.reason as Error), { once: true });
  });

/** A master that lost the bus for a moment is as good as one that went away: the reader asks again where it stands. */
const feedError = (error: RemoteError): BomaError =>
  error.code === "bus/unreachable" ? new FeedBroken(error.message) : remoteError(error);

const remoteError = ({ code, message, hint }: RemoteError): BomaError =>
  new BomaError(isErrorCode(code) ? code : "internal", message, { hint });

const unanswered = (servers: readonly string[]): FeedBroken =>
  new FeedBroken(`the master at ${servers.join(", ")} did not answer in time`, UNANSWERED_MS);

function requestError(error: unknown, servers: readonly string[]): unknown {
  if (error instanceof BomaError) return error;
  if (error instanceof RequestError && error.isNoResponders())
    return new BomaError(
      "master/unreachable",
      `the bus at ${servers.join(", ")} answers, but no master does`,
      {
        cause: error,
      },
    );
  // The line to the bus may stay when a master goes, and another one follow it.
  if (error instanceof errors.TimeoutError || error instanceof RequestError) return unanswered(servers);
  return error;
}
