import { BomaError, escapeLine, fingerprintWords } from "@boma/protocol";

import { Identity } from "../identity.ts";
import { readStatus } from "../status.ts";
import { agentDir } from "./home.ts";

export interface EnrollOptions {
  readonly json?: true | undefined;
  readonly home?: string | undefined;
}

/** Shows who this machine is. It makes no identity: that is the first `run`'s. */
export async function enroll(options: EnrollOptions): Promise<void> {
  const dir = agentDir(options.home);
  const identity = await Identity.read(dir);
  if (!identity)
    throw new BomaError("usage/argument", "this machine has no identity yet", {
      hint: "The first start makes one: `boma-agent run --token …`.",
    });
  const { record, running } = await readStatus(dir);
  const { id, fingerprint, key, approved } = identity;
  const state = approved ? "enrolled" : (running && record?.reason) || "not enrolled";
  const view = { id, fingerprint, words: fingerprintWords(fingerprint), node: key, state, running };
  if (options.json) process.stdout.write(`${JSON.stringify({ ok: true, ...view })}\n`);
  else
    for (const [name, value] of Object.entries({ ...view, running: running ? "yes" : "no" }))
      process.stdout.write(`${name.padEnd(12)} ${escapeLine(value)}\n`);
}
