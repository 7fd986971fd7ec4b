/** What a reactor can do: few things, each of them asked of the master, who asks the reactor's role. */
import type { z } from "zod";

import type { FunctionTable } from "../functions.gen.ts";

export type FunctionName = keyof FunctionTable;
type Args<F extends FunctionName> = z.input<FunctionTable[F]["params"]>;

export interface RunOptions {
  /** Goes on without the end of the job: `nodes` is empty then. */
  readonly wait?: boolean;
  /** Only says what would change. */
  readonly test?: boolean;
  /** How long a node may take: `30s`, `10m`. */
  readonly timeout?: string;
  /** How long offline nodes may still begin. */
  readonly expire?: string;
}

/** Arguments may be left out where the function needs none. */
type Rest<F extends FunctionName> =
  Record<never, never> extends Args<F>
    ? [args?: Args<F>, options?: RunOptions]
    : [args: Args<F>, options?: RunOptions];

export interface Ran {
  readonly job: string;
  /** Every node ended well. */
  readonly ok: boolean;
  /** How each expected node ended, by its id. */
  readonly nodes: Readonly<Record<string, { readonly status: string; readonly error?: string }>>;
}

export interface Boma {
  /** Runs a function on the nodes that a target means, or on the node of an event, and waits for the end. */
  run<F extends FunctionName>(target: string, name: F, ...rest: Rest<F>): Promise<Ran>;
  /** Changes assigned grains. `null` takes one away. */
  assign(
    target: string,
    grains: Readonly<Record<string, string | readonly string[] | null>>,
  ): Promise<readonly string[]>;
  /** Tells an event of the site's own, `reactor.said`, for other reactors and for whoever reads events. */
  tell(name: string, value?: unknown): Promise<void>;
  /** A line in the master's log. */
  log(text: string): void;
}
