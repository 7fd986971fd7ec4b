/** The hosts that an agent may have: the real machine, the confined one, the one of memory. */
import { BomaError, type Grains } from "@boma/protocol";
import type { AgentStatus, Command, Host } from "@boma/states";

export type HostParts = Pick<Host, "commands">;

/** What the agent itself adds to the machine's parts. */
export interface OwnParts {
  readonly collect: () => Promise<Grains>;
  readonly status: () => AgentStatus;
}

export const hostOf = (parts: HostParts, own: OwnParts): Host => ({
  ...parts,
  grains: { collect: own.collect },
  agent: { status: own.status },
});

/** The real machine; execa and what it brings are loaded with the first command. */
export const realParts: HostParts = {
  commands: {
    run: async (command, out, signal) => (await import("./commands.ts")).commands.run(command, out, signal),
  },
};

/** With `--root` files are confined; a program could go anywhere. */
export const confinedParts: HostParts = {
  commands: {
    run: (command) => refuse(command, "confined by --root, and a program cannot be kept inside it"),
  },
};

/** An emulated node has no machine at all. */
export const memoryParts: HostParts = {
  commands: { run: (command) => refuse(command, "emulated") },
};

function refuse(command: Command, why: string): Promise<never> {
  const program = command.shell ? "/bin/sh" : (command.argv[0] ?? "");
  return Promise.reject(new BomaError("confined/refused", `${program} was not run: this agent is ${why}`));
}
