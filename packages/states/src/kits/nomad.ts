/** An agent of Nomad: package, configuration, unit, and the gate behind which the cluster takes jobs. */
import { BomaError } from "@boma/protocol";

import type { Declaration, Reference } from "../declaration.ts";
import agent from "../states/nomad/agent.ts";
import eligible from "../states/nomad/eligible.ts";
import { apiUrl } from "../states/nomad/own-place.ts";
import { LIVE, PLAIN, SECRET, UNIT, WITHDRAWN } from "../states/nomad/parameters.ts";
import ready from "../states/nomad/ready.ts";
import settings from "../states/nomad/settings.ts";
import installed from "../states/pkg/installed.ts";
import running from "../states/service/running.ts";
import dropin from "../states/systemd/dropin.ts";

type Agent = Parameters<typeof agent>[1];
type Settings = NonNullable<Parameters<typeof settings>[1]>;
type Gate = Parameters<typeof ready>[1];

export interface NomadKit {
  /** What this machine is called in the cluster. */
  readonly node: string;
  /** The version of the package, which is then held; whatever is there where it is not said. */
  readonly version?: string;
  /** What its archive is declared as. */
  readonly require?: Reference | readonly Reference[];
  readonly agent: Agent;
  /** What is taken up while it runs. */
  readonly settings?: Settings;
  /** Declarations of its certificates: a change of them is taken up with a reload. */
  readonly reloadOn?: readonly Reference[];
  /** When a change of what it reads restarts it; what runs outlives that. */
  readonly restart?: "now" | "window";
  /** How the gate looks, beside what the agent says; `false`: none. */
  readonly gate?: false | Omit<Gate, "mode">;
}

export function nomadKit(kit: NomadKit): readonly Declaration[] {
  const { node, version, restart = "window", require = [], reloadOn = [], gate = {} } = kit;
  refuseWithdrawn(version);
  const program = installed("nomad", {
    ...(version !== undefined && { version, hold: true, allowChangeHeld: true }),
    startServices: false,
    require,
  });
  const config = agent(node, { ...kit.agent, require: program });
  const at = accessOf(kit);
  const live = settings(node, { ...at, ...kit.settings, require: [program, config], watch: reloadOn });
  const unit = dropin(`${UNIT}.d/boma.conf`, { sections: { Service: SERVICE }, require: program });
  const up = running(UNIT, {
    stage: "nomad",
    restart,
    domain: `nomad/${kit.agent.region ?? "global"}`,
    role: "nomad.role",
    require: live,
    watch: [program, config, unit],
  });
  const { mode } = kit.agent;
  const back = mode === "server" ? [] : [eligible(node, { ...at, retry: PATIENT, require: up })];
  const open = gate === false ? [] : [ready(node, { ...at, ...gate, mode, require: [up, ...back] })];
  return [program, config, live, unit, up, ...back, ...open];
}

/** With the token that root of this node has, and trusting whom its settings trust. */
function accessOf({ agent: { operatorToken: token, ports, apiAddress: address }, settings: live }: NomadKit) {
  const api = apiUrl({ address, port: ports?.http, isSecure: live?.tls?.http === true });
  return {
    api,
    ...(live?.ca !== undefined && { ca: live.ca }),
    ...(token !== undefined && { token }),
  };
}

/** An agent that was just started needs a while until its servers know it. */
const PATIENT = { attempts: 30, interval: "1s" };

/**
 * The package's own file makes every machine a server and a client: it stays, and is not read. What runs outlives the
 * agent, for it alone is ended.
 */
const SERVICE = {
  ExecStart: ["", `/usr/bin/nomad agent -config ${PLAIN} -config ${LIVE} -config ${SECRET}`],
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
