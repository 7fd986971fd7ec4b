/** Moves what runs on a client elsewhere, and lets it take jobs again. */
import { setTimeout as pause } from "node:timers/promises";

import { BomaError } from "@boma/protocol";

import type { Host } from "../../host/host.ts";
import { type Access, send } from "./api.ts";
import { forgetDrain, noteDrain } from "./drain-mark.ts";
import { type Alloc, allocsOn, isOfSystem, nodeOf } from "./node.ts";

const NS_PER_MS = 1_000_000;
const LOOK_MS = 1000;

export interface Drain {
  readonly reason: string;
  /** After this time what still runs is stopped all the same. */
  readonly deadlineMs: number;
  /** So long it stays without jobs, if nobody ends it before. */
  readonly forMs: number;
  readonly ignoreSystemJobs: boolean;
}

/** The number of those that were moved. Told twice, Nomad goes on with the drain that it is at. */
export async function drain(host: Host, at: Access, want: Drain, signal: AbortSignal): Promise<number> {
  const { ID: id } = await nodeOf(host.http, at);
  const before = movable(await allocsOn(host.http, at, id), want).length;
  await noteDrain(host.files, { reason: want.reason, untilMs: Date.now() + want.forMs });
  const spec = { Deadline: want.deadlineMs * NS_PER_MS, IgnoreSystemJobs: want.ignoreSystemJobs };
  const meta = { message: want.reason };
  const body = { DrainSpec: spec, MarkEligible: false, Meta: meta };
  await send(host.http, at, { method: "PUT", path: `/v1/node/${id}/drain`, body });
  for (;;) {
    signal.throwIfAborted();
    const node = await nodeOf(host.http, at);
    const left = movable(await allocsOn(host.http, at, id), want);
    if (!node.Drain && left.length === 0) return before;
    if (node.SchedulingEligibility === "eligible")
      throw new BomaError("nomad/drain", "somebody ended the drain: the node takes jobs again");
    await pause(LOOK_MS, undefined, { signal });
  }
}

const movable = (allocs: readonly Alloc[], { ignoreSystemJobs }: Drain): readonly Alloc[] =>
  allocs.filter((alloc) => !ignoreSystemJobs || !isOfSystem(alloc));

/** The mark says first that it is to be so: who comes after a crash does the rest. */
export async function undrain(host: Host, at: Access): Promise<boolean> {
  const node = await nodeOf(host.http, at);
  const isHeld = node.Drain || node.SchedulingEligibility !== "eligible";
  if (isHeld) {
    await noteDrain(host.files, { reason: "it is to take jobs again", untilMs: 0 });
    const body = { DrainSpec: null, MarkEligible: true };
    await send(host.http, at, { method: "PUT", path: `/v1/node/${node.ID}/drain`, body });
  }
  await forgetDrain(host.files);
  return isHeld;
}
