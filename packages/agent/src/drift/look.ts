/** One look at the node: what differs, what to say of it, and what to put right. One at a time. */
import { asBomaError, type EventData, type NodeEventBody } from "@boma/protocol";
import { type DriftLook, type DriftSettings, type Stage, withFollowers } from "@boma/states/core";

import type { MasterTime } from "../clock.ts";
import { messageOf } from "../files.ts";
import type { Log } from "../log.ts";
import type { NodeStates } from "../states/node-states.ts";
import type { CatalogCache } from "./catalog-cache.ts";
import type { DriftBook } from "./drift-book.ts";
import { type Finding, findingsOf } from "./findings.ts";
import { countRevert, forgetOthers, judge, type Looked, type Verdict } from "./judge.ts";
import { type KeptNode, openKept, runKept } from "./kept-node.ts";
import { durationsOf } from "./settings.ts";
import { claimsIn } from "./watches.ts";
import { attribute, type Attribution, type Witnesses } from "./who.ts";

export interface LookPorts {
  readonly cache: CatalogCache;
  readonly book: DriftBook;
  readonly states: Pick<NodeStates, "runnerOfKept" | "statesOf" | "holders" | "applies">;
  readonly settings: () => DriftSettings;
  /** Stages that were stopped on purpose: what belongs to them is left alone. */
  readonly held: () => Promise<ReadonlySet<Stage>>;
  readonly tell: (event: NodeEventBody) => void;
  readonly time: MasterTime;
  readonly log: Log;
  readonly witnesses: (signal: AbortSignal) => Witnesses;
  /** Throws where this node changes nothing by itself: its policy, a damaged journal. */
  readonly mayEnforce: () => void;
}

export interface LookRequest {
  readonly trigger: EventData<"drift.found">["trigger"];
  /** The whole catalog where not said. */
  readonly ids?: readonly string[] | undefined;
  readonly enforce: boolean;
  readonly signal: AbortSignal;
}

export interface LookResult extends DriftLook {
  /** Something is left to be told or to be put right. */
  readonly again: boolean;
}

const COMMENT_LENGTH_MAX = 2000;
/** What one look tells and returns at the most; the next one goes on. */
const FOUND_MAX = 200;
const RETURNED_MAX = 100;
const ATTRIBUTED_MAX = 20;
const TOLD_AGAIN_MS = 24 * 3_600_000;
/** For troubles that are no declaration's. */
const CATALOG = "catalog";

export class Looks {
  readonly #ports: LookPorts;
  /** How many applies there had been when each was last seen to differ. */
  readonly #seen = new Map<string, number>();

  constructor(ports: LookPorts) {
    this.#ports = ports;
  }

  /** `undefined` where this node keeps no catalog. Throws what keeps it from looking, and tells that once. */
  async open(signal: AbortSignal): Promise<KeptNode | undefined> {
    const { cache, states, settings, time, book, held } = this.#ports;
    try {
      const now = time.known ? time.now() : undefined;
      return await openKept({ cache, states, settings: settings(), now, held: await held(), signal });
    } catch (thrown) {
      if (signal.aborted) throw thrown;
      const { message } = asBomaError(thrown);
      if (book.facts.failing[CATALOG] !== message) this.#tellFailed(CATALOG, "", message);
      await this.#save();
      throw thrown;
    }
  }

