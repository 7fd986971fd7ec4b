import type { z } from "zod";

import { type Declaration, declare, type DeclarationOptions, type Watches } from "./declaration.ts";
import type { MaySecret } from "./secret.ts";
import type { AnySpec, Name, Params, RefreshableSpec, StateSpec } from "./state-spec.ts";

/** The parameters as a tree writes them. */
type Written<P extends Params, K extends Name<P>, S extends Name<P>> = {
  [N in keyof z.input<P> as N extends K ? never : N]: N extends S ? MaySecret<z.input<P>[N]> : z.input<P>[N];
};

/** All may be left out where nothing is required. */
type Arguments<W> = Record<never, never> extends W ? readonly [params?: W] : readonly [params: W];

/** Called to declare a state: `file.managed("/etc/motd", { contents })`. */
export interface State<
  P extends Params,
  K extends Name<P>,
  T extends object,
  S extends Name<P>,
  R = DeclarationOptions,
> {
  (key: z.input<P>[K], ...params: Arguments<Written<P, K, S> & R>): Declaration;
  readonly spec: StateSpec<P, K, T, S>;
}
export interface AnyState {
  readonly spec: AnySpec;
}

export function defineState<
  P extends Params,
  K extends Name<P>,
  T extends object,
  const S extends Name<P> = never,
>(spec: RefreshableSpec<P, K, T, S>): State<P, K, T, S, Watches>;
export function defineState<
  P extends Params,
  K extends Name<P>,
  T extends object,
  const S extends Name<P> = never,
>(spec: StateSpec<P, K, T, S>): State<P, K, T, S>;
export function defineState(spec: AnySpec): unknown {
  const call = (key: unknown, params: object = {}): Declaration => declare(spec, key, params);
  return Object.assign(call, { spec });
}
