/** What an agent does: runs of states, its look after them, its schedules, and the jobs that the master sends. */
import { join } from "node:path";
import { isSea } from "node:sea";

import type { Grains } from "@boma/protocol";
import { type FunctionHost, functions, STAGES } from "@boma/states/core";

import type { KeptParts } from "./agent-kept.ts";
import type { AgentOptions } from "./agent-options.ts";
import type { AgentWorld } from "./agent-parts.ts";
import { Bundles } from "./bundles.ts";
import { readChunks } from "./chunks.ts";
import { confirmation } from "./confirm/confirmation.ts";
import { makeDrift } from "./drift/assemble.ts";
import type { Drift } from "./drift/drift.ts";
import { messageOf } from "./files.ts";
import { type CallSession, hostOf, realHost } from "./host/hosts.ts";
import { Jobs } from "./jobs.ts";
import type { NodeMaintenance } from "./maintenance/node-maintenance.ts";
import { openMaintenance } from "./maintenance/open-maintenance.ts";
import { openSchedules } from "./schedules/open-schedules.ts";
import type { NodeSchedules } from "./schedules/schedules.ts";
import { NodeStages } from "./stages/node-stages.ts";
import { StageHolds } from "./stages/stage-holds.ts";
import { builtIn, NodeStates } from "./states/node-states.ts";
import { NodeWorkspaces } from "./terraform/node-workspaces.ts";

const WHY_LENGTH_MAX = 500;

export interface Doers {
  readonly jobs: Jobs;
  readonly states: NodeStates;
  readonly schedules: NodeSchedules;
  /** Looks after the catalog that was applied last. */
  readonly drift: Drift;
  /** Tells which restarts wait for maintenance. */
  readonly maintenance: NodeMaintenance;
}

interface Grown {
  readonly collect: () => Promise<Grains>;
  /** The node's `os_family`, where its grains are at hand. */
  readonly family: () => string | undefined;
}

export function makeDoers(
  options: AgentOptions,
  world: AgentWorld,
  kept: KeptParts,
  { collect, family }: Grown,
): Doers {
  const { dir, durable = true, host: machine = realHost } = options;
  const { time, log, status, random, onWork: changed } = world;
  const { identity, journal, policy, letters, outbox, duties, cache, driftBook: book, beacons, tell } = kept;
  const states = makeStates(options, world, kept, family);
  const { holds, stages } = makeStages(options, cache, states);
  const drift = makeDrift({
    held: () => holds.held(),
    machine,
    policy,
    journal,
    cache,
    book,
    states,
    duties,
    tell,
    time,
    log,
    random,
  });
  const { maintenance, permits } = openMaintenance(options, world, { kept, states });
  const own = { collect, status, duties: duties.port, beacons, drift, stages, maintenance, permits };
  const host = (session: CallSession): FunctionHost => hostOf(machine, { ...own, schedules }, session);
  const common = { functions: options.functions ?? functions, policy: () => policy, changed };
  const schedules = openSchedules({
    dir,
    durable,
    time,
    cache,
    states,
    duties,
    host,
    tell,
    log,
    id: () => identity.id,
    bootId: options.bootId ?? "",
    corrupt: () => journal.corrupt,
    ...common,
  });
  const workspaces = makeWorkspaces(options, world, kept);
  const jobs = new Jobs({
    journal,
    time,
    log,
    host,
    states: (order, call) => states.runnerFor(order, call),
    workspaces: (order, call) => workspaces.runnerFor(order, call),
    sign: letters.return,
    sendReturn: (kept) => outbox.sendReturn(kept),
    sendProgress: (body) => outbox.sendLoose("progress", letters.progress(body)),
    ...common,
  });
  return { jobs, states, schedules, drift, maintenance };
}

function makeStages(
  { dir, durable = true, bootId = "", host: machine = realHost }: AgentOptions,
  cache: KeptParts["cache"],
  states: NodeStates,
) {
  const holds = new StageHolds(join(dir, "stages.json"), { bootId, durable });
  // Whoever applies all of it wants all of it up.
  cache.listen(() => void holds.release(STAGES).catch(() => undefined));
  return { holds, stages: new NodeStages({ cache, states, machine, holds }) };
}

const makeWorkspaces = (
  { dir, durable = true, host: machine = realHost }: AgentOptions,
  { time, bus }: AgentWorld,
  { identity, tell }: KeptParts,
): NodeWorkspaces =>
  new NodeWorkspaces({
    dir,
    durable,
    machine,
    sealKey: () => identity.keys.seal,
    fetch: (ref, signal) => readChunks({ bus, key: identity.key, signal }, ref),
    now: () => time.now(),
    tell,
  });

function makeStates(
  options: AgentOptions,
  world: AgentWorld,
  { identity, trust, policy, duties, cache, tell }: KeptParts,
  family: () => string | undefined,
): NodeStates {
  const { dir, durable = true, host: machine = realHost } = options;
  const { time, log, bus, reach, onWork: changed } = world;
  const bundles = new Bundles({
    dir: join(dir, "bundles"),
    durable,
    bus,
    key: () => identity.key,
    release: () => trust.release,
    builtIn,
    refused: (digest, { message }) => {
      log.error({ digest, error: message }, "a bundle of the site's states was refused");
      tell({ kind: "bundle.refused", data: { digest, why: message.slice(0, WHY_LENGTH_MAX) } });
    },
  });
  return new NodeStates({
    dir,
    durable,
    machine,
    duties,
    cache,
    notKept: (thrown) => {
      const comment = messageOf(thrown).slice(0, WHY_LENGTH_MAX);
      log.error({ error: comment }, "the catalog was applied and cannot be kept: drift is not looked for");
      tell({ kind: "drift.failed", data: { resource: "catalog", catalog: "", comment } });
    },
    now: () => time.now(),
    changed,
    sealKey: () => identity.keys.seal,
    fetch: (ref, signal) => readChunks({ bus, key: identity.key, signal }, ref),
    bundle: (digest, signal) => bundles.load(digest, signal),
    permit: (state) => policy.check(state, "write"),
    family,
    confirm: confirmation({ agentDir: dir, root: machine.root, reach, program: agentProgram() }),
  });
}

/** How this program is started: the dead-man is the same one with another command. */
const agentProgram = (): readonly string[] =>
  isSea() ? [process.execPath] : [process.execPath, process.argv[1] ?? ""];
