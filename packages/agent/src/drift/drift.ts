/**
 * When a node looks after its own catalog: on its schedule, soon after something
 * that the catalog owns was touched, and when somebody asks. Never beside a run.
 */
import { BomaError, closest } from "@boma/protocol";
import { catalogHash, type DriftLook, type DriftPort, type DriftStatus } from "@boma/states/core";

import type { DutyBook } from "../duties/duty-book.ts";
import { messageOf } from "../files.ts";
import { GaveWay } from "./kept-node.ts";
import { type LookPorts, type LookRequest, type LookResult, Looks } from "./look.ts";
import { durationsOf } from "./settings.ts";
import { type DriftSources, noWatches, ownedBy, type Watches, watchOwned } from "./watches.ts";

export interface DriftOptions extends LookPorts {
  readonly duties: Pick<DutyBook, "listen">;
  readonly random: () => number;
  /** Where the machine's files begin. */
  readonly root: string;
  /** What tells of changes; without it only the schedule does. */
  readonly sources?: DriftSources | undefined;
}

/** Whoever replaces a file often touches it several times. */
const SETTLE_MS = 1_500;
/** What goes on being touched is looked at all the same. */
const SETTLE_MS_MAX = 10_000;
const AGAIN_MS = 60_000;
/** After a start, with a catalog that an enforcement did not finish. */
const SOON_MS = 2_000;
/** More than these at once, and the whole catalog is looked at. */
const TOUCHED_MAX = 500;
const LOOK_MS_MAX = 10 * 60_000;
/** A node that never looked does so within this time after its first apply. */
const FIRST_MS = 30_000;

export class Drift implements DriftPort {
  readonly #options: DriftOptions;
  readonly #looks: Looks;
  readonly #ending = new AbortController();
  readonly #touched = new Set<string>();
  readonly #listening: (() => void)[] = [];
  #turn: Promise<unknown> = Promise.resolve();
  #schedule: NodeJS.Timeout | undefined;
  #settling: NodeJS.Timeout | undefined;
  #touchedSince: number | undefined;
  #watches: Watches = noWatches;

  constructor(options: DriftOptions) {
    this.#options = options;
    this.#looks = new Looks(options);
  }

