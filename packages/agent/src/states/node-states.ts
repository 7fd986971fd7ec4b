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
  type StateRunner,
  type StepProgress,
} from "@boma/states/core";

import type { Machine } from "../host/hosts.ts";
import { pendingFile } from "./pending-file.ts";
import { type RunWorld, stateRunner } from "./runner.ts";
import { Turns } from "./turn.ts";

export interface NodeStatesPorts {
  /** The agent's own directory. */
  readonly dir: string;
  readonly durable: boolean;
  readonly machine: Machine;
  readonly sealKey: () => SealingKey;
  /** Reads what lies for this node among the chunks; waits for the bus where it is away. */
  readonly fetch: (ref: ChunkRef, signal: AbortSignal) => Promise<Uint8Array>;
  /** The states of the site's own that a catalog needs. */
  readonly bundle: (digest: string, signal: AbortSignal) => Promise<Readonly<Record<string, AnySpec>>>;
  readonly permit: (state: string) => void;
  readonly confirm?: Confirmation | undefined;
  readonly family: () => string | undefined;
}

export interface StateCall {
  readonly signal: AbortSignal;
  readonly line: (line: OutputLine) => void;
  readonly step: (step: ProgressStep) => void;
}

export class NodeStates {
  readonly #ports: NodeStatesPorts;
  readonly #world: RunWorld;
  readonly #turns: Turns;

  constructor(ports: NodeStatesPorts) {
    const dir = join(ports.dir, "states");
    this.#ports = ports;
    this.#turns = new Turns(dir);
    this.#world = {
      machine: ports.machine,
      turns: this.#turns,
      pending: pendingFile(join(dir, "pending.json"), { durable: ports.durable }),
      permit: ports.permit,
      confirm: ports.confirm,
      family: ports.family,
    };
  }

  /** Which runs hold or await the node, in order. */
  get holders(): readonly string[] {
    return this.#turns.holders;
  }

  /** What a function that brings a catalog has of it. */
  runnerFor(order: JobOrder, { signal, line, step }: StateCall): StateRunner | undefined {
    const { parcel } = order;
    if (!parcel) return undefined;
    return stateRunner(this.#world, {
      who: `job ${order.job}`,
      parcel: () => this.#open(parcel, signal),
      states: (catalog) => this.#statesOf(catalog, signal),
      signal,
      line,
      progress: (progress) => step(stepOf(progress)),
    });
  }

  async #open(ref: ChunkRef, signal: AbortSignal): Promise<Parcel> {
    const sealed = await this.#ports.fetch(ref, signal);
    return Parcel.parse(unpackHostile(openSealed(sealed, this.#ports.sealKey())));
  }

  async #statesOf({ bundle }: Catalog, signal: AbortSignal): Promise<Readonly<Record<string, AnySpec>>> {
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
