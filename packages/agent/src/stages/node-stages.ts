/** The stages of the catalog that this node keeps: started and stopped one by one, whether a site can be compiled now or not. */
import { BomaError } from "@boma/protocol";
import {
  type CatalogEntry,
  type RunReport,
  type Stage,
  type StageInfo,
  STAGES,
  type StagesPort,
  standsOn,
  type StageStop,
  writeHost,
} from "@boma/states/core";

import type { CatalogCache, KeptCatalog } from "../drift/catalog-cache.ts";
import type { Machine } from "../host/hosts.ts";
import type { NodeStates } from "../states/node-states.ts";
import type { StageHolds } from "./stage-holds.ts";

/** What has a unit that a stop is to end. */
const RUNNING = "service.running";

interface StagesPorts {
  readonly cache: CatalogCache;
  readonly states: Pick<NodeStates, "runnerOfKept" | "alone">;
  readonly machine: Machine;
  readonly holds: StageHolds;
}

export class NodeStages implements StagesPort {
  readonly #ports: StagesPorts;

  constructor(ports: StagesPorts) {
    this.#ports = ports;
  }

  async list(): Promise<readonly StageInfo[]> {
    const kept = await this.#ports.cache.load();
    if (!kept) return [];
    const held = await this.#ports.holds.held();
    return STAGES.flatMap((stage) => {
      const entries = entriesOf(kept, stage);
      if (entries.length === 0) return [];
      const awaits = new Set(entries.flatMap(({ awaits }) => awaits ?? standsOn(stage)));
      return [
        {
          stage,
          awaits: STAGES.filter((other) => awaits.has(other) && other !== stage),
          declarations: entries.map(({ id }) => id),
          held: held.has(stage),
        },
      ];
    });
  }

  async start(stage: Stage, signal: AbortSignal): Promise<RunReport> {
    const { holds, states } = this.#ports;
    const kept = await this.#kept();
    const ids = new Set(entriesOf(kept, stage).map(({ id }) => id));
    // First, so that an agent that is killed in the middle goes on to put it right.
    await holds.release([stage]);
    return states
      .runnerOfKept(kept, {
        who: `the start of ${stage}`,
        ids,
        signal,
        line: () => undefined,
        progress: () => undefined,
      })
      .run("apply");
  }

  stop(stage: Stage, signal: AbortSignal): Promise<StageStop> {
    const { states, holds, cache } = this.#ports;
    // An enforcement that began to look before must not find the units down and start them.
    return states.alone(`the stop of ${stage}`, signal, async () => {
      const kept = await this.#kept();
      await holds.hold(stage);
      cache.outdate();
      return this.#stopUnits(kept, stage, signal);
    });
  }

  async #stopUnits(kept: KeptCatalog, stage: Stage, signal: AbortSignal): Promise<StageStop> {
    const { services } = writeHost(this.#ports.machine.ports({ signal, line: () => undefined }));
    const units: StageStop["units"] = [];
    for (const unit of unitsOf(kept, stage).toReversed()) {
      signal.throwIfAborted();
      const { active } = await services.status(unit);
      if (active === "inactive" || active === "failed") continue;
      const began = performance.now();
      await services.stop(unit);
      units.push({ unit, was: active, ms: Math.round(performance.now() - began) });
    }
    return { stage, units };
  }

  async #kept(): Promise<KeptCatalog> {
    const kept = await this.#ports.cache.load();
    if (kept) return kept;
    throw new BomaError("state/no-catalog", "this node keeps no catalog yet", {
      hint: "Apply the site to it once: boma-master run NODE state.apply",
    });
  }
}

const entriesOf = ({ parcel }: KeptCatalog, stage: Stage): readonly CatalogEntry[] =>
  parcel.catalog.entries.filter((entry) => entry.stage === stage);

const unitsOf = (kept: KeptCatalog, stage: Stage): readonly string[] =>
  entriesOf(kept, stage).flatMap(({ state, params }) => (state === RUNNING ? [String(params["unit"])] : []));
