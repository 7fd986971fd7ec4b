/** `job.start`: from what an operator or a reactor asks for to a job that the nodes are told of. */
import {
  ARGUMENTS_BYTES_MAX,
  BomaError,
  CLOCK_AHEAD_MS_MAX,
  EXPECTED_NODES_MAX,
  JOB_EXPIRY_MS_MAX,
  JobId,
  jobIdTime,
  MESSAGE_AGE_MS_MAX,
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
import type { Job } from "../../jobs/job.ts";
import type { Known, NewJob } from "../../jobs/jobs.ts";
import { watchJob } from "../../jobs/watch.ts";
import { assertAttended, leaseOf } from "../../maintenance/leased-job.ts";
import type { NodeRecord } from "../../registry/node-record.ts";
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
  /** Whoever asks may name the job, to ask for the same one again when the line broke before an answer came. */
  job: JobId.optional(),
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
  async *answer({ allowEmpty, watch, ...asked }, by) {
    const { control, operator, reaction, signal } = by;
    const spec = requireFunction(asked.function);
    assertTestable(spec, asked.test);
    assertAttended(spec, reaction !== undefined);
    const given = checkArguments(spec, asked.args);
    if (pack(given).length > ARGUMENTS_BYTES_MAX)
      throw new BomaError("job/too-large", `the arguments exceed ${ARGUMENTS_BYTES_MAX} bytes`);
    const nodes = allowEmpty ? resolve(control, asked.target).nodes : resolveSome(control, asked.target);
    if (nodes.length > EXPECTED_NODES_MAX)
      throw new BomaError("job/too-large", `${nodes.length} nodes are more than one job may address`);
    const targets = nodes.map((node) => control.registry.targetNode(node));
    authorise(operator, { right: "run", function: spec.name, nodes: targets });
    authoriseState(operator, { function: spec.name, args: given }, targets);
    const job = reaction?.job ?? asked.job ?? newJobId();
    const answer = await control.jobs.once(job, () => make(spec, { ...asked, job, args: given }, nodes, by));
    if (answer.known) return yield* again(by, answer.known, { ...asked, watch });
    const { made } = answer;
    // Whoever watches listens before the first node can answer.
    const { record } = made;
    const items = watch
      ? watchJob(control, { record, job: made }, { follow: true, fresh: true }, signal)
      : [{ type: "job", record }];
    made.start();
    yield* items;
  },
});

/** What is to be done, under which id, with all of its arguments. */
type Wanted = Omit<z.output<typeof JobStart>, "allowEmpty" | "watch"> & { readonly job: string };

async function make(spec: AnyFunction, asked: Wanted, nodes: readonly NodeRecord[], by: Asked): Promise<Job> {
  const { control, operator } = by;
  if (!by.reaction) assertOfNow(asked.job);
  const ready = await prepareTerraform(control, { function: spec.name, args: asked.args, nodes });
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
  const begin = async () => {
    await beginTerraform(control, ready, { function: spec.name, job: asked.job, by: operator.name });
    return control.jobs.start(
      newJobOf(spec, { ...asked, args }, { lease, nodes: nodes.length }, by),
      nodes.map(({ key, id }) => ({ key, id })),
      compiled && hashesOf(compiled),
    );
  };
  const turn = { name: lease ?? "", job: asked.job, node: nodes[0]?.id ?? "", operator: operator.name };
  const job = await (lease === undefined ? begin() : control.leases.during(turn, begin));
  settleAtEnd(control, ready, job);
  if (compiled) control.catalogs.keep(job.record.job, compiled);
  return job;
}

/** Jobs sort by their ids, so whoever names one names it by the time that it is. */
function assertOfNow(job: string): void {
  const age = Date.now() - jobIdTime(job);
  if (age <= MESSAGE_AGE_MS_MAX && age >= -CLOCK_AHEAD_MS_MAX) return;
  throw new BomaError("master/request", `job ${job} is named by ${new Date(jobIdTime(job)).toISOString()}`, {
    hint: "A job is named when it is asked for. Is the clock right?",
  });
}

/** The job as it was asked for, with what the function says where nothing was said. */
function newJobOf(
  { name, effect, timeoutMs }: AnyFunction,
  asked: Wanted,
  { lease, nodes }: { readonly lease: string | undefined; readonly nodes: number },
  { operator, reaction }: Asked,
): NewJob {
  const { job, args, target, test, batch, maxFail } = asked;
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

/** What was asked for before: by a reactor, perhaps of a master that died over it, or by a command line whose line broke. */
async function* again(
  { control, operator, reaction, signal }: Asked,
  known: Known,
  asked: { readonly function: string; readonly target: string; readonly watch: boolean },
): AsyncGenerator<unknown> {
  const { job, function: name, target, operator: whose } = known.record;
  if (!reaction && whose !== operator.name) throw new BomaError("job/taken", `job ${job} is one of ${whose}`);
  if (name !== asked.function || target !== asked.target)
    throw new BomaError(
      reaction ? "reactor/failed" : "job/taken",
      `job ${job} was asked for as ${name} on ${target}, and now as ${asked.function} on ${asked.target}`,
      reaction && { hint: "What a reactor asks for at an event must be the same when it is tried again." },
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
