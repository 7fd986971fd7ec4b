/**
 * The site's reactors at work: loaded into one process, each with its own place in
 * the events, and begun anew when the site changes.
 */
import { BomaError, closest, type SequencedEvent } from "@boma/protocol";
import { parseLimit } from "@boma/states";
import { z } from "zod";

import type { Control } from "../control.ts";
import { pump } from "../events/pump.ts";
import type { SubscriberRecord } from "../events/subscribers.ts";
import { fingerprintOf } from "../site/fingerprint.ts";
import type { SiteError } from "../site/site-error.ts";
import { type Store, STREAM } from "../store/store.ts";
import { Table } from "../store/table.ts";
import { Pace } from "./pace.ts";
import { react } from "./reaction.ts";
import { REACTOR_LIMITS, ReactorProcess } from "./reactor-process.ts";
import { findRole, roleName } from "./reactor-role.ts";
import { isFor, loadReactors, reactorFiles, type SiteReactor } from "./site-reactor.ts";

/** Whether the site has changed is looked at so often. */
const LOOK_MS = 2_000;
/** Events in the hands of one reactor at once. */
const WIDTH = 8;

/** It does nothing until somebody says so. */
const StopRecord = z.strictObject({
  reactor: z.string(),
  why: z.string(),
  chain: z.array(z.string()),
  by: z.string(),
  at: z.number(),
});
type StopRecord = z.output<typeof StopRecord>;

interface Working {
  readonly reactor: SiteReactor;
  readonly abort: AbortController;
  readonly pace: Pace;
}
interface Counts {
  handled: number;
  failed: number;
}

export interface ReactorView extends SiteReactor {
  readonly role: string;
  readonly state: "running" | "not allowed" | "stopped";
  readonly stopped?: StopRecord | undefined;
  /** The last event that is dealt with, and how many wait behind it. */
  readonly position: number;
  readonly behind: number;
  /** Since this master began. */
  readonly handled: number;
  readonly failed: number;
}

export class Reactors {
  readonly site: string;
  readonly #stops: Table<StopRecord>;
  readonly #store: Store;
  readonly #working = new Map<string, Working>();
  readonly #counts = new Map<string, Counts>();
  #reactors: readonly SiteReactor[] = [];
  #errors: readonly SiteError[] = [];
  #fingerprint: string | undefined;
  #process: ReactorProcess | undefined;
  #control: Control | undefined;
  #look: NodeJS.Timeout | undefined;
  #turn: Promise<unknown> = Promise.resolve();

  private constructor(store: Store, site: string, stops: Table<StopRecord>) {
    this.#store = store;
    this.site = site;
    this.#stops = stops;
  }

  static async open(store: Store, site: string): Promise<Reactors> {
    return new Reactors(store, site, await Table.open(store, "reactor-stop", StopRecord));
  }

