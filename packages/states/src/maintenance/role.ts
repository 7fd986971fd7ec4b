/** Asks what this node is in a failure domain, of whoever was named to know. */
import { asBomaError } from "@boma/protocol";

import type { Call } from "../define-function.ts";
import { checkArguments } from "../define-function.ts";
import { NodeRole, type RoleSource } from "./domain.ts";

const COMMAND_MS = 30_000;

/** Never throws: who cannot be asked is not safe to restart, and that is why. */
export async function roleNow(source: RoleSource, call: Call): Promise<NodeRole> {
  try {
    return NodeRole.parse(await answerOf(source, call));
  } catch (thrown) {
    call.signal.throwIfAborted();
    const who = nameOf(source);
    const { message } = asBomaError(thrown);
    return { role: "unknown", safe: false, why: `${who} cannot say: ${message}`.slice(0, 2000) };
  }
}

function answerOf(source: RoleSource, call: Call): Promise<unknown> {
  if (typeof source === "string") return ofFunction(source, {}, call);
  if ("command" in source) return ofCommand(source.command, call);
  return ofFunction(source.function, source.args, call);
}

function nameOf(source: RoleSource): string | undefined {
  if (typeof source === "string") return source;
  return "command" in source ? source.command[0] : source.function;
}

async function ofFunction(name: string, args: object, call: Call): Promise<unknown> {
  const spec = Object.hasOwn(call.functions, name) ? call.functions[name] : undefined;
  if (!spec) throw new Error("this node's agent has no such function");
  if (spec.effect !== "read") throw new Error("it changes things, and is not asked");
  return spec.run(checkArguments(spec, args) as never, call);
}

async function ofCommand(argv: readonly string[], { host }: Call): Promise<unknown> {
  const { exitCode, stdout, stderr } = await host.commands.read({ argv, timeoutMs: COMMAND_MS });
  if (exitCode !== 0) throw new Error(`it ended with ${exitCode}: ${stderr.trim().slice(-500)}`);
  return JSON.parse(stdout);
}
