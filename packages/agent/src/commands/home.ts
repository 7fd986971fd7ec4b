import { homedir } from "node:os";
import { join, resolve } from "node:path";

/** Where the agent keeps its things: a part of its own in the home that a master may share. */
export function agentDir(home: string | undefined): string {
  const fallback = process.getuid?.() === 0 ? "/var/lib/boma" : join(homedir(), ".local/share/boma");
  return join(resolve(home ?? process.env["BOMA_HOME"] ?? fallback), "agent");
}
