/**
 * One connection's life: subscribe, say hello, learn what is new, take the mail,
 * and answer the master's questions. Said anew after each reconnect.
 */
import {
  type Admission,
  asBomaError,
  type BomaError,
  MasterAsk,
  type MasterWelcomeBody,
  open,
  subjects,
} from "@boma/protocol";

import { receiveCall } from "./call.ts";
import type { Connection } from "./connection.ts";
import { messageOf } from "./files.ts";
import type { GrainsFeed } from "./grains-feed.ts";
import { type HelloFacts, type HelloPorts, sayHello } from "./hello.ts";
import type { Letters } from "./letters.ts";
import type { Log } from "./log.ts";
import { type MailboxPorts, readMailbox, receiveMail } from "./mailbox.ts";
import { rekey } from "./rekey.ts";
import { backoff, pause } from "./wait.ts";
import type { Ways } from "./ways.ts";

/** A stranger's messages must not make the agent ask the master at their pace. */
const LEARN_KEYS_MS = 1_000;
const REKEY_LOOK_MS = 200;
const REKEY_WAIT_MS = 60_000;

export interface SessionPorts
  extends Omit<HelloPorts, "bus">, Omit<MailboxPorts, "key" | "trust" | "time" | "listed"> {
  readonly connection: Connection;
  readonly feed: GrainsFeed;
  readonly letters: Letters;
  readonly log: Log;
  readonly random: () => number;
  readonly ways: Ways;
  readonly facts: Omit<HelloFacts, "grains" | "asked">;
  /** The node is known, its clock is right and its mail was read. */
  readonly onWelcome: (welcome: MasterWelcomeBody) => void;
}

export class Session {
  readonly #ports: SessionPorts;
  readonly #hello: HelloPorts;
  readonly #mail: MailboxPorts;
  readonly #ending = new AbortController();
  #greeting = false;
  #greetAgain = false;
  #asked: Uint8Array | undefined;
  #wake = new AbortController();
  #rekeying = false;
  #learningKeys = false;
  #keysLearned = Number.NEGATIVE_INFINITY;

  constructor(ports: SessionPorts) {
    this.#ports = ports;
    const { identity, ways, trust, time, journal, jobs, outbox } = ports;
    this.#hello = { bus: ports.connection.bus, identity, ways, trust, time };
    const refused = (error: BomaError, subject: string): void => this.#refuse(error, subject);
    // The subject's key stays the one that this connection was made with, also while keys change.
    const { key } = identity;
    this.#mail = { key: () => key, trust, time, journal, jobs, outbox, listed: undefined, refused };
  }

