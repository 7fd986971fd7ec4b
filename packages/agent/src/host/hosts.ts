/** The machines that an agent may have: the real one, and the confined one. */
import type { Grains } from "@boma/protocol";
import {
  type AgentStatus,
  type BeaconsPort,
  type DriftPort,
  type FunctionHost,
  type MaintenancePort,
  type OutputLine,
  type PermitsPort,
  type Ports,
  type Schedules,
  type StagesPort,
  writeHost,
} from "@boma/states/core";

import { realAccounts } from "./accounts.ts";
import { realCommands } from "./commands-port.ts";
import { realDhcp } from "./dhcp.ts";
import { realDownloads } from "./downloads.ts";
import { realFiles } from "./files.ts";
import { realHttp } from "./http.ts";
import { realKernel } from "./kernel.ts";
import { realMachine } from "./machine.ts";
import { realMounts } from "./mounts.ts";
import { realPackages } from "./packages.ts";
import { refusingPorts } from "./refusing-ports.ts";
import { realServices } from "./services.ts";
import { realStorage } from "./storage.ts";

/** One call's view of the machine: what it runs ends with the call, and prints to whoever follows it. */
export interface CallSession {
  readonly signal: AbortSignal;
  readonly line: (line: OutputLine) => void;
}

export interface Machine {
  /** Without an agent: whoever is one puts its duties in their place. */
  ports(session: CallSession): Ports;
  /** Only files, and only below one directory. */
  readonly confined: boolean;
  /** Where its files begin. */
  readonly root: string;
}

/** What the agent itself adds to the machine. */
export interface OwnParts {
  readonly collect: () => Promise<Grains>;
  readonly status: () => AgentStatus;
  readonly duties: Ports["duties"];
  readonly drift: DriftPort;
  readonly schedules: Schedules;
  readonly beacons: BeaconsPort;
  readonly stages: StagesPort;
  readonly maintenance: MaintenancePort;
  readonly permits: PermitsPort;
}

export const hostOf = (machine: Machine, own: OwnParts, session: CallSession): FunctionHost => ({
  ...writeHost({ ...machine.ports(session), duties: own.duties }),
  grains: { collect: own.collect },
  agent: { status: own.status },
  schedules: own.schedules,
  drift: own.drift,
  beacons: own.beacons,
  stages: own.stages,
  maintenance: own.maintenance,
  permits: own.permits,
});

const noDuties = refusingPorts("not there").duties;

export const realHost: Machine = {
  confined: false,
  root: "/",
  ports(session) {
    const commands = realCommands(session);
    const files = realFiles("/");
    const tools = { session, commands: commands.write, files: files.write };
    return {
      files,
      commands,
      packages: realPackages(tools),
      services: realServices(tools),
      accounts: realAccounts(tools),
      kernel: realKernel(tools),
      mounts: realMounts(tools),
      machine: realMachine(tools),
      downloads: realDownloads(tools),
      storage: realStorage(tools),
      duties: noDuties,
      http: realHttp(session),
      dhcp: realDhcp(session),
    };
  },
};

/** With `--root` files are confined; anything else could go anywhere. */
export const confinedHost = (root: string): Machine => ({
  confined: true,
  root,
  ports: () => ({
    ...refusingPorts("confined by --root, which keeps files only"),
    files: realFiles(root),
  }),
});
