/** Whose results a chain may hold: each belongs to a job that was recorded before it, with that node in its set. */
import type { AuditEntry } from "./record.ts";

export class JobSets {
  /** The nodes of jobs that have not finished. */
  readonly #open = new Map<string, Set<string>>();
  readonly #finished = new Set<string>();

  /** What is wrong with the record, if something is. `isWhole`: the chain is there from its first record on. */
  look({ kind, job: named, node, nodes }: AuditEntry, isWhole: boolean): string | undefined {
    const job = String(named);
    if (kind === "job" || kind === "job-nodes") this.#add(job, nodes);
    if (kind === "finished") {
      this.#open.delete(job);
      this.#finished.add(job);
    }
    if (kind !== "result" && kind !== "sent") return undefined;
    const set = this.#open.get(job);
    if (set) return set.has(String(node)) ? undefined : `the job ${job} was not for this node`;
    if (this.#finished.has(job)) return `the job ${job} had finished before`;
    // Its beginning may have been let go of.
    return isWhole ? `nothing says that the job ${job} was begun` : undefined;
  }

  #add(job: string, nodes: unknown): void {
    const set = this.#open.get(job) ?? new Set();
    this.#open.set(job, set);
    if (Array.isArray(nodes)) for (const row of nodes as unknown[][]) set.add(String(row[0]));
  }
}
