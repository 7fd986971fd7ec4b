/** What the engine needs from whoever runs it: the agent, a test, `boma-agent apply`. */
import type { Ports } from "../host/host.ts";
import type { AnySpec, Undo } from "../state-spec.ts";
import type { StateResult } from "./report.ts";

export interface EngineOptions {
  readonly mode: "apply" | "plan";
  readonly ports: Ports;
  /** The kinds of state that this agent knows, those of the site's bundle included. */
  readonly states: Readonly<Record<string, AnySpec>>;
  /** The values of the secrets that the catalog refers to. In memory only. */
  readonly secrets: ReadonlyMap<string, string>;
  readonly signal: AbortSignal;
  /** Only what can be kept below a directory may run. */
  readonly confined: boolean;
  /** The node's `os_family`, where it is known: a state for other systems is refused. */
  readonly family?: string | undefined;
  /** Throws `job/refused` for a state that this node's policy denies. */
  readonly permit: (state: string) => void;
  readonly pending: PendingRefreshes;
  readonly confirm?: Confirmation | undefined;
  /** What is protected may be refreshed: this run was given maintenance. */
  readonly maintenance?: boolean | undefined;
  /** Declarations that may run at the same time. */
  readonly parallel?: number;
  /** How long what was told to end is waited for, before the run goes on without it. */
  readonly graceMs?: number;
  /** Told as each declaration begins and ends. */
  readonly onProgress?: (progress: StepProgress) => void;
}

export type StepProgress =
  | { readonly type: "begin"; readonly id: string; readonly index: number; readonly total: number }
  | { readonly type: "end"; readonly index: number; readonly total: number; readonly result: StateResult };

/**
 * Refreshes that are owed: written down before the change that causes them, and
 * taken away when they were done, so that a crash between the two loses none.
 */
export interface PendingRefreshes {
  /** Ids of declarations that must be refreshed. */
  list(): Promise<readonly string[]>;
  /** Resolves when it is safe on the disk. The cause is the declaration that changes. */
  add(ids: readonly string[], cause?: string): Promise<void>;
  /** What ran when they were found to wait, after the last change that was added. */
  instances(): Promise<ReadonlyMap<string, string>>;
  /** It waits for maintenance, and this is what runs without the change; the first one that is noted stays until the next `add`. */
  waits(id: string, instance: string): Promise<void>;
  done(ids: readonly string[]): Promise<void>;
}

/** The dead-man outside this process: it takes a change back unless it is told in time that the node is still reached. */
export interface Confirmation {
  /** Arms it; from now on the undo happens by itself after the time, also after a crash or a reboot. */
  arm(id: string, undo: Undo, withinMs: number): Promise<Armed>;
}
export interface Armed {
  /** Proves over a new connection that the master reaches this node, and disarms. Throws `state/reverted` after the undo was done. */
  prove(): Promise<void>;
  /** Takes it back now, because the apply itself failed. */
  revert(): Promise<void>;
}

export const noPending: PendingRefreshes = {
  list: async () => [],
  add: async () => undefined,
  instances: async () => new Map(),
  waits: async () => undefined,
  done: async () => undefined,
};
