/**
 * What this node owes and may do in maintenance. It looks after each run, and
 * once a day while something is owed; it never restarts anything by itself.
 */
import type { NodeEventBody } from "@boma/protocol";
import { BomaError } from "@boma/protocol";
import {
  type AnySpec,
  type CatalogEntry,
  isRestarted,
  type MaintenancePort,
  type MaintenanceRun,
  MaintenanceWindow,
  opennessOf,
  type Owed,
  readHost,
  type ReadHost,
  type RunReport,
  WINDOW_DUTY,
} from "@boma/states/core";

import type { CatalogCache, KeptCatalog } from "../drift/catalog-cache.ts";
import type { DutyBook } from "../duties/duty-book.ts";
import { messageOf } from "../files.ts";
import type { Machine } from "../host/hosts.ts";
import type { Log } from "../log.ts";
import type { NodeStates } from "../states/node-states.ts";
import { gatesBehind } from "./gates-behind.ts";
import { newsOf } from "./owed-news.ts";
import type { ToldFile } from "./told-file.ts";

export interface MaintenanceParts {
  readonly cache: Pick<CatalogCache, "load">;
  readonly states: Pick<NodeStates, "owed" | "statesOf" | "runnerOfKept" | "listen">;
  readonly duties: Pick<DutyBook, "of">;
  readonly machine: Machine;
  readonly file: ToldFile;
  readonly tell: (event: NodeEventBody) => void;
  readonly now: () => number;
  readonly log: Log;
}

/** A timer that is set for longer than 24 days goes off at once. */
const WAKE_MS_MAX = 86_400_000;

export class NodeMaintenance implements MaintenancePort {
  readonly #parts: MaintenanceParts;
  readonly #ending = new AbortController();
  #unlisten: () => void = () => undefined;
  #timer: NodeJS.Timeout | undefined;
  #looking: Promise<void> = Promise.resolve();

  constructor(parts: MaintenanceParts) {
    this.#parts = parts;
  }

  get windows(): number {
    return this.#windows().length;
  }

  /** What an agent of another release wrote opens nothing here. */
  #windows(): MaintenanceWindow[] {
    return [...this.#parts.duties.of(WINDOW_DUTY).values()].flatMap(({ params }) => {
      const read = MaintenanceWindow.safeParse(params);
      return read.success ? [read.data] : [];
    });
  }

  async owed(domain: string | undefined, signal: AbortSignal): Promise<readonly Owed[]> {
    const { owed } = await this.#look(domain, signal);
    // What somebody restarted meanwhile is told by whoever looks first.
    this.#tellSoon();
    return owed;
  }

  async run({ domain, signal, line }: MaintenanceRun): Promise<RunReport> {
    const { states } = this.#parts;
    const { kept, owed, specs } = await this.#look(domain, signal);
    if (!kept || !specs)
      throw new BomaError("state/no-catalog", "this node keeps no catalog yet", {
        hint: "Apply the site to it once: boma-master run NODE state.apply",
      });
    const restarts = new Set(owed.map(({ id }) => id));
    const ids = new Set([...restarts, ...gatesBehind(kept.parcel.catalog, restarts, specs)]);
    return states
      .runnerOfKept(kept, {
        who: `maintenance of ${domain}`,
        ids,
        signal,
        line: () => undefined,
        progress: (step) => step.type === "begin" && line(step.id),
      })
      .run("apply", { maintenance: true });
  }

  async #look(domain: string | undefined, signal: AbortSignal): Promise<Look> {
    const { cache, states, machine, now } = this.#parts;
    const since = await states.owed();
    const kept = await cache.load();
    if (!kept) return { owed: [] };
    const entries = kept.parcel.catalog.entries.filter(({ id }) => since.has(id));
    const specs = await states.statesOf(kept.parcel.catalog, signal);
    const host = readHost(machine.ports({ signal, line: () => undefined }));
    const windows = this.#windows();
    const owed: Owed[] = [];
    for (const entry of entries) {
      const { cause, since: at, instance: noted } = since.get(entry.id)!;
      const spec = specs[entry.state];
      const found = await waiting(entry, spec, host);
      if (!found || (domain !== undefined && found.domain !== domain)) continue;
      // Whoever restarted it has done it; the next run takes it off the list.
      if (await isRestarted({ spec, params: entry.params, noted }, host)) continue;
      owed.push({ ...found, cause, since: at, window: opennessOf(windows, found.domain, now()) });
    }
    return { kept, owed, specs };
  }

  /** Tells what has become owed, and goes on looking. */
  start(): void {
    this.#unlisten = this.#parts.states.listen(() => this.#tellSoon());
    this.#tellSoon();
  }

  async stop(): Promise<void> {
    this.#ending.abort();
    this.#unlisten();
    clearTimeout(this.#timer);
    await this.#looking;
  }

  #tellSoon(): void {
    const { log } = this.#parts;
    this.#looking = this.#looking
      .then(() => this.#tellNews())
      .catch((thrown: unknown) =>
        log.warn({ error: messageOf(thrown) }, "what waits for maintenance cannot be looked at"),
      );
  }

  async #tellNews(): Promise<void> {
    const { file, tell, now, states } = this.#parts;
    const { signal } = this.#ending;
    if (signal.aborted) return;
    const before = await file.read();
    // Most nodes owe nothing most of the time: their catalog is not even opened.
    if (before.size === 0 && (await states.owed()).size === 0) return;
    const news = newsOf(before, (await this.#look(undefined, signal)).owed, now());
    for (const event of news.events) tell(event);
    if (news.events.length > 0) await file.write(news.told);
    clearTimeout(this.#timer);
    if (news.nextAt === undefined || signal.aborted) return;
    const wait = Math.min(Math.max(news.nextAt - now(), 1000), WAKE_MS_MAX);
    this.#timer = setTimeout(() => this.#tellSoon(), wait).unref();
  }
}

interface Look {
  readonly owed: readonly Owed[];
  /** None where the node keeps no catalog. */
  readonly kept?: KeptCatalog;
  readonly specs?: Readonly<Record<string, AnySpec>>;
}

type Waiting = Pick<Owed, "id" | "unit" | "domain" | "why" | "role">;

/** What of it waits for maintenance; what is not protected now is done by the next run, and is nothing to wait for. */
async function waiting(
  { id, key, params }: CatalogEntry,
  spec: AnySpec | undefined,
  host: ReadHost,
): Promise<Waiting | undefined> {
  if (!spec?.protects) return undefined;
  const { unit, domain, role } = spec.restarts?.(params) ?? { unit: key, domain: id };
  try {
    const why = await spec.protects(params, host);
    return why === undefined ? undefined : { id, unit, domain, why, role };
  } catch (thrown) {
    // It cannot be looked at, so nobody knows that it need not wait.
    return { id, unit, domain, why: `it cannot be looked at: ${messageOf(thrown)}`, role };
  }
}
