/** What stands behind a target on the command line: a function, or a state that is applied by itself. */
import { BomaError, closest } from "@boma/protocol";
import { type AnyFunction, type AnySpec, functions, readArguments } from "@boma/states/core";

import { requireFunction } from "./require-function.ts";

export interface Called {
  readonly function: string;
  readonly args: Record<string, unknown>;
}

export async function readCall(name: string, words: readonly string[]): Promise<Called> {
  if (Object.hasOwn(functions, name))
    return { function: name, args: readArguments(requireFunction(name), words) };
  const { states } = await import("@boma/states");
  if (!Object.hasOwn(states, name)) throw nothingOf(name, states);
  return { function: "state.single", args: readState(states[name]!.spec, words) };
}

/** Words become a state's parameters as they become a function's: the first one is its key. */
function readState(spec: AnySpec, words: readonly string[]): Record<string, unknown> {
  const call = { name: spec.name, params: spec.params, positional: [spec.key] } as unknown as AnyFunction;
  const { [spec.key]: key, ...params } = readArguments(call, words);
  return { state: spec.name, key: String(key), ...(Object.keys(params).length > 0 && { params }) };
}

/** No such function and no such state: with what was probably meant. */
export function nothingOf(name: string, states: Readonly<Record<string, unknown>>): BomaError {
  const near = closest(name, [...Object.keys(functions), ...Object.keys(states)]);
  return new BomaError("function/unknown", `there is no function and no state ${JSON.stringify(name)}`, {
    hint:
      near === undefined
        ? "`boma-master doc` lists them all. A state of the site's own is run as: state.single state=NAME key=KEY"
        : `Did you mean ${near}? \`boma-master doc\` lists them all.`,
  });
}
