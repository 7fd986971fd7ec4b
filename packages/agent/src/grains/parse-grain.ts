/** `--grain key=value`: what an operator or an installer claims by hand. */
import { BomaError, Grains, type GrainValue } from "@boma/protocol";

import { depthOf, hasForbiddenKey, NESTING_MAX } from "./nesting.ts";

const KEY = /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$/;

/**
 * Adds one option to those before it; a repeated key becomes a list. A value that
 * reads as a number, a truth value, a list or a map is one, and `"5"` in quotes is text.
 */
export function parseGrainOption(option: string, before: Grains = {}): Grains {
  const equals = option.indexOf("=");
  const key = option.slice(0, Math.max(equals, 0));
  if (equals < 0 || !KEY.test(key) || key === "__proto__")
    throw new BomaError(
      "usage/argument",
      `--grain ${JSON.stringify(option.slice(0, 200))} is not key=value`,
      {
        hint: "A key has letters, digits, and _ . - inside: --grain rack=A12",
      },
    );
  const value = readValue(option.slice(equals + 1));
  const earlier = Object.hasOwn(before, key) ? before[key] : undefined;
  const all = { ...before, [key]: earlier === undefined ? value : [...asList(earlier), ...asList(value)] };
  // The depth comes first: the schema recurses, and the text may be an attack.
  if (depthOf(all) > NESTING_MAX || hasForbiddenKey(all) || !Grains.safeParse(all).success)
    throw new BomaError("usage/argument", `--grain ${key} has a value that a grain cannot hold`, {
      hint: "Text has at most 4096 characters, a list 1024 members, a map key 128 characters.",
    });
  return all;
}

const asList = (value: GrainValue): readonly GrainValue[] =>
  Array.isArray(value) ? (value as readonly GrainValue[]) : [value];

function readValue(text: string): GrainValue {
  let value: GrainValue;
  try {
    value = JSON.parse(text) as GrainValue;
  } catch {
    return text;
  }
  // A release 12.10 or a serial of twenty digits would lose what it says as a number.
  if (typeof value === "number") return String(value) === text.trim() ? value : text;
  return value ?? text;
}