  start(): void {
    const { book, cache, duties, log, tell, settings, random } = this.#options;
    if (book.problem !== undefined) {
      log.error({ problem: book.problem }, "what was known of drift is lost: it is told anew");
      tell({ kind: "drift.failed", data: { resource: "catalog", catalog: "", comment: book.problem } });
    }
    this.#listening.push(
      cache.listen(() => {
        this.#rewatch();
        // What was applied was checked by its own run: only what was told before may be so again.
        this.#touch(Object.keys(book.facts.drifting));
        // Soon somebody wants to know how nodes are that were just applied; but not all of a fleet in one second.
        if (book.facts.lookedAt === null) this.#plan(random() * FIRST_MS);
      }),
      duties.listen(() => {
        this.#plan(this.#pauseMs());
        this.#rewatch();
      }),
    );
    this.#rewatch();
    const { everyMs, splayMs } = durationsOf(settings());
    this.#plan(book.facts.enforcing.length > 0 ? SOON_MS : random() * Math.min(everyMs, splayMs));
  }

  async stop(): Promise<void> {
    this.#ending.abort(new BomaError("job/refused", "the agent stops"));
    for (const forget of this.#listening.splice(0)) forget();
    clearTimeout(this.#schedule);
    clearTimeout(this.#settling);
    this.#watches.stop();
    await this.#turn;
  }

  async look(ids: readonly string[] | undefined, signal: AbortSignal): Promise<DriftLook> {
    if (ids) await this.#assertKnown(ids, signal);
    const result = await this.#look({ trigger: "asked", ids, enforce: false, signal });
    if (!result) throw noCatalog();
    const { again: _, ...look } = result;
    return look;
  }

  async reset(ids: readonly string[] | undefined): Promise<readonly string[]> {
    const { facts } = this.#options.book;
    const resumed = (ids ?? Object.keys(facts.stopped)).filter((id) => facts.stopped[id]);
    await this.#inTurn(async () => {
      for (const id of resumed) {
        delete facts.stopped[id];
        delete facts.reverts[id];
      }
      if (resumed.length > 0) await this.#options.book.save();
    });
    this.#touch(resumed);
    return resumed;
  }

  async status(): Promise<DriftStatus> {
    const { book, cache, settings } = this.#options;
    const { facts } = book;
    let problem: string | null = null;
    const kept = await cache.load().catch((thrown: unknown) => void (problem = messageOf(thrown)));
    const catalog = kept?.parcel.catalog;
    return {
      catalog:
        kept && catalog
          ? {
              hash: catalogHash(catalog),
              ...kept.origin,
              declarations: catalog.entries.length,
              unfinished: kept.unfinished,
            }
          : null,
      problem,
      settings: settings(),
      lookedAt: facts.lookedAt,
      drifted: Object.entries(facts.drifting).map(([resource, { mode, since, who }]) => ({
        resource,
        mode,
        since,
        who: [...who],
        adopted: mode === "adopt",
      })),
      failed: Object.entries(facts.failing).map(([resource, comment]) => ({ resource, comment })),
      stopped: Object.entries(facts.stopped).map(([resource, { reverts, at }]) => ({
        resource,
        reverts,
        at,
      })),
      watched: this.#watches.watched,
      unwatched: this.#watches.unwatched,
    };
  }

  async #assertKnown(ids: readonly string[], signal: AbortSignal): Promise<void> {
    const node = await this.#looks.open(signal);
    if (!node) throw noCatalog();
    const missing = ids.find((id) => !node.entries.has(id));
    if (missing === undefined) return;
    const near = closest(missing, node.entries.keys());
    throw new BomaError("state/reference", `${missing} is not in the catalog that this node keeps`, {
      hint: near === undefined ? "A resource is written `state(key)`." : `Did you mean \`${near}\`?`,
    });
  }

  /** Looks one after the other, each within its time and within the life of the agent. */
  #look(request: LookRequest): Promise<LookResult | undefined> {
    const signal = AbortSignal.any([request.signal, this.#ending.signal, AbortSignal.timeout(LOOK_MS_MAX)]);
    return this.#inTurn(() => this.#looks.look({ ...request, signal }));
  }

  #inTurn<T>(act: () => Promise<T>): Promise<T> {
    const mine = this.#turn.then(act);
    this.#turn = mine.catch(() => undefined);
    return mine;
  }

  /** By itself: whatever goes wrong was told, and the next look is planned. */
  async #lookByItself(trigger: LookRequest["trigger"], ids?: readonly string[]): Promise<void> {
    const { signal } = this.#ending;
    try {
      const result = await this.#look({ trigger, ids, enforce: true, signal });
      if (result?.again && !signal.aborted) this.#plan(AGAIN_MS);
    } catch (thrown) {
      if (signal.aborted) return;
      if (thrown instanceof GaveWay) this.#plan(AGAIN_MS);
      else this.#options.log.warn({ error: messageOf(thrown) }, "a look at drift ended early");
    }
  }

  #plan(ms: number): void {
    clearTimeout(this.#schedule);
    if (this.#ending.signal.aborted) return;
    this.#schedule = setTimeout(() => {
      // Planned first: what the look itself plans is sooner.
      this.#plan(this.#pauseMs());
      if (this.#options.states.holders.length > 0) return this.#plan(AGAIN_MS);
      void this.#lookByItself("schedule");
    }, ms).unref();
  }

  #pauseMs(): number {
    const { everyMs, splayMs } = durationsOf(this.#options.settings());
    return everyMs + this.#options.random() * splayMs;
  }

  #touch(ids: readonly string[]): void {
    if (ids.length === 0 || this.#ending.signal.aborted) return;
    for (const id of ids) this.#touched.add(id);
    const now = this.#options.time.steady();
    this.#touchedSince ??= now;
    if (this.#settling && now - this.#touchedSince > SETTLE_MS_MAX) return;
    clearTimeout(this.#settling);
    this.#settling = setTimeout(() => this.#settled(), SETTLE_MS).unref();
  }

  /** What a run of states does itself is no drift: it is waited for, and then looked at as it left it. */
  #settled(): void {
    this.#settling = undefined;
    if (this.#options.states.holders.length > 0) {
      this.#settling = setTimeout(() => this.#settled(), SETTLE_MS).unref();
      return;
    }
    const ids = [...this.#touched];
    this.#touched.clear();
    this.#touchedSince = undefined;
    void this.#lookByItself("beacon", ids.length > TOUCHED_MAX ? undefined : ids);
  }

  /** Listens at what the catalog owns now. */
  #rewatch(): void {
    void this.#inTurn(() => this.#watchAnew()).catch(() => undefined);
  }

  async #watchAnew(): Promise<void> {
    const { cache, sources, root, settings } = this.#options;
    const { signal } = this.#ending;
    if (signal.aborted) return;
    this.#watches.stop();
    this.#watches = noWatches;
    if (!sources || !settings().atOnce) return;
    const node = await this.#looks.open(signal);
    if (!node || signal.aborted) return;
    const owned = ownedBy(node.kept.parcel.catalog, node.states);
    this.#watches = watchOwned(owned, root, { sources, touched: (ids) => this.#touch(ids) });
    const since = await cache.keptAt();
    if (since !== undefined) await this.#watches.catchUp(since);
  }
}

const noCatalog = (): BomaError =>
  new BomaError("drift/catalog", "this node keeps no catalog: nothing was ever applied as a whole");
