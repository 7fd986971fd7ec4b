/** What the agent of this machine says of itself. */
import { documentOf, run } from "./programs.ts";

export interface AgentState {
  readonly state: string;
  /** Its public key; empty where it has none yet. */
  readonly node: string;
  readonly id: string;
  readonly master: string;
  readonly reason?: string | undefined;
}

export async function agentState(): Promise<AgentState> {
  const { stdout } = await run(["boma-agent", "status", "--json"]);
  const said = (documentOf(stdout) ?? {}) as Partial<AgentState>;
  const { state = "unknown", node = "", id = "", master = "", reason } = said;
  return { state, node, id, master, reason };
}
