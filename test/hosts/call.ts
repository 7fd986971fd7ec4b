/**
 * Run inside a host: one function on the real machine, as the job of this id. Prints its result as JSON.
 *
 *   node test/hosts/call.ts system.reboot job-1 '{"delay":"1s"}'
 */
import { asBomaError } from "@boma/protocol";
import { type Call, functions, type FunctionHost, writeHost } from "@boma/states";

import { realHost } from "../../packages/agent/src/host/hosts.ts";

const [name = "", job = "", args = "{}"] = process.argv.slice(2);

const session = {
  signal: new AbortController().signal,
  line: ({ text }: { text: string }) => void process.stderr.write(`${text}\n`),
};

async function call(): Promise<object> {
  const spec = functions[name];
  if (!spec) throw new Error(`no function ${name}`);
  // What the agent adds to the machine is not there: no function of these tests asks for it.
  const host = writeHost(realHost.ports(session)) as FunctionHost;
  const params = (spec.params as { parse: (given: unknown) => unknown }).parse(JSON.parse(args));
  const made: Call = { ...session, job, host, test: false, functions };
  return { result: await spec.run(params as never, made) };
}

const said = await call().catch((thrown: unknown) => {
  const { code, message } = asBomaError(thrown);
  return { error: { code, message } };
});
process.stdout.write(`${JSON.stringify(said)}\n`);
