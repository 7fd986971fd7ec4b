/**
 * Plans of Terraform as the master keeps them. A plan changes its state by conditional writes alone; how its apply ended
 * is read from that job, whoever was there when it ended.
 */
import { asBomaError, BomaError, isJobId } from "@boma/protocol";
import { PlanResult, type WorkspaceInfo } from "@boma/states/core";

import type { JobStore } from "../jobs/job-store.ts";
import type { Store } from "../store/store.ts";
import { Table } from "../store/table.ts";
import {
  approved,
  begun,
  discarded,
  settled,
  shortId,
  stateOf,
  TerraformPlan,
  withApprovals,
} from "./plan-record.ts";

/** Between the record and its job a master writes to the audit and the bus; one that takes longer is dead. */
const BIRTH_MS = 60_000;
const KEPT_MS = 90 * 24 * 3_600_000;

export class TerraformPlans {
  readonly #table: Table<TerraformPlan>;
  readonly #jobs: Pick<JobStore, "find" | "read" | "expected" | "ending">;

  private constructor(table: Table<TerraformPlan>, jobs: JobStore) {
    this.#table = table;
    this.#jobs = jobs;
  }

  static async open(store: Store, jobs: JobStore): Promise<TerraformPlans> {
    return new TerraformPlans(await Table.open(store, "terraform", TerraformPlan), jobs);
  }

  /** The newest first. */
  async list(workspace?: string): Promise<TerraformPlan[]> {
    const all = [...this.#table.values()].filter(
      (one) => workspace === undefined || one.workspace === workspace,
    );
    const now = await Promise.all(all.map((one) => this.settle(one)));
    return now.sort((a, b) => b.createdAt - a.createdAt);
  }

  /** By id or its beginning. */
  async find(workspace: string, plan: string): Promise<TerraformPlan> {
    const found = [...this.#table.values()].filter(
      (one) => one.workspace === workspace && one.plan.startsWith(plan),
    );
    const [one] = found;
    if (one && found.length === 1) return this.settle(one);
    throw new BomaError(
      "terraform/plan",
      `${found.length === 0 ? "no plan" : "more than one plan"} of ${workspace} begins with ${plan}`,
      { hint: `boma-master terraform plans ${workspace}` },
    );
  }

  /** Keeps what a job of `terraform.plan` made; a job whose plan is kept already gives that. */
  async adopt(job: string, workspaceOf: (name: string) => Promise<WorkspaceInfo>, now = Date.now()) {
    if (!isJobId(job)) throw new BomaError("terraform/plan", `${job.slice(0, 64)} is not the id of a job`);
    const known = this.#table.get(job);
    if (known) return known;
    const record = await this.#jobs.read(job);
    const [node] = await this.#jobs.expected(job);
    const result = node && PlanResult.safeParse((await this.#jobs.ending(job, node.key))?.value).data;
    if (record.function !== "terraform.plan" || !node || !result?.bound)
      throw new BomaError("terraform/plan", `job ${job} made no plan that could be applied`, {
        hint: `boma-master jobs show ${job}`,
      });
    const { workspace, bound, counts } = result;
    const { approvals: needs } = await workspaceOf(workspace);
    const createdAt = record.createdAt;
    const plan: TerraformPlan = {
      plan: job,
      workspace,
      node: node.key,
      id: node.id,
      by: record.operator,
      createdAt,
      expiresAt: createdAt + needs.ttlMs,
      bound,
      counts,
      needs,
      approvals: [],
      state: "planned",
    };
    await this.#forgetOld(now);
    return (await this.#table.update(job, (held) => held ?? withApprovals(plan, createdAt)))!;
  }

  approve({ plan }: TerraformPlan, by: string, sha256: string, now = Date.now()): Promise<TerraformPlan> {
    return this.#change(plan, (held) => approved(held, { by, sha256, now }));
  }

  /** Of two who want it at once, on two masters as well, one has it; the other hears who. */
  begin(
    { plan }: TerraformPlan,
    apply: { readonly job: string; readonly by: string },
  ): Promise<TerraformPlan> {
    return this.#change(plan, (held) => begun(held, { ...apply, at: Date.now() }));
  }

  discard({ plan }: TerraformPlan, by: string, now = Date.now()): Promise<TerraformPlan> {
    return this.#change(plan, (held) => discarded(held, by, now));
  }

  /** What became of its apply, once that has ended. */
  async settle(record: TerraformPlan): Promise<TerraformPlan> {
    const { state, apply, node, plan } = record;
    if (state !== "consuming" || !apply) return record;
    const job = await this.#jobs.find(apply.job);
    if (!job && Date.now() - apply.at < BIRTH_MS) return record;
    if (job && job.closedAt === undefined) return record;
    const ending = job && (await this.#jobs.ending(apply.job, node));
    const isSame = (held: TerraformPlan): boolean =>
      held.state === "consuming" && held.apply?.job === apply.job;
    return this.#change(plan, (held) => (isSame(held) ? settled(held, ending, Date.now()) : held));
  }

  async #change(plan: string, to: (held: TerraformPlan) => TerraformPlan): Promise<TerraformPlan> {
    const changed = await this.#table.update(plan, (held) => {
      if (!held) throw new BomaError("terraform/plan", `the plan ${shortId(plan)} is not kept any more`);
      return to(held);
    });
    return changed!;
  }

  async #forgetOld(now: number): Promise<void> {
    for (const record of this.#table.values())
      if (record.createdAt < now - KEPT_MS && stateOf(record, now) !== "consuming")
        await this.#table.update(record.plan, () => undefined).catch(asBomaError);
  }
}
