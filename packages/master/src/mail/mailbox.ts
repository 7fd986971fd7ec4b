/**
 * The mailbox of one node: all its unfinished jobs in one signed message, which
 * the next one replaces. What is stored is the truth; this is its writer.
 */
import {
  type Address,
  addressesOf,
  BomaError,
  type JobOrder,
  Mailbox as MailboxMessage,
  type MailboxBody,
  MAILBOX_JOBS_MAX,
  open,
  readAddress,
  seal,
  subjects,
} from "@boma/protocol";

import { isOurs, type Keyring } from "../keyring.ts";
import { type Store, STREAM, WriteConflict } from "../store/store.ts";

/** Snapshots stay readable for as long as the stream keeps them; each order has an expiry of its own. */
const SNAPSHOT_MS = 8 * 24 * 3_600_000;
/**
 * Jobs that ended are taken out later, or with the next job: a snapshot without
 * them is signed, stored and verified like any other, and its reader knows that
 * they are done.
 */
const TIDY_MS = 30_000;
const CANCELLED_KEPT = 32;

export class Mailbox {
  readonly #key: string;
  #address: string;
  readonly #store: Store;
  readonly #keyring: () => Keyring;
  readonly #refused: Refused;
  #loaded: Promise<void> | undefined;
  #number = 0;
  #sequence = 0;
  #orders = new Map<string, JobOrder>();
  #cancelled: string[] = [];
  #writing: Promise<void> | undefined;
  #again: Promise<void> | undefined;
  #tidy: NodeJS.Timeout | undefined;

  constructor(
    { key, address }: { readonly key: string; readonly address: string },
    store: Store,
    trust: { keyring: () => Keyring; refused: Refused },
  ) {
    this.#key = key;
    this.#address = address;
    this.#store = store;
    this.#keyring = trust.keyring;
    this.#refused = trust.refused;
  }

  /** Puts a job in; `false` when the box is full. Resolves when the bus has it. */
  async add(order: JobOrder): Promise<boolean> {
    await this.#load();
    this.#dropExpired();
    if (this.#orders.size >= MAILBOX_JOBS_MAX) return false;
    this.#orders.set(order.job, order);
    await this.#write();
    return true;
  }

  /** Whether the node may have taken this job already, or may at any moment. */
  async holds(job: string): Promise<boolean> {
    await this.#load();
    this.#dropExpired();
    return this.#orders.has(job);
  }

  /** Takes out a job that ended, in a while. */
  remove(job: string): void {
    if (!this.#orders.delete(job)) return;
    this.#tidy ??= setTimeout(
      () => {
        this.#tidy = undefined;
        void this.#write().catch(() => undefined); // The next write of this box carries it as well.
      },
      TIDY_MS * (0.5 + Math.random()),
    ).unref();
  }

  async cancel(job: string): Promise<void> {
    await this.#load();
    if (!this.#orders.delete(job) && this.#cancelled.includes(job)) return;
    this.#cancelled = [...this.#cancelled.filter((other) => other !== job), job].slice(-CANCELLED_KEPT);
    await this.#write();
  }

  /** The working key has changed: what lies there is signed anew. */
  async resign(): Promise<void> {
    await this.#load();
    if (this.#orders.size > 0 || this.#cancelled.length > 0) await this.#write();
  }

  /** Its node is reached elsewhere from now on. What lay there before stays readable until it lies here. */
  async moveTo(address: string): Promise<void> {
    await this.#load();
    const before = this.#address;
    if (before === address) return;
    this.#address = address;
    this.#sequence = 0;
    await this.#write();
    await this.#store.purge(STREAM.mailbox, subjects.mail(before));
  }

  /** Writes that come while one is under way share the next one. */
  #write(): Promise<void> {
    if (!this.#writing) {
      this.#writing = this.#publish().finally(() => (this.#writing = undefined));
      return this.#writing;
    }
    this.#again ??= this.#writing
      .catch(() => undefined)
      .then(() => {
        this.#again = undefined;
        return this.#write();
      });
    return this.#again;
  }

  get #subject(): string {
    return subjects.mail(this.#address);
  }

  async #publish(): Promise<void> {
    clearTimeout(this.#tidy);
    this.#tidy = undefined;
    for (let attempt = 1; ; attempt++) {
      const now = Date.now();
      // Numbered by time: when a snapshot has aged away, nodes still know its number, and the next must be higher.
      this.#number = Math.max(this.#number + 1, now);
      const body = { number: this.#number, jobs: [...this.#orders.values()], cancelled: this.#cancelled };
      const frame = seal(MailboxMessage, body, {
        to: this.#key,
        key: this.#keyring().sign,
        now,
        expires: now + SNAPSHOT_MS,
      });
      try {
        this.#sequence = await this.#store.put(this.#subject, frame, { after: this.#sequence });
        return;
      } catch (thrown) {
        if (!(thrown instanceof WriteConflict) || attempt === 3) throw thrown;
        await this.#merge();
      }
    }
  }

  #load(): Promise<void> {
    this.#loaded ??= this.#merge().catch((error: unknown) => {
      this.#loaded = undefined;
      throw error;
    });
    return this.#loaded;
  }

