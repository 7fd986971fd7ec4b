/** An agent of Consul: package, configuration, unit, and the gate behind which its cluster is there. */
import type { Declaration, Reference } from "../declaration.ts";
import agent from "../states/consul/agent.ts";
import { UNIT } from "../states/consul/parameters.ts";
import ready from "../states/consul/ready.ts";
import settings from "../states/consul/settings.ts";
import managed from "../states/file/managed.ts";
import installed from "../states/pkg/installed.ts";
import running from "../states/service/running.ts";
import dropin from "../states/systemd/dropin.ts";

type Agent = Parameters<typeof agent>[1];
type Settings = NonNullable<Parameters<typeof settings>[1]>;
type Gate = Parameters<typeof ready>[1];

export interface ConsulKit {
  /** What this machine is called in the cluster. */
  readonly node: string;
  /** The version of the package, which is then held; whatever is there where it is not said. */
  readonly version?: string;
  /** What its archive is declared as. */
  readonly require?: Reference | readonly Reference[];
  readonly agent: Agent;
  readonly settings?: Settings;
  /** Declarations of its certificates: a change of them is taken up with a reload. */
  readonly reloadOn?: readonly Reference[];
  /** When a change of what it reads at the start restarts it. */
  readonly restart?: "now" | "window";
  /** How the gate looks, beside what the agent says; `false`: none. */
  readonly gate?: false | Omit<Gate, "mode">;
  /** Names below `.consul` are asked of the agent by systemd-resolved. */
  readonly resolved?: boolean;
}

export function consulKit(kit: ConsulKit): readonly Declaration[] {
  const { node, version, restart = "window", require = [], reloadOn = [], gate = {} } = kit;
  const program = installed("consul", {
    ...(version !== undefined && { version, hold: true, allowChangeHeld: true }),
    startServices: false,
    require,
  });
  const config = agent(node, { ...kit.agent, require: program });
  const live = settings(node, { ...kit.settings, require: [program, config], watch: reloadOn });
  const unit = unitOf(program);
  const up = running(UNIT, {
    stage: "consul",
    restart,
    domain: `consul/${kit.agent.datacenter ?? "dc1"}`,
    role: "consul.role",
    require: live,
    watch: [program, config, unit],
  });
  const behind = gate === false ? [] : [ready(node, { ...gate, mode: kit.agent.mode, require: up })];
  return [program, config, live, unit, up, ...behind, ...(kit.resolved ? forwarding(kit, up) : [])];
}

/**
 * The package's unit counts as started once a member has been joined: a first server, or one that is refused, would
 * be ended by systemd again and again, with nothing said. Whether it has joined is the gate's to find out.
 */
const unitOf = (require: Declaration): Declaration =>
  dropin(`${UNIT}.d/boma.conf`, {
    sections: { Service: { Type: "exec", Restart: "on-failure", RestartSec: "2s", LimitNOFILE: 65536 } },
    require,
  });

/** Consul answers on a port that only programs find which are told of it. */
function forwarding({ agent: { ports } }: ConsulKit, require: Declaration): readonly Declaration[] {
  const lines = ["[Resolve]", `DNS=127.0.0.1:${ports?.dns ?? 8600}`, "DNSSEC=false", "Domains=~consul", ""];
  const file = managed("/etc/systemd/resolved.conf.d/boma-consul.conf", {
    contents: lines.join("\n"),
    mode: "0644",
    createDirs: true,
    require,
  });
  return [file, running("systemd-resolved.service", { watch: file })];
}
