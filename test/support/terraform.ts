/** A fleet with one node that runs real workspaces of OpenTofu, and two operators: who plans is not who approves. */
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

import type { ApplyResult, PlanResult } from "@boma/states";

import { Fleet } from "./fleet.ts";
import { ensureProgram } from "./infra/build.ts";
import { PROGRAMS } from "./infra/programs.ts";
import type { Ended, TestProcess } from "./process.ts";
import type { NodeEnd, RunDocument } from "./run.ts";

export const NODE = "control01";

export interface KeptPlan {
  readonly plan: string;
  readonly state: string;
  readonly comment?: string;
  readonly by: string;
  readonly apply?: { readonly job: string; readonly by: string };
  readonly bound: { readonly sha256: string; readonly serial: number; readonly lineage: string | null };
}

export class TerraformFleet implements AsyncDisposable {
  readonly fleet: Fleet;
  readonly tofu: string;
  readonly #reviewer: string;

  private constructor(fleet: Fleet, tofu: string, reviewer: string) {
    this.fleet = fleet;
    this.tofu = tofu;
    this.#reviewer = reviewer;
  }

  static async start(): Promise<TerraformFleet> {
    const tofu = await ensureProgram(PROGRAMS.tofu);
    const fleet = await Fleet.start();
    try {
      const reviewer = join(fleet.dir, "reviewer.json");
      await fleet.agent(NODE, { unconfined: true });
      await fleet.ok("operator", "add", "reviewer", "--read", "--run", "terraform.*@*", "--out", reviewer);
      return new TerraformFleet(fleet, tofu, reviewer);
    } catch (thrown) {
      await fleet[Symbol.asyncDispose]();
      throw thrown;
    }
  }

  get site(): string {
    return join(this.fleet.home, "site");
  }
  /** What the node keeps of a workspace. */
  dirOf = (workspace: string): string => join(this.fleet.dir, NODE, "boma/agent/terraform", workspace);

  write(path: string, text: string): void {
    const file = join(this.site, path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text);
  }

  /** `options` is what stands in the call of `terraformWorkspace` beside whom it is for. */
  workspace(name: string, tf: string, options = ""): void {
    this.write(`terraform/${name}/main.tf`, tf);
    this.write(
      `terraform/${name}/workspace.ts`,
      `import { secret, terraformWorkspace } from "@boma/states";
export default terraformWorkspace({ on: "L@${NODE}", program: ${JSON.stringify(this.tofu)}, ${options} });
`,
    );
  }

  workspaceFile(name: string, file: string, text: string): void {
    this.write(`terraform/${name}/${file}`, text);
  }

  terraform = (...words: readonly string[]): Promise<Ended> =>
    this.fleet.run("terraform", ...words, "--json");
  spawn = (...words: readonly string[]): TestProcess => this.fleet.spawn("terraform", ...words);

  async #run(...words: readonly string[]): Promise<{ code: number | null; document: RunDocument }> {
    const { code, stdout, stderr } = await this.terraform(...words);
    try {
      return { code, document: JSON.parse(stdout) as RunDocument };
    } catch {
      throw new Error(`terraform ${words.join(" ")} printed no document:\n${stdout}\n${stderr}`);
    }
  }

  /** A job of a workspace on its node; what the master refuses is a broken test. */
  async end<T>(
    ...words: readonly string[]
  ): Promise<NodeEnd & { readonly return: T; readonly code: number | null; readonly job: string }> {
    const { code, document } = await this.#run(...words);
    const end = document.nodes?.[NODE];
    if (!end) throw new Error(`terraform ${words.join(" ")}: ${JSON.stringify(document)}`);
    return { ...end, return: end.return as T, code, job: document.job };
  }

  /** What the master refuses before anything is sent. */
  async refusal(
    ...words: readonly string[]
  ): Promise<{ readonly code: string; readonly message: string; readonly hint: string }> {
    const { document } = await this.#run(...words);
    const { error } = document as unknown as { error?: { code: string; message: string; hint: string } };
    if (!error) throw new Error(`terraform ${words.join(" ")} was not refused: ${JSON.stringify(document)}`);
    return error;
  }

  /** A plan that can be applied; its id. */
  async planned(workspace: string, ...words: readonly string[]): Promise<string> {
    const { code, return: found, error, job } = await this.end<PlanResult>("plan", workspace, ...words);
    if (code === 0 && found.bound) return job;
    throw new Error(`there is no plan of ${workspace}: ${JSON.stringify(error ?? found)}`);
  }

  async approve(workspace: string, plan: string): Promise<void> {
    await this.fleet.ok("terraform", "approve", workspace, plan, "--operator", this.#reviewer);
  }

  async approved(workspace: string, ...words: readonly string[]): Promise<string> {
    const plan = await this.planned(workspace, ...words);
    await this.approve(workspace, plan);
    return plan;
  }

  apply = (workspace: string, plan: string) => this.end<ApplyResult>("apply", workspace, plan);

  /** From nothing to done. */
  async make(workspace: string): Promise<ApplyResult> {
    const { return: result, error } = await this.apply(workspace, await this.approved(workspace));
    if (!result?.applied) throw new Error(`${workspace} was not applied: ${JSON.stringify(error ?? result)}`);
    return result;
  }

  async plan(workspace: string, plan: string): Promise<KeptPlan> {
    const { stdout } = await this.terraform("plans", workspace);
    return (JSON.parse(stdout) as KeptPlan[]).find((one) => one.plan === plan)!;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.fleet[Symbol.asyncDispose]();
  }
}
