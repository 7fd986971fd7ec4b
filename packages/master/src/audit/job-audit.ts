/** Jobs in the audit: what is to be done on whom before it is sent, and how each node ended, in its own signed words. */
import type { NodeReturnBody } from "@boma/protocol";

import type { ExpectedNode, JobRecord } from "../jobs/job-record.ts";
import type { Kept } from "../jobs/job-world.ts";
import type { NodeRecord } from "../registry/node-record.ts";
import { auditEntries } from "./audit-lines.ts";
import type { Audit } from "./audit.ts";
import { bounded, maskedCall } from "./masked.ts";
import { type AuditEntry, hashOf } from "./record.ts";

/** Nodes in one record: far below what a message may weigh. */
const NODES_PER_RECORD = 2_000;
const LATE_MAX = 10_000;

export type AuditedEnding = {
  readonly status: string;
  readonly ms?: number;
  readonly error?: { readonly code: string } | undefined;
};

interface Parts {
  readonly audit: Pick<Audit, "write" | "later" | "dir">;
  /** What masters recorded that led before this one. */
  readonly others: (since: Date) => AsyncIterable<AuditEntry>;
  readonly node: (key: string) => Pick<NodeRecord, "sign"> | undefined;
}

export class JobAudit {
  readonly #parts: Parts;
  /** Of open jobs: whose ending is in the chain already. */
  readonly #ended = new Map<string, Set<string>>();

  /** Of jobs that were taken up: they ended before the store knew. */
  readonly #finished = new Set<string>();

  /** Late returns that are recorded already, the newest last. */
  readonly #late = new Set<string>();

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** Before anything is sent: what, on whom, with which catalogs. */
  async started(
    record: JobRecord,
    expected: readonly ExpectedNode[],
    catalogs?: ReadonlyMap<string, string>,
  ): Promise<void> {
    const { job, function: name, args, target, operator, causes, effect, test } = record;
    const rows = expected.map(({ key, id }) => [
      key,
      id,
      ...(catalogs?.has(key) ? [catalogs.get(key)!] : []),
    ]);
    const plan = typeof args["plan"] === "string" ? { plan: args["plan"] } : {};
    const masked = bounded(await maskedCall(name, args));
    const said = {
      job,
      operator,
      ...(causes && { causes }),
      function: name,
      effect,
      test,
      args: masked,
      ...plan,
    };
    const first = { kind: "job" as const, ...said, target, count: rows.length };
    const written = [this.#parts.audit.write({ ...first, nodes: rows.slice(0, NODES_PER_RECORD) })];
    for (let at = NODES_PER_RECORD; at < rows.length; at += NODES_PER_RECORD)
      written.push(
        this.#parts.audit.write({ kind: "job-nodes", job, nodes: rows.slice(at, at + NODES_PER_RECORD) }),
      );
    await Promise.all(written);
  }

  /** Jobs that another process began: it may have recorded some of their endings. */
  async takeUp(open: readonly JobRecord[]): Promise<void> {
    const [oldest] = open.map(({ createdAt }) => createdAt).sort((a, b) => a - b);
    if (oldest === undefined) return;
    const jobs = new Set(open.map(({ job }) => job));
    const { audit, others } = this.#parts;
    for (const entries of [auditEntries(audit.dir, { since: oldest }), others(new Date(oldest))])
      for await (const { kind, job, node } of entries) {
        if (!jobs.has(String(job))) continue;
        if (kind === "result") this.#endedOf(String(job)).add(String(node));
        else if (kind === "finished") this.#finished.add(String(job));
      }
  }

  /** Resolves when it is on the disk. One that is there already is not recorded twice. */
  async returned(
    { job }: Pick<JobRecord, "job">,
    node: ExpectedNode,
    { kept, ending }: { readonly kept: Kept; readonly ending: AuditedEnding },
  ): Promise<void> {
    const ended = this.#endedOf(job);
    if (ended.has(node.key)) return;
    const { status, ms, error } = ending;
    const said = {
      job,
      node: node.key,
      id: node.id,
      status,
      ...(ms !== undefined && { ms }),
      ...(error && { error: error.code }),
    };
    const sign = this.#parts.node(node.key)?.sign;
    const proof = "frame" in kept ? { sign, frame: kept.frame } : { by: "master" };
    await this.#parts.audit.write({ kind: "result", ...said, ...proof });
    ended.add(node.key);
  }

  /** Which catalog a node is about to be sent: with the secrets' tags it may be another one than was compiled. */
  async sent(job: string, node: string, catalog: string): Promise<void> {
    await this.#parts.audit.write({ kind: "sent", job, node, catalog });
  }

  /** What came after its job had closed changes nothing, but nobody can say that it never came. The first one of a node is enough. */
  async late(
    { job, status, ms }: Pick<NodeReturnBody, "job" | "status" | "ms">,
    { key: node, id }: ExpectedNode,
    frame: Uint8Array,
  ): Promise<void> {
    const name = `${job} ${node}`;
    if (this.#late.has(name)) return;
    await this.#parts.audit.write({ kind: "late", job, node, id, status, ms, frameSha256: hashOf(frame) });
    this.#late.add(name);
    if (this.#late.size > LATE_MAX) this.#late.delete(this.#late.values().next().value!);
  }

  async finished(
    { job, state, nodes }: JobRecord,
    statuses: Readonly<Record<string, number>>,
  ): Promise<void> {
    // Tried again because something behind it failed: it stands already.
    if (this.#finished.has(job) || (nodes > 0 && !this.#ended.has(job))) return;
    await this.#parts.audit.write({ kind: "finished", job, state, nodes, statuses });
    this.#ended.delete(job);
  }

  #endedOf(job: string): Set<string> {
    const ended = this.#ended.get(job) ?? new Set();
    this.#ended.set(job, ended);
    return ended;
  }
}