  /** Takes over what is stored; what this writer has and the store has not stays in. */
  async #merge(): Promise<void> {
    const stored = await this.#store.last(STREAM.mailbox, this.#subject);
    if (!stored) return;
    this.#sequence = stored.sequence;
    const body = this.#readOurs(stored.data);
    if (!body) return;
    this.#number = Math.max(this.#number, body.number);
    for (const order of body.jobs)
      if (!this.#cancelled.includes(order.job)) this.#orders.set(order.job, order);
    this.#cancelled = [...new Set([...body.cancelled, ...this.#cancelled])].slice(-CANCELLED_KEPT);
    this.#dropExpired();
  }

  /** What we sign next contains what we read here: a snapshot that is not ours is told of, and written over. */
  #readOurs(data: Uint8Array): MailboxBody | undefined {
    try {
      const trusts = (sender: Uint8Array) => isOurs(this.#keyring(), sender);
      return open(MailboxMessage, data, { trusts, to: this.#key, now: null }).body;
    } catch (error) {
      if (!(error instanceof BomaError)) throw error;
      this.#refused(this.#subject, error);
      return undefined;
    }
  }

  #dropExpired(): void {
    const now = Date.now();
    for (const [job, order] of this.#orders)
      if (order.expiresAt + order.timeoutMs < now) this.#orders.delete(job);
  }
}

type Refused = (subject: string, error: unknown) => void;

/** The mailboxes of all nodes, made when first needed. */
export class Mailboxes {
  readonly #boxes = new Map<string, Mailbox>();
  readonly #store: Store;
  readonly #trust: { keyring: () => Keyring; refused: Refused };
  readonly #addressOf: (key: string) => string;

  constructor(
    store: Store,
    trust: { keyring: () => Keyring; refused: Refused },
    addressOf: (key: string) => string,
  ) {
    this.#store = store;
    this.#trust = trust;
    this.#addressOf = addressOf;
  }

  of(key: string): Mailbox {
    return this.#boxes.get(key) ?? this.#open(key, this.#addressOf(key));
  }

  #open(key: string, address: string): Mailbox {
    const box = new Mailbox({ key, address }, this.#store, this.#trust);
    this.#boxes.set(key, box);
    return box;
  }

  /** Every one that holds something, with the address at which it lies. What names no node is nobody's. */
  async addresses(): Promise<readonly Address[]> {
    const filters = addressesOf("*").map((address) => subjects.mail(address));
    const held = await Promise.all(filters.map((filter) => this.#store.subjects(STREAM.mailbox, filter)));
    return held.flat().flatMap((subject) => readAddress(subject) ?? []);
  }

  /** Brings it from where it lies to where its node is reached. */
  async move(key: string, from: string): Promise<void> {
    const box = this.#boxes.get(key) ?? this.#open(key, from);
    await box.moveTo(this.#addressOf(key));
  }

  async forget(key: string): Promise<void> {
    this.#boxes.delete(key);
    const filters = addressesOf(key).map((address) => subjects.mail(address));
    await Promise.all(filters.map((filter) => this.#store.purge(STREAM.mailbox, filter)));
  }

  /** After a rotation of the working key: every stored snapshot is signed with the new one. */
  async resignAll(keys: Iterable<string>): Promise<void> {
    for (const key of keys) await this.of(key).resign();
  }
}
