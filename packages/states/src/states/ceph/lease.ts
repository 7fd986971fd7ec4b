/**
 * Flags that hold a cluster still while a machine is worked on. Who set which and
 * until when is kept in the cluster itself before they are set, so that whoever
 * comes after a machine that died in the middle can take them back.
 */
import { z } from "zod";

import type { Commands, ReadCommands } from "../../host/commands.ts";
import { type Asked, ask, heard, tell } from "./ask.ts";
import { OsdDump } from "./reports.ts";

/** Not `norebalance`: with it placement groups may never become clean again, and one waits for ever. */
const FLAGS = [
  "noout",
  "nodeep-scrub",
  "noscrub",
  "norecover",
  "nobackfill",
  "nodown",
  "noup",
  "pause",
] as const;
export const Flag = z.enum(FLAGS);
export type Flag = z.output<typeof Flag>;
export const USUAL_FLAGS: readonly Flag[] = ["noout", "nodeep-scrub"];

const Lease = z.object({
  /** Those that it set itself: what was set before stays when it ends. */
  flags: z.array(Flag),
  untilMs: z.number(),
  reason: z.string(),
});
export type Lease = z.output<typeof Lease> & { readonly node: string };

const PREFIX = "boma/maintenance/";

export async function leasesOf(commands: ReadCommands): Promise<Asked<readonly Lease[]>> {
  const asked = await ask(commands, `config-key dump ${PREFIX}`, z.record(z.string(), z.string()));
  if (!("said" in asked)) return asked;
  return { said: Object.entries(asked.said).flatMap(([key, text]) => leaseOf(key, text) ?? []) };
}

function leaseOf(key: string, text: string): Lease | undefined {
  try {
    return { ...Lease.parse(JSON.parse(text)), node: key.slice(PREFIX.length) };
  } catch {
    return undefined; // Of a later release, or of somebody else.
  }
}

export const isOver = ({ untilMs }: Lease, nowMs = Date.now()): boolean => untilMs <= nowMs;

/** What is set now, in the words in which it is set: `pause` is shown as two. */
async function flagsNow(commands: ReadCommands): Promise<ReadonlySet<string>> {
  const { flags_set } = heard(await ask(commands, "osd dump", OsdDump));
  return new Set(
    flags_set.flatMap((flag) => (flag === "pauserd" || flag === "pausewr" ? ["pause"] : [flag])),
  );
}

export interface Wanted {
  readonly node: string;
  readonly flags: readonly Flag[];
  readonly untilMs: number;
  readonly reason: string;
}

/** Sets what is not set yet; says which those were. A second time it only lasts longer. */
export async function setFlags(
  { node, flags, ...rest }: Wanted,
  commands: Commands,
): Promise<readonly Flag[]> {
  const leases = heard(await leasesOf(commands));
  const leased = new Set(leases.flatMap((lease) => lease.flags));
  const now = await flagsNow(commands);
  // One that another machine's maintenance set is held by both; one that somebody set by hand stays his.
  const ours = flags.filter((flag) => !now.has(flag) || leased.has(flag));
  const before = leases.find((lease) => lease.node === node)?.flags ?? [];
  const all = [...new Set([...before, ...ours])];
  await tell(commands, `config-key set ${PREFIX}${node} -i -`, {
    stdin: JSON.stringify({ ...rest, flags: all }),
  });
  for (const flag of ours.filter((one) => !now.has(one))) await tell(commands, `osd set ${flag}`);
  return ours.filter((flag) => !now.has(flag));
}

/** Ends these, and takes back what nobody else holds. */
export async function endLeases(ending: readonly Lease[], commands: Commands): Promise<readonly Flag[]> {
  const all = heard(await leasesOf(commands));
  const nodes = new Set(ending.map(({ node }) => node));
  const held = new Set(all.filter(({ node }) => !nodes.has(node)).flatMap(({ flags }) => flags));
  const now = await flagsNow(commands);
  const free = [...new Set(ending.flatMap(({ flags }) => flags))].filter((flag) => !held.has(flag));
  const set = free.filter((flag) => now.has(flag));
  for (const flag of set) await tell(commands, `osd unset ${flag}`);
  // The note goes last: as long as it is there, somebody will come for the flags.
  for (const node of nodes) await tell(commands, `config-key rm ${PREFIX}${node}`);
  return set;
}