  async look(request: LookRequest): Promise<LookResult | undefined> {
    const { book, states, time } = this.#ports;
    const began = time.steady();
    const node = await this.open(request.signal);
    if (!node) return undefined;
    this.#forget(node);
    const applies = states.applies;
    const looked = await this.#looked(node, request);
    const verdict = judge(book.facts, looked, (id) =>
      applies === (this.#seen.get(id) ?? 0) ? "somebody" : "job",
    );
    for (const { id, finding } of looked) if (finding.kind === "drift") this.#seen.set(id, applies);
    for (const { id, finding } of looked) if (finding.kind === "good") delete book.facts.failing[id];
    await this.#tellVerdict(node, verdict, request);
    const enforced = await this.#enforceAll(node, { verdict, looked, request });
    const ms = Math.round(time.steady() - began);
    if (!request.ids) this.#checked(node, looked, { enforced: enforced.done, ms });
    await this.#save();
    const again = verdict.found.length > FOUND_MAX || enforced.again;
    return { ...resultOf(node, looked, ms), again };
  }

  /** What another catalog made of what is known. */
  #forget({ entries, hash }: KeptNode): void {
    const digests = new Map([...entries].map(([id, { digest }]) => [id, digest]));
    for (const { id, by, since } of forgetOthers(this.#ports.book.facts, digests))
      this.#tellHealed(id, hash, { by, since });
  }

  async #looked(node: KeptNode, { ids, signal, trigger }: LookRequest): Promise<readonly Looked[]> {
    const wanted = new Set(ids ?? node.entries.keys());
    for (const [id, { mode }] of node.entries) if (mode === "hands-off") wanted.delete(id);
    const isWhole = wanted.size === node.entries.size;
    const results = await runKept(node, "plan", {
      ids: isWhole ? undefined : wanted,
      states: this.#ports.states,
      signal,
      givesWay: trigger !== "asked",
    });
    signal.throwIfAborted();
    const findings = findingsOf(results, node.kept.parcel.catalog, node.states);
    return [...findings].map(([id, finding]): Looked => {
      const { digest, mode, mayEnforce } = node.entries.get(id)!;
      return { id, entry: digest, mode, mayEnforce, finding };
    });
  }

  async #tellVerdict(node: KeptNode, verdict: Verdict, { trigger, signal }: LookRequest): Promise<void> {
    const { facts } = this.#ports.book;
    const { hash, mask } = node;
    for (const { id, by, since } of verdict.healed) {
      this.#tellHealed(id, hash, { by, since });
      delete facts.drifting[id];
    }
    for (const { id, comment } of verdict.failed) this.#tellFailed(id, hash, comment);
    for (const [index, one] of verdict.found.slice(0, FOUND_MAX).entries()) {
      const { id, entry, mode, finding } = one;
      const known = facts.drifting[id];
      const found =
        index < ATTRIBUTED_MAX ? await this.#attribute(node, id, signal) : this.#unattributed(node);
      const since = known && known.entry === entry ? known.since : found.since;
      const who = found.who.map((name) => mask.text(name).slice(0, COMMENT_LENGTH_MAX));
      this.#ports.tell({
        kind: "drift.found",
        data: {
          resource: id,
          catalog: hash,
          mode,
          changes: finding.changes,
          comment: finding.comment.slice(0, COMMENT_LENGTH_MAX),
          since,
          sinceBy: found.sinceBy,
          who,
          trigger,
        },
      });
      facts.drifting[id] = { digest: finding.digest, entry, mode, since, who };
      delete facts.failing[id];
    }
  }

  /** The machine's clock may be another than the master's: files and journals know the former only. */
  async #attribute(node: KeptNode, id: string, signal: AbortSignal): Promise<Attribution> {
    const { time, witnesses } = this.#ports;
    const { entry, spec } = node.entries.get(id)!;
    const offset = time.offsetMs;
    const { since: goodAt } = this.#unattributed(node);
    const change = {
      claims: claimsIn(spec, entry.params),
      goodAt: goodAt - offset,
      now: time.now() - offset,
    };
    try {
      const { since, ...found } = await attribute(change, witnesses(signal));
      return { ...found, since: Math.round(since + offset) };
    } catch {
      return this.#unattributed(node);
    }
  }

  #unattributed({ kept }: KeptNode): Attribution {
    const since = Math.max(this.#ports.book.facts.lookedAt ?? 0, kept.origin.at);
    return { since, sinceBy: "look", who: [] };
  }

  /** What is meant to be put right, and what an earlier process began to. */
  async #enforceAll(
    node: KeptNode,
    { verdict, looked, request }: Enforcing,
  ): Promise<{ readonly done: number; readonly again: boolean }> {
    const { book, states, mayEnforce } = this.#ports;
    const nothing = { done: 0, again: false };
    if (!request.enforce || node.kept.unfinished) return nothing;
    const begun = book.facts.enforcing.filter(
      (id) => node.entries.get(id)?.mayEnforce && !book.facts.stopped[id],
    );
    const ids = new Set([...verdict.enforce, ...begun]);
    if (ids.size === 0) return nothing;
    // Whoever waits for the node goes first, and may well put it right.
    if (states.holders.length > 0) return { done: 0, again: true };
    try {
      mayEnforce();
      book.facts.enforcing = [...ids];
      await book.save();
      return { done: await this.#enforce(node, ids, { begun, looked, request }), again: false };
    } catch (thrown) {
      if (request.signal.aborted) throw thrown;
      // A job came first with another catalog: what that leaves is for the next look.
      if (asBomaError(thrown).code === "drift/catalog") return { done: 0, again: true };
      for (const id of ids) this.#failedOnce(id, node.hash, messageOf(thrown));
      return nothing;
    }
  }

  async #enforce(
    node: KeptNode,
    ids: ReadonlySet<string>,
    { begun, request }: Omit<Enforcing, "verdict"> & { readonly begun: readonly string[] },
  ): Promise<number> {
    const { book, states } = this.#ports;
    const { facts } = book;
    const part = withFollowers(node.kept.parcel.catalog, ids);
    const results = await runKept(node, "apply", { ids: part, states, signal: request.signal });
    request.signal.throwIfAborted();
    facts.enforcing = [];
    let done = 0;
    for (const { id, result, comment, error } of results) {
      if (!ids.has(id)) continue;
      if (result !== "changed" && result !== "ok") {
        this.#failedOnce(id, node.hash, error?.message ?? comment);
        continue;
      }
      const isOurs = result === "changed" || begun.includes(id);
      const known = facts.drifting[id];
      const { since, who } = known ?? { since: this.#ports.time.now(), who: [] };
      delete facts.drifting[id];
      delete facts.failing[id];
      // What an earlier process had done already was found good, and told, before this run.
      if (known || result === "changed")
        this.#tellHealed(id, node.hash, { by: isOurs ? "boma" : "somebody", since });
      if (!isOurs) continue;
      done += 1;
      this.#count(node, id, who);
    }
    return done;
  }

  /** The loop breaker. */
  #count({ entries, hash }: KeptNode, id: string, who: readonly string[]): void {
    const { book, settings, tell, time, log } = this.#ports;
    const { reverts } = settings();
    const { withinMs } = durationsOf(settings());
    const entry = entries.get(id)!.digest;
    const loop = countRevert(book.facts, { id, entry, who }, { now: time.now(), reverts, withinMs });
    if (!loop) return;
    log.warn({ resource: id, reverts: loop.reverts }, "somebody keeps undoing this: it is left alone");
    tell({
      kind: "drift.loop",
      data: { resource: id, catalog: hash, reverts: loop.reverts, withinMs, who: loop.who.slice(0, 10) },
    });
  }

  /** Told when it ended otherwise than the one before, and once a day. */
  #checked(
    { hash }: KeptNode,
    looked: readonly Looked[],
    { enforced, ms }: { enforced: number; ms: number },
  ): void {
    const { book, tell, time } = this.#ports;
    const { facts } = book;
    const now = time.now();
    const of = (kind: Finding["kind"]): Looked[] => looked.filter(({ finding }) => finding.kind === kind);
    facts.lookedAt = now;
    const drifted = Object.keys(facts.drifting).length;
    const failed = of("failed").length;
    const outcome = `${hash} ${drifted} ${failed} ${enforced}`;
    if (facts.told?.outcome === outcome && Math.abs(now - facts.told.at) < TOLD_AGAIN_MS) return;
    tell({
      kind: "drift.checked",
      data: { catalog: hash, checked: looked.length, drifted, failed, ms, enforced },
    });
    facts.told = { outcome, at: now };
  }

  #tellHealed(
    id: string,
    catalog: string,
    { by, since }: Pick<EventData<"drift.healed">, "by" | "since">,
  ): void {
    this.#ports.tell({ kind: "drift.healed", data: { resource: id, catalog, by, since } });
  }

  #failedOnce(id: string, catalog: string, comment: string): void {
    if (this.#ports.book.facts.failing[id] !== comment) this.#tellFailed(id, catalog, comment);
  }

  #tellFailed(id: string, catalog: string, comment: string): void {
    const { book, tell, log } = this.#ports;
    log.warn({ resource: id, error: comment }, "drift: this cannot be looked at, or not be put right");
    tell({
      kind: "drift.failed",
      data: { resource: id, catalog, comment: comment.slice(0, COMMENT_LENGTH_MAX) },
    });
    book.facts.failing[id] = comment;
  }

  /** What cannot be written is known until the agent stops; then it is told again. */
  async #save(): Promise<void> {
    try {
      await this.#ports.book.save();
    } catch (thrown) {
      this.#ports.log.error({ error: messageOf(thrown) }, "what is known of drift cannot be kept");
    }
  }
}

interface Enforcing {
  readonly verdict: Verdict;
  readonly looked: readonly Looked[];
  readonly request: LookRequest;
}

function resultOf({ hash }: KeptNode, looked: readonly Looked[], ms: number): DriftLook {
  const drifted = looked.flatMap(({ id, finding }) =>
    finding.kind === "drift"
      ? [{ resource: id, comment: finding.comment, changes: { ...finding.changes } }]
      : [],
  );
  const failed = looked.flatMap(({ id, finding }) =>
    finding.kind === "failed" ? [{ resource: id, comment: finding.comment }] : [],
  );
  const more = Math.max(0, drifted.length - RETURNED_MAX) + Math.max(0, failed.length - RETURNED_MAX);
  return {
    catalog: hash,
    checked: looked.length,
    drifted: drifted.slice(0, RETURNED_MAX),
    failed: failed.slice(0, RETURNED_MAX),
    more,
    ms,
  };
}
