/** What a node owes in maintenance, and the tokens that it has spent, from the files of its agent. */
import { join } from "node:path";

import type { KeptParts } from "../agent-kept.ts";
import type { AgentOptions } from "../agent-options.ts";
import type { AgentWorld } from "../agent-parts.ts";
import { realHost } from "../host/hosts.ts";
import type { NodeStates } from "../states/node-states.ts";
import { NodeMaintenance } from "./node-maintenance.ts";
import { SpentPermits } from "./spent-permits.ts";
import { ToldFile } from "./told-file.ts";

interface Parts {
  readonly kept: KeptParts;
  readonly states: NodeStates;
}

export function openMaintenance(
  { dir, durable = true, host: machine = realHost }: AgentOptions,
  { time, log }: AgentWorld,
  { kept: { cache, duties, identity, tell, trust }, states }: Parts,
) {
  const maintenance = new NodeMaintenance({
    cache,
    states,
    duties,
    machine,
    file: new ToldFile(join(dir, "maintenance.json"), { durable }),
    tell,
    now: () => time.now(),
    log,
  });
  const permits = new SpentPermits({
    path: join(dir, "permits.json"),
    durable,
    time,
    trusts: (sender) => trust.trusts(sender),
    node: () => identity.key,
  });
  return { maintenance, permits };
}
