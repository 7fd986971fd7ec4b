/**
 * Being the one master that works. It is taken when nobody leads, told to those who stand by, confirmed before anything
 * is written, and lost for good when somebody else has it: what this process holds in memory is then worth nothing.
 */
import { BomaError } from "@boma/protocol";
import { errors, type NatsConnection } from "nats";

import type { BusTrust, RevokedKeys } from "../bus/trust.ts";
import type { Logger } from "../log.ts";
import { type Store, WriteConflict } from "../store/store.ts";
import { beat, resign, untilSilent } from "./beats.ts";
import { shutOut } from "./fence.ts";
import { type FoundLead, type LeadRecord, readLead, writeLead } from "./lead-record.ts";
import { untilLevel } from "./level.ts";
import { standBy } from "./roster.ts";

/** For so long a master acts on what it knew; a new leader that could not shut the old one out waits longer. */
const FRESH_MS = 2_000;
const STALE_MS = 3_000;
const LOOK_MS = 1_000;
/** A server that restarts refuses everybody for a moment. */
const REFUSED_MS = 10_000;
const AGAIN_MS = 1_000;
/** Processes that are remembered as shut out. */
const FORMER_MAX = 64;

export interface LeadParts {
  /** One that reads the newest, and does not ask this lead before it writes. */
  readonly store: Store;
  readonly bus: NatsConnection;
  readonly system: NatsConnection;
  readonly trust: BusTrust;
  readonly me: { readonly home: string; readonly host: string; readonly users: readonly string[] };
  readonly log: Pick<Logger, "info" | "warn" | "error">;
}

export interface Waiting {
  /** Ends the wait without a lead. */
  readonly signal: AbortSignal;
  /** Called when somebody else leads, and again when it is another one. */
  readonly standsBy: (leader: LeadRecord) => void;
}

export type Leader = Pick<LeadRecord, "host" | "term" | "since">;

/** Resolves when this process leads, and with `undefined` when it was told to wait no longer. */
export async function takeLead(parts: LeadParts, { signal, standsBy }: Waiting): Promise<Lead | undefined> {
  const waiting = standBy(parts.bus, parts.me.host);
  try {
    return await untilLed(parts, { signal, standsBy });
  } finally {
    waiting.stop();
  }
}

async function untilLed(parts: LeadParts, { signal, standsBy }: Waiting): Promise<Lead | undefined> {
  let told: number | undefined;
  while (!signal.aborted)
    try {
      const found = await readLead(parts.store);
      const { lead } = found;
      if (lead && lead.home !== parts.me.home) {
        if (lead.term !== told) standsBy(lead);
        told = lead.term;
        await untilSilent(parts.bus, signal);
        if (signal.aborted || (await readLead(parts.store)).lead?.term !== lead.term) continue;
      }
      return await begin(parts, found);
    } catch (thrown) {
      // Somebody was quicker, or the bus has no majority.
      if (!(thrown instanceof WriteConflict)) {
        if (told === undefined) throw thrown;
        parts.log.warn({ error: String(thrown) }, "the lead cannot be taken now");
      }
      await new Promise((resolve) => setTimeout(resolve, AGAIN_MS));
    }
  return undefined;
}

async function begin(parts: LeadParts, { lead: before, sequence }: FoundLead): Promise<Lead> {
  const { store, system, trust, me, log } = parts;
  const now = Date.now();
  const record: LeadRecord = {
    term: (before?.term ?? 0) + 1,
    ...me,
    users: [...me.users],
    since: now,
    former: formerOf(before, now),
  };
  const written = await writeLead(store, record, sequence);
  const lead = new Lead(parts, record, before);
  if (before) {
    const isShutOut = await shutOut(system, trust, record.former);
    if (!isShutOut) await new Promise((resolve) => setTimeout(resolve, STALE_MS));
    await untilLevel(store.api, log);
  }
  log.info({ term: record.term, sequence: written, after: before?.host }, "this master leads");
  return lead;
}

