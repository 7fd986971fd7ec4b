/** Many agents in this process: real keys, credentials, connections and journals, over machines of memory. */
import { join } from "node:path";

import type { BootToken, Grains, JoinKit } from "@boma/protocol";
import { type AnyFunction, functions } from "@boma/states/core";

import type { AgentOptions } from "./agent-options.ts";
import { Agent } from "./agent.ts";
import { type Conditions, isSlow } from "./emulate/conditions.ts";
import { emulatedGrains } from "./emulate/machine-grains.ts";
import { roughLine } from "./emulate/rough-line.ts";
import { slowFunctions } from "./emulate/slow-functions.ts";
import type { GrainsSource } from "./grains-feed.ts";
import { grainsRevision } from "./grains/revision.ts";
import { emulatedHost } from "./host/emulated.ts";
import { AGENT_VERSION } from "./version.ts";

export interface FleetOptions {
  readonly count: number;
  readonly dir: string;
  readonly kit: JoinKit;
  readonly token?: BootToken | undefined;
  /** The ids are `<prefix>-0001` and so on. */
  readonly prefix?: string;
  readonly grains?: (index: number) => Grains;
  /** How many may be on their way in at the same time. */
  readonly atOnce?: number;
  /** What is worse for them than on the loopback of one machine. */
  readonly conditions?: Conditions | undefined;
  /** Anything else of each agent. */
  readonly agent?: (index: number) => Partial<AgentOptions>;
}

export interface Fleet {
  readonly agents: readonly Agent[];
  stop(): Promise<void>;
}

const AT_ONCE = 64;

/** Resolves when every node is enrolled and has read its mailbox; throws when one cannot even start. */
export async function startFleet(options: FleetOptions): Promise<Fleet> {
  const { conditions } = options;
  const slow = conditions && slowFunctions(functions, conditions.slow.ms);
  const agents = Array.from({ length: options.count }, (_, index) => emulatedAgent(options, index, slow));
  const waiting = [...agents];
  const bringIn = async (): Promise<void> => {
    for (let agent = waiting.shift(); agent; agent = waiting.shift()) {
      await agent.start();
      await agent.ready;
    }
  };
  const stop = async (): Promise<void> => {
    waiting.length = 0;
    await Promise.all(agents.map((agent) => agent.stop()));
  };
  try {
    await Promise.all(Array.from({ length: options.atOnce ?? AT_ONCE }, bringIn));
  } catch (thrown) {
    await stop();
    throw thrown;
  }
  return { agents, stop };
}

function emulatedAgent(
  options: FleetOptions,
  index: number,
  slow: Readonly<Record<string, AnyFunction>> | undefined,
): Agent {
  const { conditions } = options;
  const name = `${options.prefix ?? "emulated"}-${String(index + 1).padStart(4, "0")}`;
  const grains = options.grains?.(index) ?? emulatedGrains(index, name);
  return new Agent({
    dir: join(options.dir, name, "agent"),
    version: AGENT_VERSION,
    kit: options.kit,
    token: options.token,
    id: name,
    grains: fixedGrains(grains),
    host: emulatedHost(),
    confined: true,
    durable: false,
    statusFile: false,
    ...(conditions && { line: (connection) => roughLine(connection, conditions) }),
    ...(conditions && isSlow(index, conditions.slow.percent) && { functions: slow }),
    ...options.agent?.(index),
  });
}

export const fixedGrains = (grains: Grains): GrainsSource => ({
  collect: () => Promise.resolve({ grains, problems: [] }),
  revision: grainsRevision,
  fixed: true,
});
