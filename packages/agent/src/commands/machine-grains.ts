/** Where the grains of a command come from. Apart from `run`, so that a command that only looks loads no bus. */
import { join } from "node:path";

import type { Grains } from "@boma/protocol";

import type { GrainsSource } from "../grains-feed.ts";
import { collectGrains } from "../grains/collect.ts";
import { parseGrainOption } from "../grains/parse-grain.ts";
import { grainsRevision } from "../grains/revision.ts";
import { AGENT_VERSION } from "../version.ts";

const GRAINS_DIR = "/etc/boma/grains.d";

/** `--root` moves where custom grains are read; the machine itself stays the one it is. */
export function machineGrains(claimed: readonly string[], root: string | undefined): GrainsSource {
  const extra = claimed.reduce<Grains>((before, option) => parseGrainOption(option, before), {});
  const grainsDir = join(root ?? "/", GRAINS_DIR);
  return {
    collect: () => collectGrains({ agentVersion: AGENT_VERSION, extra, grainsDir }),
    revision: grainsRevision,
    watchDir: grainsDir,
  };
}
