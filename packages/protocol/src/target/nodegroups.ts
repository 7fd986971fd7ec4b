import { BomaError } from "../errors.ts";
import type { Target } from "./expression.ts";
import { showable } from "./fault.ts";
import { compileTarget, type Nodegroups } from "./match.ts";
import { parseTarget } from "./parse.ts";

const NAME = /^[\w.-]{1,128}$/;

/** Reads named targets, and refuses what is wrong in any of them, used or not. */
export function parseNodegroups(expressions: Readonly<Record<string, string>>): Nodegroups {
  const groups = new Map<string, Target>();
  for (const [name, expression] of Object.entries(expressions))
    groups.set(name, parseNodegroup(name, expression));
  for (const name of groups.keys()) compileTarget({ kind: "nodegroup", name }, { nodegroups: groups });
  return groups;
}

function parseNodegroup(name: string, expression: string): Target {
  if (!NAME.test(name)) {
    throw new BomaError("target/syntax", `\`${showable(name.slice(0, 80))}\` cannot be a nodegroup's name`, {
      hint: "Names have letters, digits, `_`, `.` and `-`.",
    });
  }
  try {
    return parseTarget(expression);
  } catch (thrown) {
    if (!(thrown instanceof BomaError)) throw thrown;
    throw new BomaError(thrown.code, `in nodegroup \`${name}\`: ${thrown.message}`, {
      hint: thrown.hint,
      cause: thrown,
    });
  }
}
