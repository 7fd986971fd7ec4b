import {
  ARGUMENTS_BYTES_MAX,
  BomaError,
  EXPECTED_NODES_MAX,
  JOB_EXPIRY_MS_MAX,
  JobId,
  newJobId,
  pack,
  type TargetNode,
} from "@boma/protocol";
import {
  type AnyFunction,
  assertTestable,
  catalogHash,
  checkArguments,
  FUNCTION_TIMEOUT_MS,
} from "@boma/states/core";
import { z } from "zod";

import { bringsCatalog } from "../../catalogs/catalogs.ts";
import type { Control } from "../../control.ts";
import { isFinal } from "../../jobs/course.ts";
import type { JobRecord } from "../../jobs/job-record.ts";
import type { Job } from "../../jobs/job.ts";
import type { NewJob } from "../../jobs/jobs.ts";
import { watchJob } from "../../jobs/watch.ts";
import { assertAttended, leaseOf } from "../../maintenance/leased-job.ts";
import { requireFunction } from "../../require-function.ts";
import type { Compiled } from "../../site/site-compiler.ts";
import { beginTerraform, prepareTerraform, settleAtEnd } from "../../terraform/terraform-jobs.ts";
import { authorise, type OperatorRecord } from "../rights.ts";
import { type Asked, defineVerb } from "../verb.ts";
import { resolve, resolveSome } from "./nodes.ts";

/** A write that finds a node offline waits for it this long, where the operator does not say otherwise. */
const WAIT_MS = 3_600_000;

const Share = z
  .strictObject({ count: z.number().int().positive() })
  .or(z.strictObject({ percent: z.number().positive().max(100) }));
const inNodes = (share: z.output<typeof Share>, nodes: number): number =>
  "count" in share ? share.count : Math.max(1, Math.ceil((share.percent / 100) * nodes));
/** Here zero is a number like others: no failure is allowed. */
const Failures = z
  .strictObject({ count: z.number().int().nonnegative() })
  .or(z.strictObject({ percent: z.number().min(0).max(100) }));

const JobStart = z.strictObject({
  target: z.string().min(1),
  function: z.string(),
  args: z.record(z.string(), z.unknown()),
  test: z.boolean(),
  timeoutMs: z.number().int().min(100).max(JOB_EXPIRY_MS_MAX).optional(),
  waitMs: z.number().int().min(0).max(JOB_EXPIRY_MS_MAX).optional(),
  batch: Share.optional(),
  maxFail: Failures.optional(),
  allowEmpty: z.boolean(),
  watch: z.boolean(),
});

export const jobStart = defineVerb({
  verb: "job.start",
  right: "itself",
  args: JobStart,
  async *answer({ allowEmpty, watch, ...asked }, { control, operator, reaction, signal }) {
    const spec = requireFunction(asked.function);
    assertTestable(spec, asked.test);
    assertAttended(spec, reaction !== undefined);
    const given = checkArguments(spec, asked.args);
    if (pack(given).length > ARGUMENTS_BYTES_MAX)
      throw new BomaError("job/too-large", `the arguments exceed ${ARGUMENTS_BYTES_MAX} bytes`);
    const nodes = allowEmpty ? resolve(control, asked.target).nodes : resolveSome(control, asked.target);
    if (nodes.length > EXPECTED_NODES_MAX)
      throw new BomaError("job/too-large", `${nodes.length} nodes are more than one job may address`);
    authorise(operator, {
      right: "run",
      function: spec.name,
      nodes: nodes.map((node) => control.registry.targetNode(node)),
    });
    authoriseState(
      operator,
      { function: spec.name, args: given },
      nodes.map((node) => control.registry.targetNode(node)),
    );
    const before = reaction && (await control.jobs.known(reaction.job));
    if (before) return yield* again(control, before, { ...asked, watch }, signal);
    const ready = await prepareTerraform(control, { function: spec.name, args: given, nodes });
    const { args } = ready;
    const call = { function: spec.name, args };
    // A catalog that cannot be compiled is an error before the job exists.
    const compiled = bringsCatalog(call)
      ? await control.catalogs.compile(
          nodes.map(({ key }) => key),
          call,
        )
      : undefined;
    const lease = leaseOf(spec, args, { ...asked, nodes: nodes.length });
    const id = reaction?.job ?? newJobId();
    const begin = async () => {
      await beginTerraform(control, ready, { function: spec.name, job: id, by: operator.name });
      return control.jobs.start(
        newJobOf(spec, asked, { job: id, args, lease, operator, reaction, nodes: nodes.length }),
        nodes.map(({ key, id }) => ({ key, id })),
        compiled && hashesOf(compiled),
      );
    };
    const turn = { name: lease ?? "", job: id, node: nodes[0]?.id ?? "", operator: operator.name };
    const job = await (lease === undefined ? begin() : control.leases.during(turn, begin));
    settleAtEnd(control, ready, job);
    const { record } = job;
    if (compiled) control.catalogs.keep(record.job, compiled);
    // Whoever watches listens before the first node can answer.
    const items = watch
      ? watchJob(control, { record, job }, { follow: true, fresh: true }, signal)
      : [{ type: "job", record }];
    job.start();
    yield* items;
  },
});

