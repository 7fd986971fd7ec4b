/** What an agent is made of, set up in the order in which each part needs the others. Everything here is local. */
import { mkdir } from "node:fs/promises";

import type { AgentStatus } from "@boma/states/core";

import { type Doers, makeDoers } from "./agent-doers.ts";
import { type KeptParts, openKept } from "./agent-kept.ts";
import type { AgentOptions } from "./agent-options.ts";
import type { Bus } from "./bus.ts";
import type { MasterTime } from "./clock.ts";
import { revertLeftovers } from "./confirm/dead-man.ts";
import { undoDir } from "./confirm/undo-file.ts";
import { type GrainsFeed, startGrainsFeed } from "./grains-feed.ts";
import type { StartedRecord } from "./journal.ts";
import { type HomeLock, lockHome } from "./lock.ts";
import type { Log } from "./log.ts";

export interface AgentParts extends KeptParts, Doers {
  readonly feed: GrainsFeed;
  readonly lock: HomeLock;
  /** Begun by an earlier process, to be begun again once the mailbox was read. */
  readonly resumable: readonly StartedRecord[];
}

/** What the parts need of the agent as a whole. */
export interface AgentWorld {
  readonly log: Log;
  readonly random: () => number;
  readonly time: MasterTime;
  readonly onGrains: () => void;
  /** Something that changes this machine began or ended. */
  readonly onWork: () => void;
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
    const doers = makeDoers(options, world, kept, { collect, family });
    void feeding.then(
      (started) => (feed = started),
      () => undefined,
    );
    for (const one of await journal.unsent()) outbox.sendReturn(one);
    const interrupted = journal.interrupted();
    for (const record of interrupted) if (record.onRestart === "fail") doers.jobs.recover(record);
    const resumable = interrupted.filter(({ onRestart }) => onRestart === "resume");
    return { ...kept, ...doers, feed: await feeding, lock, resumable };
  } catch (thrown) {
    void feeding.then((feed) => feed.stop()).catch(() => undefined);
    await lock.release();
    throw thrown;
  }
}

const textGrain = (value: unknown): string | undefined => (typeof value === "string" ? value : undefined);
