/** The machine as a node of its own master, let in by a token that is used once. */
import { existsSync, mkdirSync, rmSync } from "node:fs";

import type { NodeView } from "../api/verbs/nodes.ts";
import { writeSecret } from "../home.ts";
import { agentState } from "./agent.ts";
import { AGENT_OPTIONS, optionsIn, runsWith, writeOptions } from "./defaults.ts";
import { valuesOf, withOption } from "./option-words.ts";
import { askMaster, isActive, must, unit } from "./programs.ts";
import type { Settings } from "./settings.ts";
import type { Step } from "./steps.ts";

const CONFIG_DIR = "/etc/boma";
const TOKEN_FILE = `${CONFIG_DIR}/token`;
const CONNECT_MS_MAX = 120_000;

export const nodeSteps = (settings: Settings): readonly Step[] => [
  named(settings),
  enrolled(settings),
  spentToken,
];

/** Without a word of the operator's it is called as the machine is. */
const named = ({ id, named: isNamed }: Settings): Step => ({
  name: "the node's name",
  look: async () => {
    const said = valuesOf(optionsIn(AGENT_OPTIONS), "--id").at(-1);
    return !isNamed || said === id ? undefined : `${AGENT_OPTIONS.path} does not say ${id}`;
  },
  do: async () => writeOptions(AGENT_OPTIONS, withOption(optionsIn(AGENT_OPTIONS), "--id", id)),
});

const enrolled = ({ id, profile, env }: Settings): Step => ({
  name: `node ${id}`,
  waitMs: CONNECT_MS_MAX,
  look: async () => {
    if ((await unit("boma-agent.service", "UnitFileState")) !== "enabled")
      return "boma-agent.service is not enabled";
    if (!(await isActive("boma-agent.service"))) return "boma-agent.service does not run";
    if (!(await runsWith(AGENT_OPTIONS))) return "boma-agent.service runs with other options";
    const agent = await agentState();
    if (agent.state !== "connected")
      return `the agent is ${agent.state}${agent.reason ? `: ${agent.reason}` : ""}`;
    const node = (await askMaster<readonly NodeView[]>(["nodes"])).find((one) => one.id === id);
    if (node?.key !== agent.node)
      return `the agent is connected as ${agent.id || "nobody"}, and the master does not know it`;
    return node.connected ? undefined : "the master does not see it";
  },
  do: async () => {
    await must(["systemctl", "enable", "--quiet", "boma-agent.service"]);
    if (!(await isKnown(id))) {
      const assign = ["--assign", `profile=${profile}`, ...(env === undefined ? [] : ["--env", env])];
      const { joinToken } = await askMaster<{ joinToken: string }>([
        "token",
        "create",
        "--ttl",
        "10m",
        ...assign,
      ]);
      mkdirSync(CONFIG_DIR, { recursive: true, mode: 0o755 });
      writeSecret(TOKEN_FILE, `${joinToken}\n`);
    }
    await must(["systemctl", "restart", "boma-agent.service"]);
  },
});

/** Whether this very agent is a node already: then it needs no token, only to be started. */
async function isKnown(id: string): Promise<boolean> {
  const { node } = await agentState();
  return (
    node !== "" &&
    (await askMaster<readonly NodeView[]>(["nodes"])).some((one) => one.id === id && one.key === node)
  );
}

/** A token that was used is of no use to anybody. */
const spentToken: Step = {
  name: "the token is spent",
  look: async () => (existsSync(TOKEN_FILE) ? `${TOKEN_FILE} is still there` : undefined),
  do: async () => rmSync(TOKEN_FILE, { force: true }),
};
