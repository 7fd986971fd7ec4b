/**
 * Questions that Nomad takes as POST only, such as what a job would change. They go
 * through its own program, which lives no longer than the answer takes: there the
 * looking half of a host can ask them too.
 */
import { BomaError } from "@boma/protocol";

import type { Commands, Exit, ReadCommands } from "../../host/commands.ts";

export interface ProgramAccess {
  readonly api: string;
  readonly caFile?: string | undefined;
  readonly token?: string | undefined;
}

const SAID_MAX = 1000;
const TIMEOUT_MS = 60_000;
const KEEP_BYTES = 4_000_000;

const commandFor = ({ api, caFile, token }: ProgramAccess, path: string, body: object) => ({
  argv: ["nomad", "operator", "api", "-X", "POST", path],
  env: {
    NOMAD_ADDR: api,
    ...(caFile !== undefined && { NOMAD_CACERT: caFile }),
    ...(token !== undefined && { NOMAD_TOKEN: token }),
  },
  stdin: JSON.stringify(body),
  timeoutMs: TIMEOUT_MS,
  quiet: true,
  keepBytes: KEEP_BYTES,
});

/** A question: it changes nothing. */
export const query = async <T>(
  commands: ReadCommands,
  at: ProgramAccess,
  path: string,
  body: object,
): Promise<T> => answerIn<T>(await commands.read(commandFor(at, path, body)), path);

export const post = async <T>(
  commands: Commands,
  at: ProgramAccess,
  path: string,
  body: object,
): Promise<T> => answerIn<T>(await commands.run(commandFor(at, path, body)), path);

/** It exits with 0 whatever was answered: what is not JSON is a refusal in words. */
function answerIn<T>({ exitCode, stdout, stderr }: Exit, path: string): T {
  const said = (stderr.trim() || stdout.trim()).slice(0, SAID_MAX);
  if (exitCode === 127) throw new BomaError("state/blocked", "there is no program `nomad` here");
  if (/permission denied|token not found/i.test(said) && !stdout.trim().startsWith("{"))
    throw new BomaError("nomad/denied", `Nomad refuses ${path}: ${said}`);
  if (exitCode !== 0) throw new BomaError("nomad/job", `Nomad does not take this: ${said}`);
  try {
    return JSON.parse(stdout) as T;
  } catch {
    throw new BomaError("nomad/job", `Nomad does not take this: ${said}`);
  }
}
