/** The states of this node: what a job's order names is fetched, opened, and run. */
import { join } from "node:path";

import {
  type ChunkRef,
  type JobOrder,
  openSealed,
  type ProgressStep,
  type SealingKey,
  unpackHostile,
} from "@boma/protocol";
import {
  type AnySpec,
  type Catalog,
  type Confirmation,
  type OutputLine,
  Parcel,
  partOf,
  type StateRunner,
  type StepProgress,
} from "@boma/states/core";

import type { CatalogCache, CatalogOrigin, KeptCatalog } from "../drift/catalog-cache.ts";
import type { DutyBook } from "../duties/duty-book.ts";
import type { Machine } from "../host/hosts.ts";
import { type OwedSince, type PendingFile, pendingFile } from "./pending-file.ts";
import { type RunWorld, stateRunner, type WholeApply } from "./runner.ts";
import { Turns } from "./turn.ts";

export interface NodeStatesPorts {
  /** The agent's own directory. */
  readonly dir: string;
  readonly durable: boolean;
  readonly machine: Machine;
  readonly duties: DutyBook;
  readonly sealKey: () => SealingKey;
  /** Reads what lies for this node among the chunks; waits for the bus where it is away. */
  readonly fetch: (ref: ChunkRef, signal: AbortSignal) => Promise<Uint8Array>;
  /** The states of the site's own that a catalog needs. */
  readonly bundle: (digest: string, signal: AbortSignal) => Promise<Readonly<Record<string, AnySpec>>>;
  readonly permit: (state: string) => void;
  readonly confirm?: Confirmation | undefined;
  readonly family: () => string | undefined;
  /** Where the catalog of a whole apply is kept. */
  readonly cache: CatalogCache;
  /** It could not be kept. */
  readonly notKept: (thrown: unknown) => void;
  readonly now: () => number;
  /** Called when a run of states came or left. */
  readonly changed?: (() => void) | undefined;
}

export interface StateCall {
  readonly signal: AbortSignal;
  readonly line: (line: OutputLine) => void;
  readonly step: (step: ProgressStep) => void;
}

export interface KeptCall {
  readonly who: string;
  /** These declarations only. */
  readonly ids?: ReadonlySet<string> | undefined;
  readonly signal: AbortSignal;
  readonly line: (line: OutputLine) => void;
  readonly progress: (progress: StepProgress) => void;
  /** Asked when another run waits behind this one. */
  readonly giveWay?: (() => void) | undefined;
}

export class NodeStates {
  readonly #ports: NodeStatesPorts;
  readonly #world: RunWorld;
  readonly #turns: Turns;
  readonly #pending: PendingFile;
  readonly #listeners = new Set<() => void>();
  #applies = 0;

  constructor(ports: NodeStatesPorts) {
    const dir = join(ports.dir, "states");
    this.#ports = ports;
    this.#turns = new Turns(dir, ports.changed);
    const { durable, now } = ports;
    this.#pending = pendingFile(join(dir, "pending.json"), { durable, now });
    this.#world = {
      machine: ports.machine,
      duties: ports.duties,
      turns: this.#turns,
      pending: this.#pending,
      ended: () => this.#listeners.forEach((listener) => listener()),
      permit: ports.permit,
      confirm: ports.confirm,
      family: ports.family,
    };
  }

  /** Which runs hold or await the node, in order. */
  get holders(): readonly string[] {
    return this.#turns.holders;
  }

  /** How many applies there were so far that somebody asked for. */
  get applies(): number {
    return this.#applies;
  }

  /** The refreshes that are owed now. */
  owed(): Promise<ReadonlyMap<string, OwedSince>> {
    return this.#pending.owed();
  }

  /** Hears of each run that has ended. */
  listen(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** What a function that brings a catalog has of it. */
  runnerFor(order: JobOrder, { signal, line, step }: StateCall): StateRunner | undefined {
    const { parcel } = order;
    if (!parcel) return undefined;
    const runner = stateRunner(this.#world, {
      who: `job ${order.job}`,
      parcel: () => this.#open(parcel, signal),
      states: (catalog) => this.statesOf(catalog, signal),
      signal,
      line,
      progress: (progress) => step(stepOf(progress)),
      whole: this.#whole({ job: order.job, operator: order.operator, at: this.#ports.now() }),
    });
    return {
      ...runner,
      run: (mode, options) => {
        if (mode === "apply") this.#applies += 1;
        return runner.run(mode, options);
      },
    };
  }

  /** The catalog that is kept, or a part of it, run as any other: in its turn, with what is owed, by the node's policy. */
  runnerOfKept(kept: KeptCatalog, { who, ids, ...call }: KeptCall): StateRunner {
    const { parcel, origin } = kept;
    const part: Parcel =
      ids === undefined ? parcel : { ...parcel, catalog: partOf(parcel.catalog, ids), partial: true };
    return stateRunner(this.#world, {
      who,
      // Asked for when its turn has come.
      parcel: async () => {
        this.#ports.cache.assertCurrent(kept);
        return part;
      },
      states: (catalog) => this.statesOf(catalog, call.signal),
      ...call,
      whole: this.#whole(origin),
    });
  }

  /** Does something to the machine while no run of states is under way. */
  async alone<T>(who: string, signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    const turn = await this.#turns.take(who, signal, () => undefined);
    try {
      return await work();
    } finally {
      await turn.end();
    }
  }

  /** Runs of states wait in their queue until the signal; those of jobs are in the journal, and may go on elsewhere. */
  async keepOut(who: string, signal: AbortSignal): Promise<void> {
    const over = new Promise<void>((resolve) =>
      signal.addEventListener("abort", () => resolve(), { once: true }),
    );
    // What hinders it, such as a full disk, hinders every other run as well.
    await this.alone(who, signal, () => over).catch(() => undefined);
  }

  /** An apply that ran is told as it ran, whether its catalog could be kept or not. */
  #whole(origin: CatalogOrigin): WholeApply {
    const { cache, notKept } = this.#ports;
    return {
      begin: () => cache.begin().catch(notKept),
      end: async (parcel, outcome) => {
        this.#applies += 1;
        await cache.keep(parcel, origin, outcome).catch(notKept);
      },
    };
  }

  async #open(ref: ChunkRef, signal: AbortSignal): Promise<Parcel> {
    const sealed = await this.#ports.fetch(ref, signal);
    return Parcel.parse(unpackHostile(openSealed(sealed, this.#ports.sealKey())));
  }

  /** The states that a catalog needs: boma's own, and those of its bundle. */
  async statesOf({ bundle }: Catalog, signal: AbortSignal): Promise<Readonly<Record<string, AnySpec>>> {
    const own = await builtIn();
    return bundle === null ? own : { ...(await this.#ports.bundle(bundle, signal)), ...own };
  }
}

/** The states of boma's own. They are loaded with the first catalog: an idle agent has no use for them. */
export async function builtIn(): Promise<Readonly<Record<string, AnySpec>>> {
  return (await import("@boma/states")).builtInSpecs;
}

const stepOf = (progress: StepProgress): ProgressStep => {
  const { index, total } = progress;
  if (progress.type === "begin") return { id: progress.id, index, total };
  const { id, result, ms } = progress.result;
  return { id, index, total, result, ms };
};
