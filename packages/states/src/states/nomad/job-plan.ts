/** What Nomad itself says that a job would change. Where its allocations are is the scheduler's affair, and no difference. */
import { BomaError } from "@boma/protocol";

import type { ReadCommands } from "../../host/commands.ts";
import { jobPath } from "./job-path.ts";
import { type ProgramAccess, query } from "./operator-api.ts";

export type Job = Readonly<Record<string, unknown>> & { readonly ID: string };

interface Field {
  readonly Type: string;
  readonly Name: string;
  readonly Old: string;
  readonly New: string;
}

/** Of the job, and the same of each of its parts. */
interface Difference {
  readonly Type: string;
  readonly Name?: string;
  readonly Fields?: readonly Field[] | null;
  readonly Objects?: readonly Difference[] | null;
  readonly TaskGroups?: readonly Difference[] | null;
  readonly Tasks?: readonly Difference[] | null;
}

interface Plan {
  readonly Diff: Difference;
  readonly JobModifyIndex: number;
}

export interface Planned {
  /** `web.app.Config.image = "…"`, on either side; empty where nothing differs. */
  readonly from: readonly string[];
  readonly to: readonly string[];
  /** Which registration it was compared with; 0: there is none. */
  readonly index: number;
}

interface Declared {
  readonly job: string;
  readonly namespace: string;
  readonly spec?: object | undefined;
  readonly hcl?: string | undefined;
}

/** The job of a declaration as the API takes it: as it is written, or read from Nomad's own language. */
export async function jobFor(
  { job, namespace, spec, hcl }: Declared,
  commands: ReadCommands,
  at: ProgramAccess,
): Promise<Job> {
  const read: { readonly Namespace?: unknown } =
    hcl === undefined
      ? (spec ?? {})
      : await query<object>(commands, at, "/v1/jobs/parse", { JobHCL: hcl, Canonicalize: true });
  const { Namespace: own = "default" } = read;
  if (own !== "default" && own !== namespace)
    throw new BomaError("state/params", `${job} says that its namespace is ${JSON.stringify(own)}`, {
      hint: "Say it as the `namespace` of the declaration.",
    });
  return { Name: job, Type: "service", ...read, ID: job, Namespace: namespace };
}

interface Compared extends ProgramAccess {
  readonly namespace: string;
  readonly keepCounts: boolean;
}

export async function planned(job: Job, at: Compared, commands: ReadCommands): Promise<Planned> {
  const path = jobPath(job.ID, at.namespace)("/plan");
  const body = { Job: job, Diff: true };
  const { Diff: found, JobModifyIndex: index } = await query<Plan>(commands, at, path, body);
  const leaves = leavesOf(found, "").filter(({ path: where }) => !at.keepCounts || !isCount(where));
  const side = (which: "Old" | "New") =>
    leaves.filter((leaf) => leaf[which] !== "").map((leaf) => `${leaf.path} = ${leaf[which]}`);
  return { from: side("Old"), to: side("New"), index };
}

interface Leaf {
  readonly path: string;
  readonly Old: string;
  readonly New: string;
}

/** `GROUP.Count`: how many there are of a group. */
const isCount = (path: string): boolean => /^[^.]+\.Count$/.test(path);

function leavesOf(one: Difference, above: string): Leaf[] {
  const fields = (one.Fields ?? []).filter(({ Type: kind }) => kind !== "None");
  const parts = [...(one.TaskGroups ?? []), ...(one.Tasks ?? []), ...(one.Objects ?? [])];
  return [
    ...fields.map(({ Name: name, Old, New }) => ({ path: `${above}${name}`, Old, New })),
    ...parts
      .filter(({ Type: kind }) => kind !== "None")
      .flatMap((part) => leavesOf(part, `${above}${part.Name ?? ""}.`)),
  ];
}
