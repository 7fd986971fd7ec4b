import type { BootToken, Grains, JoinKit } from "@boma/protocol";
import type { AnyFunction } from "@boma/states/core";

import type { Clock } from "./clock.ts";
import type { Connection } from "./connection.ts";
import type { EnrolNews } from "./enrol.ts";
import type { GrainsSource } from "./grains-feed.ts";
import type { Machine } from "./host/hosts.ts";
import type { Log } from "./log.ts";
import type { AgentState } from "./status.ts";

/** Everything that an agent touches comes in here, so that thousands may live in one process. */
export interface AgentOptions {
  /** Where this agent keeps its things, `<home>/agent`. */
  readonly dir: string;
  readonly version: string;
  readonly grains: GrainsSource;
  /** Whom to trust and where to knock; not needed again once the node is enrolled. */
  readonly kit?: JoinKit | undefined;
  readonly token?: BootToken | undefined;
  readonly id?: string | undefined;
  /** What it is called where nobody says. */
  readonly proposedId?: string | undefined;
  readonly host?: Machine | undefined;
  readonly confined?: boolean | undefined;
  /** The hardware that it enrols as, where that is not the machine of its grains. */
  readonly hardware?: (() => Promise<Grains>) | undefined;
  readonly functions?: Readonly<Record<string, AnyFunction>> | undefined;
  readonly policyDir?: string | undefined;
  readonly bootId?: string | undefined;
  /** What runs now goes away with the next boot: what the site wants is done to the system that stays. */
  readonly installing?: boolean | undefined;
  readonly log?: Log | undefined;
  readonly clock?: Clock | undefined;
  readonly random?: (() => number) | undefined;
  /** Without it nothing waits for the disk: for emulated nodes, which have nothing to lose. */
  readonly durable?: boolean | undefined;
  readonly statusFile?: boolean | undefined;
  readonly reconnectMs?: number | undefined;
  /** What becomes of each connection before the agent uses it: emulated nodes may have a bad line. */
  readonly line?: ((connection: Connection) => Connection) | undefined;
  readonly refusedPauseMs?: number | undefined;
  readonly onState?: ((state: AgentState) => void) | undefined;
  /** The master wants an operator's decision: the machine shows its fingerprint. */
  readonly onEnrolPending?: ((fingerprint: string, answer: EnrolNews) => void) | undefined;
  readonly onReady?: ((id: string) => void) | undefined;
}
