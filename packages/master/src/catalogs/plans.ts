/** Plans as they are kept: what a check found on each node, under one hash that an apply can be bound to. */
import { createHash } from "node:crypto";

import { BomaError } from "@boma/protocol";
import { type Parcel, planDigests, RunReport } from "@boma/states/core";
import { z } from "zod";

import type { JobStore } from "../jobs/job-store.ts";
import type { Table } from "../store/table.ts";

const PLAN_LIFE_MS = 24 * 3_600_000;
const SHOWN = 5;

export const PlanRecord = z.strictObject({
  hash: z.string(),
  job: z.string(),
  createdAt: z.number(),
  operator: z.string(),
  target: z.string(),
  args: z.record(z.string(), z.unknown()),
  /** Key, id, hash of the catalog, hash of this node's plan. */
  nodes: z.array(z.tuple([z.string(), z.string(), z.string(), z.string()])),
});
export type PlanRecord = z.output<typeof PlanRecord>;

/** A plan that an apply is bound to. */
export interface BoundPlan {
  readonly args: Readonly<Record<string, unknown>>;
  assertCovers(keys: readonly string[]): void;
  /** What goes to the node with its catalog; throws where the site says something else by now. */
  of(
    node: { readonly key: string; readonly id: string },
    catalog: string,
  ): Promise<NonNullable<Parcel["plan"]>>;
}

export class Plans {
  readonly #table: Table<PlanRecord>;
  readonly #jobs: JobStore;

  constructor(table: Table<PlanRecord>, jobs: JobStore) {
    this.#table = table;
    this.#jobs = jobs;
  }

  /** Keeps what a job of `state.plan` found; every node must have answered. */
  async store(job: string, now = Date.now()): Promise<PlanRecord> {
    const record = await this.#jobs.read(job);
    const expected = await this.#jobs.expected(job);
    const nodes: PlanRecord["nodes"] = [];
    const without: string[] = [];
    for (const { key, id } of expected) {
      const report = RunReport.safeParse((await this.#jobs.ending(job, key))?.value).data;
      if (report?.plan !== undefined && report.ok) nodes.push([key, id, report.catalog, report.plan]);
      else without.push(id);
    }
    if (without.length > 0 || nodes.length === 0)
      throw new BomaError("state/plan", `there is no plan of ${named(without)}`, {
        hint: "A plan is kept when every node of it could be checked without a failure.",
      });
    nodes.sort(([, a], [, b]) => (a < b ? -1 : 1));
    const hash = createHash("sha256").update(JSON.stringify(nodes)).digest("hex");
    const { operator, target, args } = record;
    const kept = { hash, job, createdAt: now, operator, target, args, nodes };
    await this.#table.update(hash.slice(0, 32), () => kept);
    await this.#forgetOld(now);
    return kept;
  }

  list(): readonly PlanRecord[] {
    return [...this.#table.values()].sort((a, b) => b.createdAt - a.createdAt);
  }

  find(hash: string): BoundPlan {
    const found = this.list().filter((plan) => plan.hash.startsWith(hash));
    const [plan] = found;
    if (!plan || found.length > 1)
      throw new BomaError(
        "state/plan",
        `${found.length === 0 ? "no plan" : "more than one plan"} begins with ${hash}`,
        {
          hint: "Plans are kept for a day: make a new one with `boma-master plan TARGET`.",
        },
      );
    return this.#bound(plan);
  }

  #bound({ job, nodes, args, hash: planHash }: PlanRecord): BoundPlan {
    return {
      args,
      assertCovers(keys) {
        const planned = new Set(nodes.map(([key]) => key));
        const outside = keys.filter((key) => !planned.has(key));
        if (outside.length > 0)
          throw new BomaError(
            "state/plan",
            `${outside.length} of these nodes are not in plan ${planHash.slice(0, 12)}`,
            {
              hint: `It is for ${named(nodes.map(([, id]) => id))}.`,
            },
          );
      },
      of: async ({ key, id }, catalog) => {
        const [, , planned, hash] = nodes.find(([of]) => of === key) ?? [];
        if (planned === undefined || hash === undefined)
          throw new BomaError("state/plan", `${id} is not in plan ${planHash.slice(0, 12)}`);
        if (planned !== catalog)
          throw new BomaError(
            "state/moved",
            `the site says something else of ${id} than when the plan was made`,
            {
              hint: `See what: boma-master catalog diff ${id} ${planned.slice(0, 12)} ${catalog.slice(0, 12)}`,
            },
          );
        const report = RunReport.parse((await this.#jobs.ending(job, key))?.value);
        return { hash, digests: planDigests(report) };
      },
    };
  }

  async #forgetOld(now: number): Promise<void> {
    for (const { hash, createdAt } of this.list())
      if (createdAt < now - PLAN_LIFE_MS) await this.#table.update(hash.slice(0, 32), () => undefined);
  }
}

const named = (ids: readonly string[]): string =>
  ids.length > SHOWN ? `${ids.slice(0, SHOWN).join(", ")} and ${ids.length - SHOWN} more` : ids.join(", ");
