/** Who has which failure domain, and whether that node can still be at it: what an operator looks at first. */
import type { Control } from "../control.ts";
import type { JobRecord } from "../jobs/job-record.ts";
import type { Lease } from "./leases.ts";

export interface Holder {
  readonly domain: string;
  readonly node: string;
  /** The node's key; none where its job was never made and its record is gone. */
  readonly key: string | undefined;
  readonly job: string;
  readonly operator: string;
  readonly since: number;
  /** `being made`: between the lease and its job; `elsewhere`: another master follows the job. */
  readonly state: "open" | "cancelled" | "being made" | "elsewhere";
  /** How far the job is on the node: `sent`, `running`, …. */
  readonly status: string | null;
  readonly connected: boolean;
  /** Since when the node has been away, if the master saw it go. */
  readonly awaySince: number | null;
  readonly revoked: boolean;
  /** When it falls free by itself at the latest. */
  readonly until: number | null;
}

type Parts = Pick<Control, "jobs" | "registry" | "presence">;

export async function holderOf({ jobs, registry, presence }: Parts, lease: Lease): Promise<Holder> {
  const { name: domain, node, job, operator, since } = lease;
  const open = jobs.get(job);
  const [course] = open?.courses.values() ?? [];
  const key = course?.key ?? (await keyAsKept(jobs, job)) ?? registry.byId(node)?.key;
  const kept = open ? undefined : await jobs.store.find(job);
  const deadline = course?.deadline ?? Number.POSITIVE_INFINITY;
  return {
    domain,
    node,
    key,
    job,
    operator,
    since,
    state: open ? stateOf(open.record) : kept ? "elsewhere" : "being made",
    status: course?.status ?? null,
    connected: key !== undefined && presence.connected(key),
    awaySince: course?.lostAt ?? null,
    revoked: key !== undefined && registry.byKey(key)?.status === "revoked",
    until: Number.isFinite(deadline) ? deadline : null,
  };
}

const stateOf = ({ state }: JobRecord): Holder["state"] => (state === "cancelled" ? state : "open");

async function keyAsKept({ store }: Parts["jobs"], job: string): Promise<string | undefined> {
  const [node] = await store.expected(job);
  return node?.key;
}

/** Those that are held now, the oldest first. */
export async function holders(control: Parts & Pick<Control, "leases">): Promise<readonly Holder[]> {
  const held = await control.leases.held();
  const all = await Promise.all(held.map((lease) => holderOf(control, lease)));
  return all.sort((a, b) => a.since - b.since);
}