function formerOf(before: LeadRecord | undefined, now: number): Record<string, number> {
  if (!before) return {};
  const former = [...Object.entries(before.former), ...before.users.map((user) => [user, now] as const)];
  return Object.fromEntries(former.slice(-FORMER_MAX));
}

export class Lead {
  /** The master on another home that led before this one. */
  readonly succeeds: LeadRecord | undefined;
  readonly #parts: LeadParts;
  readonly #record: LeadRecord;
  readonly #beats: { stop(): void };
  readonly #looking: NodeJS.Timeout;
  readonly #lost = Promise.withResolvers<BomaError>();
  #loss: BomaError | undefined;
  #confirmedAt = performance.now();
  #confirming: Promise<void> | undefined;
  #refusedAt: number | undefined;

  constructor(parts: LeadParts, record: LeadRecord, before: LeadRecord | undefined) {
    this.#parts = parts;
    this.#record = record;
    this.succeeds = before?.home === record.home ? undefined : before;
    this.#beats = beat(parts.bus);
    this.#looking = setInterval(() => void this.#look(), LOOK_MS).unref();
    void this.#watchLine();
  }

  get term(): number {
    return this.#record.term;
  }

  /** For people. */
  get leader(): Leader {
    const { host, term, since } = this.#record;
    return { host, term, since };
  }

  /** Users of masters before this one. */
  get former(): RevokedKeys {
    return this.#record.former;
  }

  /** Resolves when somebody else leads. */
  get lost(): Promise<BomaError> {
    return this.#lost.promise;
  }

  /** Before each write: resolves while this master leads, and throws when it does not. */
  async confirmed(): Promise<void> {
    if (this.#loss) throw this.#loss;
    if (performance.now() - this.#confirmedAt < FRESH_MS) return;
    await (this.#confirming ??= this.#confirm().finally(() => (this.#confirming = undefined)));
  }

  async #confirm(): Promise<void> {
    const { askedAt, lead } = await this.#read();
    if (lead?.term === this.#record.term && lead.home === this.#record.home) {
      this.#confirmedAt = askedAt;
      this.#refusedAt = undefined;
    } else
      throw this.#lose(
        lead
          ? `the master on ${lead.host} leads now, in term ${lead.term}`
          : "the bus does not know who leads",
      );
  }

  /** What was asked of a server that is gone is asked of the one that is there: every write waits for this answer. */
  async #read(): Promise<FoundLead & { readonly askedAt: number }> {
    const { store } = this.#parts;
    for (;;) {
      const [askedAt, { line }] = [performance.now(), store];
      try {
        return { askedAt, ...(await readLead(store)) };
      } catch (thrown) {
        if (line === store.line) throw thrown;
      }
    }
  }

  #lose(why: string): BomaError {
    this.#loss ??= new BomaError("lead/lost", why);
    this.#parts.log.error({ term: this.#record.term }, why);
    this.stop();
    this.#lost.resolve(this.#loss);
    return this.#loss;
  }

  async #look(): Promise<void> {
    await this.#confirming?.catch(() => undefined);
    if (this.#loss) return;
    this.#confirming ??= this.#confirm().finally(() => (this.#confirming = undefined));
    // A bus that does not answer is no other leader.
    await this.#confirming.catch(() => undefined);
  }

  /** Whoever leads now has it shut out: then nobody answers who could tell. */
  async #watchLine(): Promise<void> {
    for await (const status of this.#parts.bus.status()) {
      if (status.type !== "error" || !(status.error instanceof errors.AuthorizationError)) continue;
      this.#refusedAt ??= performance.now();
      if (!this.#loss && performance.now() - this.#refusedAt > REFUSED_MS)
        this.#lose("the bus refuses this master, as it does when another one leads");
    }
  }

  /** Whoever stands by takes over at once. */
  resign(): void {
    this.stop();
    if (!this.#parts.bus.isClosed()) resign(this.#parts.bus);
  }

  stop(): void {
    this.#beats.stop();
    clearInterval(this.#looking);
  }
}
