/** Functions that take long, as on a node with a tired disk or a busy processor. */
import type { AnyFunction } from "@boma/states/core";

import { pause } from "../wait.ts";

export const slowFunctions = (
  functions: Readonly<Record<string, AnyFunction>>,
  ms: number,
): Readonly<Record<string, AnyFunction>> =>
  Object.fromEntries(Object.entries(functions).map(([name, spec]) => [name, slowFunction(spec, ms)]));

const slowFunction = (spec: AnyFunction, ms: number): AnyFunction => ({
  ...spec,
  async run(params, call) {
    await pause(ms, call.signal);
    call.signal.throwIfAborted();
    return spec.run(params, call);
  },
});
