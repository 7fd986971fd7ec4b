/**
 * Run inside a host: one state on the real machine, twice. Prints the changes of
 * each check as JSON, and what went wrong.
 *
 *   node test/hosts/converge.ts file.managed /etc/motd '{"contents":"hello\n"}'
 */
import { asBomaError } from "@boma/protocol";
import { checkParams, readHost, states, writeHost } from "@boma/states";

import { realHost } from "../../packages/agent/src/host/hosts.ts";

const [name = "", key = "", params = "{}"] = process.argv.slice(2);

interface Converged {
  readonly first?: object;
  /** What still differs after apply. */
  readonly left?: object;
  readonly error?: { readonly code: string; readonly message: string };
}

async function converge(): Promise<Converged> {
  const spec = states[name]?.spec;
  if (!spec) throw new Error(`no state ${name}`);
  const want = checkParams(spec, { ...(JSON.parse(params) as object), [spec.key]: key });
  const ports = realHost.ports({
    signal: new AbortController().signal,
    line: ({ text }) => process.stderr.write(`${text}\n`),
  });
  const first = await spec.check(want as never, readHost(ports));
  if (Object.keys(first).length > 0) await spec.apply(first as never, want as never, writeHost(ports));
  const left = await spec.check(want as never, readHost(ports));
  if (Object.keys(first).length > 0) await spec.verify?.(want as never, readHost(ports));
  return { first, left };
}

const said = await converge().catch((thrown: unknown): Converged => {
  const { code, message } = asBomaError(thrown);
  return { error: { code, message: thrown instanceof Error ? thrown.message : message } };
});
process.stdout.write(`${JSON.stringify(said)}\n`);
