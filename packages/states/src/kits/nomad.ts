/** An agent of Nomad: package, configuration, unit, and the gate behind which the cluster takes jobs. */
import { BomaError } from "@boma/protocol";

import type { Declaration, Reference } from "../declaration.ts";
import agent from "../states/nomad/agent.ts";
import { PLAIN, SECRET, UNIT, WITHDRAWN } from "../states/nomad/parameters.ts";
import ready from "../states/nomad/ready.ts";
import installed from "../states/pkg/installed.ts";
import running from "../states/service/running.ts";
import dropin from "../states/systemd/dropin.ts";

type Agent = Parameters<typeof agent>[1];
type Gate = Parameters<typeof ready>[1];

export interface NomadKit {
  /** What this machine is called in the cluster. */
  readonly node: string;
  /** The version of the package, which is then held; whatever is there where it is not said. */
  readonly version?: string;
  /** What its archive is declared as. */
  readonly require?: Reference | readonly Reference[];
  readonly agent: Agent;
  /** When a change of what it reads restarts it; what runs outlives that. */
  readonly restart?: "now" | "window";
  /** How the gate looks, beside what the agent says; `false`: none. */
  readonly gate?: false | Omit<Gate, "mode">;
}

export function nomadKit(kit: NomadKit): readonly Declaration[] {
  const { node, version, restart = "window", require = [], gate = {} } = kit;
  refuseWithdrawn(version);
  const program = installed("nomad", {
    ...(version !== undefined && { version, hold: true, allowChangeHeld: true }),
    startServices: false,
    require,
  });
  const config = agent(node, { ...kit.agent, require: program });
  const unit = dropin(`${UNIT}.d/boma.conf`, { sections: { Service: SERVICE }, require: program });
  const up = running(UNIT, { restart, require: config, watch: [program, config, unit] });
  const { mode } = kit.agent;
  const token = kit.agent.operatorToken;
  const at = token === undefined ? {} : { token };
  const open = gate === false ? [] : [ready(node, { ...at, ...gate, mode, require: up })];
  return [program, config, unit, up, ...open];
}

/**
 * The package's own file makes every machine a server and a client: it stays, and is not read. What runs outlives the
 * agent, for it alone is ended.
 */
const SERVICE = {
  ExecStart: ["", `/usr/bin/nomad agent -config ${PLAIN} -config ${SECRET}`],
  KillMode: "process",
  KillSignal: "SIGINT",
  Restart: "on-failure",
  RestartSec: "2s",
};

function refuseWithdrawn(version: string | undefined): void {
  const withdrawn = WITHDRAWN.find((one) => version === one || version?.startsWith(`${one}-`));
  if (withdrawn === undefined) return;
  throw new BomaError("state/params", `Nomad ${withdrawn} loses its state in an upgrade, and was withdrawn`, {
    hint: "Take a later version.",
  });
}