  /** Nothing is handled before the master is whole, for what reactors ask for goes through all of it. */
  start(control: Control): void {
    this.#control = control;
    const look = () =>
      void this.refresh()
        .catch((error: unknown) => control.log.error({ error: String(error) }, "reactors cannot be loaded"))
        .finally(() => {
          if (this.#control) this.#look = setTimeout(look, LOOK_MS).unref();
        });
    look();
  }

  async close(): Promise<void> {
    this.#control = undefined;
    clearTimeout(this.#look);
    await this.#inTurn(() => this.#end());
  }

  /** Begins with the site as it is now, where that is another one. */
  refresh(): Promise<void> {
    return this.#inTurn(async () => {
      if (!this.#control) return;
      // Taken before the files are: one that is written in between makes another at the next look.
      const fingerprint = reactorFiles(this.site).length === 0 ? undefined : await fingerprintOf(this.site);
      if (fingerprint === this.#fingerprint) return;
      await this.#end();
      this.#fingerprint = fingerprint;
      const { reactors, errors } = await loadReactors(reactorFiles(this.site), () => this.#living());
      for (const { message } of errors)
        this.#control.log.error({ error: message }, "a reactor cannot be used");
      this.#reactors = reactors;
      this.#errors = errors;
      await this.#forget(errors);
      for (const reactor of reactors) if (!this.#stops.get(reactor.name)) await this.#begin(reactor);
    });
  }

  async list(): Promise<{ readonly reactors: readonly ReactorView[]; readonly errors: readonly string[] }> {
    await this.refresh();
    const reactors = await Promise.all(this.#reactors.map((reactor) => this.#view(reactor)));
    return { reactors, errors: this.#errors.map(({ message }) => message) };
  }

  async stop(name: string, why: string, by: string, chain: readonly string[] = []): Promise<void> {
    const record = { reactor: name, why, chain: [...chain], by, at: Date.now() };
    await this.#stops.update(name, (known) => known ?? record);
    await this.#control?.events.told({
      kind: "reactor.stopped",
      operator: by,
      ...(chain.length > 0 && { causes: [...chain] }),
      data: { reactor: name, why: why.slice(0, 2000), chain: [...chain].slice(0, 32) },
    });
  }

  /** An operator's word: what it has in its hands is let go of, and comes again when it goes on. */
  async halt(name: string, by: string): Promise<void> {
    this.require(name);
    await this.stop(name, `${by} stopped it`, by);
    this.#working.get(name)?.abort.abort();
    this.#working.delete(name);
  }

  /** Goes on where it stood, or with what happens from now on. */
  async resume(name: string, { skip }: { readonly skip: boolean }): Promise<void> {
    const reactor = this.require(name);
    await this.#inTurn(async () => {
      await this.#stops.update(name, () => undefined);
      this.#working.get(name)?.abort.abort();
      if (skip) await this.#control?.subscribers.advance("reactor", name, await this.#lastSequence());
      await this.#begin(reactor);
    });
  }

  require(name: string): SiteReactor {
    const found = this.#reactors.find((reactor) => reactor.name === name);
    if (found) return found;
    const near = closest(
      name,
      this.#reactors.map((reactor) => reactor.name),
    );
    throw new BomaError(
      "reactor/unknown",
      `the site has no reactor ${JSON.stringify(name.slice(0, 80))}`,
      near === undefined ? {} : { hint: `Did you mean ${near}?` },
    );
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const mine = this.#turn.then(work, work);
    this.#turn = mine.catch(() => undefined);
    return mine;
  }

  #living(): ReactorProcess {
    if (this.#process?.alive) return this.#process;
    return (this.#process = new ReactorProcess(this.site, REACTOR_LIMITS));
  }

  async #end(): Promise<void> {
    for (const { abort } of this.#working.values()) abort.abort();
    this.#working.clear();
    await this.#process?.close();
    this.#process = undefined;
  }

  /** A reactor that is gone loses its place; one whose file cannot be read now keeps it. */
  async #forget(errors: readonly SiteError[]): Promise<void> {
    const { subscribers } = this.#control!;
    const known = new Set(this.#reactors.map(({ name }) => name));
    const broken = new Set(
      errors.map(({ place }) => place?.file.replace(/^reactors\//, "").replace(/\.\w+$/, "")),
    );
    for (const { name } of subscribers.list("reactor"))
      if (!known.has(name) && !broken.has(name.split("/", 1)[0])) await subscribers.leave("reactor", name);
  }

  /** A new one begins now, and not with all that ever happened. */
  async #begin(reactor: SiteReactor): Promise<void> {
    const control = this.#control;
    if (!control) return;
    const { name, kinds } = reactor;
    const subscriber = await control.subscribers.join({
      name,
      kind: "reactor",
      owner: roleName(name),
      patterns: [...kinds],
      position: await this.#lastSequence(),
    });
    const working = { reactor, abort: new AbortController(), pace: new Pace(parseLimit(reactor.limit)) };
    this.#working.set(name, working);
    void this.#work(control, working, subscriber);
  }

  async #work(control: Control, working: Working, subscriber: SubscriberRecord): Promise<void> {
    const { signal } = working.abort;
    const each = (event: SequencedEvent) => this.#handle(control, working, event);
    try {
      await pump(control, { subscriber, handler: { each, width: WIDTH }, signal });
    } catch (error) {
      control.log.error({ reactor: subscriber.name, error: String(error) }, "a reactor cannot go on");
    }
  }

  async #handle(control: Control, { reactor, abort, pace }: Working, event: SequencedEvent): Promise<void> {
    const { signal } = abort;
    const { registry } = control;
    const node = (key: string) => {
      const record = registry.nodes.get(key);
      return record && registry.targetNode(record);
    };
    if (!isFor(reactor, event, node, control.nodegroups)) return;
    await pace.turn(signal, (until) => {
      const data = { reactor: reactor.name, limit: reactor.limit, until };
      control.events.tell({ kind: "reactor.limited", data });
    });
    // One that was stopped meanwhile keeps its place before this.
    signal.throwIfAborted();
    const world = {
      control,
      process: () => this.#living(),
      stop: (name: string, why: string, chain: readonly string[]) =>
        this.stop(name, why, roleName(name), chain),
    };
    const outcome = await react(world, reactor, event, signal);
    if (outcome === "passed") return pace.giveBack();
    const counts = this.#counts.get(reactor.name) ?? { handled: 0, failed: 0 };
    this.#counts.set(reactor.name, counts);
    counts[outcome === "done" ? "handled" : "failed"] += 1;
    // The event that showed the loop is behind it; what comes after waits for somebody's word.
    if (this.#stops.get(reactor.name)) abort.abort();
  }

  async #lastSequence(): Promise<number> {
    return (await this.#store.api.streams.info(STREAM.events)).state.last_seq;
  }

  async #view(reactor: SiteReactor): Promise<ReactorView> {
    const { operators, subscribers } = this.#control!;
    const stopped = this.#stops.get(reactor.name);
    const position = subscribers.get("reactor", reactor.name)?.position ?? 0;
    const isAllowed = findRole(operators, reactor.name) !== undefined;
    return {
      ...reactor,
      role: roleName(reactor.name),
      state: stopped ? "stopped" : isAllowed ? "running" : "not allowed",
      ...(stopped && { stopped }),
      position,
      behind: await this.#behind(reactor, position),
      ...(this.#counts.get(reactor.name) ?? { handled: 0, failed: 0 }),
    };
  }

  /** Counted by the server, of the kinds that the reactor is for. */
  async #behind({ kinds }: Pick<SiteReactor, "kinds">, position: number): Promise<number> {
    const { consumers } = this.#store.api;
    const counts = kinds.map(async (kind) => {
      const { name, num_pending } = await consumers.add(STREAM.events, {
        ack_policy: "none",
        deliver_policy: "by_start_sequence",
        opt_start_seq: position + 1,
        filter_subject: `boma.evt.*.*.${kind}`,
        inactive_threshold: 5_000_000_000,
        mem_storage: true,
        num_replicas: 1,
      });
      await consumers.delete(STREAM.events, name).catch(() => undefined);
      return num_pending;
    });
    return (await Promise.all(counts)).reduce((sum, count) => sum + count, 0);
  }
}