interface Making {
  readonly job: string;
  readonly args: Record<string, unknown>;
  readonly lease: string | undefined;
  readonly operator: OperatorRecord;
  readonly reaction: Asked["reaction"];
  readonly nodes: number;
}

/** The job as it was asked for, with what the function says where nothing was said. */
function newJobOf(
  { name, effect, timeoutMs }: AnyFunction,
  asked: Omit<z.output<typeof JobStart>, "allowEmpty" | "watch">,
  { job, args, lease, operator, reaction, nodes }: Making,
): NewJob {
  const { target, test, batch, maxFail } = asked;
  return {
    job,
    function: name,
    args,
    target,
    operator: operator.name,
    ...(reaction && { causes: [...reaction.causes] }),
    effect,
    test,
    timeoutMs: asked.timeoutMs ?? timeoutMs ?? FUNCTION_TIMEOUT_MS,
    waitMs: asked.waitMs ?? (effect === "write" && lease === undefined ? WAIT_MS : 0),
    ...(lease !== undefined && { lease }),
    ...(batch && { batch: inNodes(batch, nodes) }),
    ...(maxFail && {
      maxFail: "count" in maxFail ? maxFail.count : Math.floor((maxFail.percent / 100) * nodes),
    }),
  };
}

/** What is recorded of the catalogs; those that secrets go into are hashed again with the tags of their values. */
const hashesOf = (compiled: ReadonlyMap<string, Compiled>): Map<string, string> =>
  new Map([...compiled].map(([key, { catalog }]) => [key, catalogHash(catalog)]));

/** What a reactor asked for before, perhaps of a master that died over it. */
async function* again(
  control: Control,
  known: { record: JobRecord; job: Job | undefined },
  asked: { readonly function: string; readonly target: string; readonly watch: boolean },
  signal: AbortSignal,
): AsyncGenerator<unknown> {
  const { job, function: name, target } = known.record;
  if (name !== asked.function || target !== asked.target)
    throw new BomaError(
      "reactor/failed",
      `at this event it asked for ${name} on ${target} before (job ${job}), and now for ${asked.function} on ${asked.target}`,
      { hint: "What a reactor asks for at an event must be the same when it is tried again." },
    );
  if (asked.watch) yield* watchJob(control, known, { follow: true, fresh: false }, signal);
  else yield { type: "job", record: known.record };
}

/** A state by itself is something that a role must allow by the state's own name as well. */
function authoriseState(
  operator: OperatorRecord,
  { function: name, args }: { readonly function: string; readonly args: Readonly<Record<string, unknown>> },
  nodes: readonly TargetNode[],
): void {
  if (name === "state.single") authorise(operator, { right: "run", function: String(args["state"]), nodes });
}

/** A job that is open, or one that is only stored. */
async function find(control: Control, id: string): Promise<{ record: JobRecord; job: Job | undefined }> {
  const job = control.jobs.get(id);
  return { record: job?.record ?? (await control.jobs.store.read(id)), job };
}

export const jobAttach = defineVerb({
  verb: "job.attach",
  right: "read",
  args: z.strictObject({ job: JobId }),
  async *answer({ job }, { control, signal }) {
    yield* watchJob(control, await find(control, job), { follow: true, fresh: false }, signal);
  },
});

export const jobShow = defineVerb({
  verb: "job.show",
  right: "read",
  args: z.strictObject({ job: JobId }),
  async *answer({ job }, { control, signal }) {
    yield* watchJob(control, await find(control, job), { follow: false, fresh: false }, signal);
  },
});

export const jobList = defineVerb({
  verb: "job.list",
  right: "read",
  args: z.strictObject({ limit: z.number().int().positive().max(10_000) }),
  async answer({ limit }, { control }) {
    const records: JobRecord[] = [];
    for await (const record of control.jobs.store.list()) records.push(record);
    records.sort((a, b) => (a.job < b.job ? 1 : -1));
    return records
      .slice(0, limit)
      .map((record) => ({ ...record, args: undefined, pending: pendingOf(control.jobs.get(record.job)) }));
  },
});

const pendingOf = (job: Job | undefined): number =>
  job ? [...job.courses.values()].filter(({ status }) => !isFinal(status)).length : 0;

export const jobCancel = defineVerb({
  verb: "job.cancel",
  right: "itself",
  args: z.strictObject({ job: JobId }),
  async answer({ job }, { control, operator }: Asked) {
    const { record } = await find(control, job);
    if (record.operator !== operator.name && !operator.rights.admin)
      throw new BomaError("operator/denied", `${operator.name} may not cancel a job of ${record.operator}`);
    await control.jobs.cancel(job, operator.name);
    return { job };
  },
});
