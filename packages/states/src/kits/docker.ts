/** Docker: its packages, held together, its settings, its units, and the gate behind which containers can run. */
import type { Declaration, Reference } from "../declaration.ts";
import daemon from "../states/docker/daemon.ts";
import installed from "../states/docker/installed.ts";
import { BEFORE, CONTAINERD, FILE, SOCKET_UNIT, UNIT } from "../states/docker/parameters.ts";
import ready from "../states/docker/ready.ts";
import present from "../states/group/present.ts";
import running from "../states/service/running.ts";

type Daemon = NonNullable<Parameters<typeof daemon>[1]>;
type Gate = NonNullable<Parameters<typeof ready>[1]>;

export interface DockerKit {
  /** The version of docker.io; whatever is there where it is not said. */
  readonly version?: string;
  /** The version of containerd; with `version`, say both. */
  readonly containerd?: string;
  readonly require?: Reference | readonly Reference[];
  readonly daemon?: Daemon;
  /** When a change of what is read at the start restarts it; what is taken up while it runs does not wait. */
  readonly restart?: "now" | "window";
  /** With which machines it takes turns in maintenance. */
  readonly domain?: string;
  /**
   * Who may talk to the daemon, and nobody else: whoever may is root on this machine, for a container can be given all
   * of it. Not managed where it is not said.
   */
  readonly equalToRoot?: readonly string[];
  /** How the gate looks; `false`: none. */
  readonly gate?: false | Gate;
}

export function dockerKit(kit: DockerKit = {}): readonly Declaration[] {
  const { version, containerd, restart = "window", domain = "docker", require = [], gate = {} } = kit;
  const programs = installed("node", {
    ...(version !== undefined && { version }),
    ...(containerd !== undefined && { containerd }),
    require,
  });
  const settings = daemon("node", { ...kit.daemon, require: programs });
  const stage = "docker";
  const common = { stage, restart, domain } as const;
  const below = running(CONTAINERD, { ...common, require: programs, watch: programs });
  // Whoever stops the daemon has to stop this too: it would be started by the next one who knocks.
  const socket = running(SOCKET_UNIT, { stage, require: settings });
  const up = running(UNIT, {
    ...common,
    require: [below, socket],
    watch: [programs, settings],
    takesBack: [{ file: FILE, before: BEFORE }],
    role: "docker.role",
  });
  const open = gate === false ? [] : [ready("node", { ...gate, require: [below, up] })];
  return [programs, ...members(kit, programs), settings, below, socket, up, ...open];
}

function members({ equalToRoot }: DockerKit, require: Declaration): readonly Declaration[] {
  if (!equalToRoot) return [];
  return [present("docker", { system: true, members: [...equalToRoot], exclusiveMembers: true, require })];
}
