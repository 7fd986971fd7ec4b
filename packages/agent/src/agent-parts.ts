/** What an agent is made of, set up in the order in which each part needs the others. Everything here is local. */
import { mkdir } from "node:fs/promises";
import { join } from "node:path";

import type { Grains, JoinKit } from "@boma/protocol";
import { type AgentStatus, functions } from "@boma/states/core";

import type { AgentOptions } from "./agent-options.ts";
import { Bundles } from "./bundles.ts";
import type { Bus } from "./bus.ts";
import { readChunks } from "./chunks.ts";
import type { MasterTime } from "./clock.ts";
import { confirmation } from "./confirm/confirmation.ts";
import { revertLeftovers } from "./confirm/dead-man.ts";
import { undoDir } from "./confirm/undo-file.ts";
import { type GrainsFeed, startGrainsFeed } from "./grains-feed.ts";
import { hostOf, realHost } from "./host/hosts.ts";
import { closeHome, Identity, noMaster } from "./identity.ts";
import { Jobs } from "./jobs.ts";
import { Journal, type StartedRecord } from "./journal.ts";
import { type Letters, lettersOf } from "./letters.ts";
import { type HomeLock, lockHome } from "./lock.ts";
import type { Log } from "./log.ts";
import { Outbox } from "./outbox.ts";
import { openPolicy, type Policy, readPolicy } from "./policy.ts";
import { builtIn, NodeStates } from "./states/node-states.ts";
import { openTrust, type Trust } from "./trust.ts";

export interface AgentParts {
  readonly identity: Identity;
  readonly trust: Trust;
  readonly journal: Journal;
  readonly policy: Policy;
  readonly letters: Letters;
  readonly outbox: Outbox;
  readonly jobs: Jobs;
  readonly states: NodeStates;
  readonly feed: GrainsFeed;
  readonly lock: HomeLock;
  readonly kit: JoinKit;
  /** Begun by an earlier process, to be begun again once the mailbox was read. */
  readonly resumable: readonly StartedRecord[];
}

const WHY_LENGTH_MAX = 500;

/** What the parts need of the agent as a whole. */
export interface AgentWorld {
  readonly log: Log;
  readonly random: () => number;
  readonly time: MasterTime;
  readonly onGrains: () => void;
  readonly status: () => AgentStatus;
  /** Whatever connection there is at the moment of a request. */
  readonly bus: Bus;
  /** Reaches the master over a new connection. */
  readonly reach: (signal: AbortSignal) => Promise<void>;
}

/** Throws where something local cannot be. */
export async function assembleParts(options: AgentOptions, world: AgentWorld): Promise<AgentParts> {
  const { dir, grains } = options;
  const { log, random } = world;
  const feeding = startGrainsFeed(grains, { log, random, onChange: world.onGrains });
  feeding.catch(() => undefined);
  await mkdir(dir, { recursive: true, mode: 0o700 });
  const lock = await lockHome(dir);
  try {
    for (const { declaration, problems } of await revertLeftovers(undoDir(dir)))
      log.warn(
        { declaration, problems },
        "a change that was not confirmed before the restart was taken back",
      );
    const kept = await openKept(options, world);
    const { journal, outbox } = kept;
    let feed: GrainsFeed | undefined;
    const collect = async () => (await (await feeding).refresh()).grains;
    const family = () => textGrain(feed?.current.grains["os_family"]);
    const { jobs, states } = makeJobs(options, world, { ...kept, collect, family });
    void feeding.then(
      (started) => (feed = started),
      () => undefined,
    );
    for (const one of await journal.unsent()) outbox.sendReturn(one);
    const interrupted = journal.interrupted();
    for (const record of interrupted) if (record.onRestart === "fail") jobs.recover(record);
    const resumable = interrupted.filter(({ onRestart }) => onRestart === "resume");
    return { ...kept, jobs, states, feed: await feeding, lock, resumable };
  } catch (thrown) {
    void feeding.then((feed) => feed.stop()).catch(() => undefined);
    await lock.release();
    throw thrown;
  }
}

type Kept = Omit<AgentParts, "jobs" | "states" | "feed" | "lock" | "resumable">;

/** What is kept on the disk, opened. */
async function openKept(options: AgentOptions, { log, random, time }: AgentWorld): Promise<Kept> {
  const { dir, durable = true, policyDir } = options;
  const identity = await Identity.open(dir, { proposed: options.proposedId ?? "node", durable });
  for (const path of await closeHome(dir))
    log.warn({ path }, "others could read this file; now only its owner can");
  await identity.begin({ kit: options.kit, proposed: options.id });
  const { kit } = identity;
  if (!kit) throw noMaster();
  const trust = await openTrust(dir, kit.root, { durable });
  const now = (): number | undefined => (time.known ? time.now() : undefined);
  const journal = await Journal.open(join(dir, "journal"), { durable, now });
  const policy = policyDir === undefined ? openPolicy : await readPolicy(policyDir);
  for (const problem of policy.problems)
    log.error({ problem }, "the policy cannot be read: functions that change things are refused");
  const letters = lettersOf(identity, time);
  const outbox = new Outbox({ key: () => identity.key, journal, renew: letters.renew, random });
  return { identity, kit, trust, journal, policy, letters, outbox };
}

function makeJobs(
  options: AgentOptions,
  world: AgentWorld,
  {
    identity,
    trust,
    journal,
    policy,
    letters,
    outbox,
    collect,
    family,
  }: Kept & { readonly collect: () => Promise<Grains>; readonly family: () => string | undefined },
): { jobs: Jobs; states: NodeStates } {
  const { dir, durable = true, host: machine = realHost } = options;
  const { time, log, status } = world;
  const bundles = new Bundles({
    dir: join(dir, "bundles"),
    durable,
    bus: world.bus,
    key: () => identity.key,
    release: () => trust.release,
    builtIn,
    refused: (digest, { message }) => {
      log.error({ digest, error: message }, "a bundle of the site's states was refused");
      const data = { digest, why: message.slice(0, WHY_LENGTH_MAX) };
      outbox.sendLoose("event", letters.event({ kind: "bundle.refused", data }));
    },
  });
  const states = new NodeStates({
    dir,
    durable,
    machine,
    sealKey: () => identity.keys.seal,
    fetch: (ref, signal) => readChunks({ bus: world.bus, key: identity.key, signal }, ref),
    bundle: (digest, signal) => bundles.load(digest, signal),
    permit: (state) => policy.check(state, "write"),
    family,
    confirm: confirmation({ agentDir: dir, root: machine.root, reach: world.reach, program: agentProgram() }),
  });
  const jobs = new Jobs({
    journal,
    time,
    log,
    host: (session) => hostOf(machine, { collect, status }, session),
    states: (order, call) => states.runnerFor(order, call),
    functions: options.functions ?? functions,
    policy: () => policy,
    sign: letters.return,
    sendReturn: (kept) => outbox.sendReturn(kept),
    sendProgress: (body) => outbox.sendLoose("progress", letters.progress(body)),
  });
  return { jobs, states };
}

const textGrain = (value: unknown): string | undefined => (typeof value === "string" ? value : undefined);

/** How this program is started: the dead-man is the same one with another command. */
const agentProgram = (): readonly string[] => [process.execPath, process.argv[1] ?? ""];
