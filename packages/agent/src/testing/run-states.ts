/**
 * Several states, one after the other, on the real machine: for tests that start this in namespaces of their own.
 * Takes `[[name, key, params], …]` as JSON, and prints what each differed in, and what still does.
 */
import { asBomaError } from "@boma/protocol";
import { checkParams, readHost, states, writeHost } from "@boma/states";

import { realHost } from "../host/hosts.ts";

type Use = readonly [name: string, key: string, params: object];

const ports = realHost.ports({ signal: new AbortController().signal, line: () => undefined });

async function converge([name, key, params]: Use): Promise<object> {
  const { spec } = states[name]!;
  const want = checkParams(spec, { ...params, [spec.key]: key }) as never;
  const first = (await spec.check(want, readHost(ports))) as object;
  if (Object.keys(first).length > 0) await spec.apply(first as never, want, writeHost(ports));
  return { first, left: (await spec.check(want, readHost(ports))) as object };
}

const said: object[] = [];
for (const use of JSON.parse(process.argv[2] ?? "[]") as Use[])
  said.push(
    await converge(use).catch((thrown: unknown) => {
      const { code, message } = asBomaError(thrown);
      return { error: { code, message } };
    }),
  );
process.stdout.write(JSON.stringify(said));