  start(): void {
    const { connection, outbox, time, log } = this.#ports;
    const key = this.#mail.key();
    outbox.attach(connection.bus);
    connection.bus.subscribe(subjects.mail(key), (data) => {
      // Before the first welcome the master's time is not known; that welcome is followed by a reading of the mailbox.
      if (time.known && !this.#ending.signal.aborted) receiveMail(data, this.#mail);
    });
    connection.bus.subscribe(subjects.call, (data) => {
      if (time.known && !this.#ending.signal.aborted) receiveCall(data, this.#mail);
    });
    connection.bus.subscribe(subjects.ask(key), (data) => {
      this.#answer(data).catch((thrown: unknown) =>
        log.warn({ error: messageOf(thrown) }, "a question was not answered"),
      );
    });
    this.greet();
  }

  /** Says hello until a master has heard it. Calls while one is under way lead to one more. */
  greet(): void {
    if (this.#ending.signal.aborted) return;
    this.#wake.abort();
    this.#greetAgain = true;
    if (this.#greeting) return;
    this.#greeting = true;
    void this.#greetUntilHeard();
  }

  async #greetUntilHeard(): Promise<void> {
    const { connection, log, random } = this.#ports;
    const { signal } = this.#ending;
    const waits = backoff({ firstMs: 1000, lastMs: 30_000, random });
    while (this.#greetAgain && !signal.aborted) {
      this.#greetAgain = false;
      const asked = this.#asked;
      this.#asked = undefined;
      try {
        await connection.bus.connected(signal);
        if (signal.aborted) return;
        await this.#welcomed(
          await sayHello(this.#hello, {
            ...this.#ports.facts,
            grains: this.#ports.feed.current.revision,
            asked,
          }),
        );
        waits.reset();
      } catch (thrown) {
        if (signal.aborted) break;
        log.warn({ error: messageOf(thrown) }, "the master did not answer the hello; asking again");
        this.#greetAgain = true;
        this.#asked ??= asked;
        this.#wake = new AbortController();
        await pause(waits.next(), AbortSignal.any([signal, this.#wake.signal]));
      }
    }
    this.#greeting = false;
  }

  async #welcomed(welcome: MasterWelcomeBody): Promise<void> {
    const { connection, identity, ways, feed, log, onWelcome } = this.#ports;
    const { id, assigned, assignedRevision, credential, servers } = welcome;
    if (welcome.elsewhere && credential !== undefined) {
      await identity.approve({ id, assigned, assignedRevision });
      return this.#goElsewhere({ credential, servers });
    }
    await identity.settle(ways.at);
    ways.takeNewest();
    await identity.approve({ id, assigned, assignedRevision, credential, servers });
    await identity.keepKnocking(welcome.knocking ?? []);
    if (welcome.duplicate)
      log.warn({ id }, "another live machine has this node's identity: the master holds work back from both");
    if (welcome.grains !== feed.current.revision) this.publishGrains();
    await readMailbox(connection.bus, this.#mail);
    onWelcome(welcome);
    if (welcome.rekey) void this.#rekeyWhenIdle();
  }

  /** With its keys and all that it has to tell: only the way there is another one. */
  async #goElsewhere(admission: Admission): Promise<void> {
    const { connection, identity, ways, log } = this.#ports;
    await identity.sendTo(admission);
    log.info({ servers: identity.servers }, "this node's bus is elsewhere from now on");
    ways.takeNewest();
    await connection.close();
  }

  publishGrains(): void {
    const { feed, letters, log, outbox } = this.#ports;
    try {
      outbox.sendGrains(letters.grains(feed.current));
    } catch (thrown) {
      log.error({ error: messageOf(thrown) }, "the grains cannot be sent");
    }
  }

  async #answer(data: Uint8Array): Promise<void> {
    const { trust, time, feed } = this.#ports;
    const to = this.#mail.key();
    try {
      const ask = open(MasterAsk, data, { trusts: trust.trusts, to, now: time.known ? time.now() : null });
      if (ask.body.question === "grains") {
        await feed.refresh();
        this.publishGrains();
        return;
      }
      this.#asked = ask.nonce;
      this.greet();
    } catch (thrown) {
      this.#refuse(asBomaError(thrown), subjects.ask(to));
    }
  }

  #refuse(error: BomaError, subject: string): void {
    this.#ports.refused(error, subject);
    if (error.code !== "wire/sender") return;
    void this.#learnKeys();
  }

  /** The master may have new keys: the next welcome brings the manifest, and the mailbox is read after it. */
  async #learnKeys(): Promise<void> {
    if (this.#learningKeys) return;
    this.#learningKeys = true;
    const { time } = this.#ports;
    await pause(this.#keysLearned + LEARN_KEYS_MS - time.steady(), this.#ending.signal);
    this.#learningKeys = false;
    this.#keysLearned = time.steady();
    this.greet();
  }

  /** Answers under way are signed with the old key, so they go first. */
  async #rekeyWhenIdle(): Promise<void> {
    const { connection, jobs, log, outbox, time } = this.#ports;
    const { signal } = this.#ending;
    if (this.#rekeying) return;
    this.#rekeying = true;
    try {
      const until = time.steady() + REKEY_WAIT_MS;
      while (!(jobs.isIdle && outbox.waiting === 0) && time.steady() < until)
        await pause(REKEY_LOOK_MS, signal);
      if (signal.aborted) return;
      await rekey(this.#hello);
      log.info({ fingerprint: this.#ports.identity.fingerprint }, "this node has new keys");
      await connection.close();
    } catch (thrown) {
      log.warn({ error: messageOf(thrown) }, "the keys were not changed; the next hello tries again");
    } finally {
      this.#rekeying = false;
    }
  }

  end(): void {
    this.#ending.abort();
  }
}
