/**
 * Which nodes are not as their catalogs say, as far as they told. It is made of
 * events alone, from a place that is written down: a master that stops in the
 * middle goes on where it was, and counts nothing twice.
 */
import type { SequencedEvent } from "@boma/protocol";

import { placeOf } from "../events/place.ts";
import { pump, type PumpParts } from "../events/pump.ts";
import type { NodeRecord } from "../registry/node-record.ts";
import type { Registry } from "../registry/registry.ts";
import { Table } from "../store/table.ts";
import { afterEvent, DRIFT_EVENTS, DriftRecord } from "./drift-record.ts";

export interface DriftBoardParts extends PumpParts {
  readonly registry: Registry;
}

const NAME = "drift";

export class DriftBoard {
  readonly #parts: DriftBoardParts;
  readonly #table: Table<DriftRecord>;
  readonly #ending = new AbortController();

  private constructor(parts: DriftBoardParts, table: Table<DriftRecord>) {
    this.#parts = parts;
    this.#table = table;
  }

  static async open(parts: DriftBoardParts): Promise<DriftBoard> {
    return new DriftBoard(parts, await Table.open(parts.store, "drift", DriftRecord));
  }

  async start(): Promise<void> {
    const { store, subscribers, log } = this.#parts;
    const known = subscribers.get("master", NAME);
    const subscriber = await subscribers.join({
      kind: "master",
      name: NAME,
      owner: "master",
      patterns: [DRIFT_EVENTS],
      position: known?.position ?? (await placeOf(store, { from: "first" })),
    });
    const handler = { portion: (events: readonly SequencedEvent[]) => this.#take(events) };
    pump(this.#parts, { subscriber, handler, signal: this.#ending.signal }).catch((error: unknown) =>
      log.error({ error: String(error) }, "drift is not written down any more"),
    );
  }

  stop(): void {
    this.#ending.abort();
  }

  get(key: string): DriftRecord | undefined {
    return this.#table.get(key);
  }

  /** A node's record is written once for all that it told: it may be large, and a node may tell much at once. */
  async #take(events: readonly SequencedEvent[]): Promise<void> {
    const byNode = Map.groupBy(events, ({ node }) =>
      node === undefined ? undefined : this.#nodeOf(node)?.key,
    );
    for (const [key, told] of byNode)
      if (key !== undefined)
        await this.#table.update(key, (known) =>
          told.reduce<DriftRecord | undefined>((record, event) => this.#after(key, record, event), known),
        );
  }

  /** One event that cannot be understood costs itself, and does not hold up the others. */
  #after(key: string, known: DriftRecord | undefined, event: SequencedEvent): DriftRecord | undefined {
    try {
      return afterEvent(key, known, event);
    } catch (error) {
      const { sequence, kind } = event;
      this.#parts.log.error({ sequence, kind, error: String(error) }, "an event of drift was left out");
      return known;
    }
  }

  /** The node that has this key, or had it until its keys were changed. */
  #nodeOf(key: string): NodeRecord | undefined {
    const { registry } = this.#parts;
    const node = registry.byKey(key);
    if (node) return node.status === "approved" ? node : undefined;
    return [...registry.approved()].find(({ formerKey }) => formerKey === key);
  }

  /** Its keys were changed: what is known of it stays. It was revoked: nothing does. */
  async forget(key: string): Promise<void> {
    const record = this.#table.get(key);
    if (!record) return;
    const successor = [...this.#parts.registry.approved()].find(({ formerKey }) => formerKey === key);
    if (successor)
      await this.#table.update(successor.key, (known) => known ?? { ...record, key: successor.key });
    await this.#table.update(key, () => undefined);
  }
}
