import { BomaError, closest } from "@boma/protocol";
import { type AnyFunction, functions } from "@boma/states/core";

/** The function of this name; a slip of the pen is told what was probably meant. */
export function requireFunction(name: string): AnyFunction {
  const spec = Object.hasOwn(functions, name) ? functions[name] : undefined;
  if (spec) return spec;
  const near = closest(name, Object.keys(functions));
  const hint =
    near === undefined ? {} : { hint: `Did you mean ${near}? \`boma-master doc\` lists them all.` };
  throw new BomaError("function/unknown", `there is no function ${JSON.stringify(name)}`, hint);
}
