/** Fifty agents, each a process of its own confined below a root, with the master and its nats-server. */
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { Boma, bundledMaster, memoryOf, type RealAgent, type RunDocument, version } from "../boma.ts";
import { FILES, type FleetTool, linesOf, NODES, type StandingFleet } from "./fleet-tool.ts";

const TREE = `import { file, tree } from "@boma/states";
export default tree(() => ${JSON.stringify(
  Array.from({ length: FILES }, (_, index) => ({
    at: `/file-${index}`,
    text: `${linesOf(index).join("\n")}\n`,
  })),
)}.map(({ at, text }) => file.managed(at, { contents: text, mode: "0644" })));
`;
const TOP = `import { top } from "@boma/states";
import files from "./states/files.ts";
export default top({ "*": [files] });
`;

export const bomaFleet: FleetTool = {
  name: "boma",
  version: async () => (await version()).version,
  async start(): Promise<StandingFleet> {
    const boma = await Boma.start();
    const site = join(boma.home, "site");
    rmSync(site, { recursive: true, force: true });
    mkdirSync(join(site, "states"), { recursive: true });
    writeFileSync(join(site, "top.ts"), TOP);
    writeFileSync(join(site, "states/files.ts"), TREE);
    const agents: RealAgent[] = [];
    for (const id of NODES) agents.push(await boma.agent(id));
    const command = (...words: readonly string[]) => ({
      argv: [process.execPath, bundledMaster, ...words, "--home", boma.home] as const,
    });
    const last = agents.at(-1)!.process;
    return {
      ping: (target) => command("run", target, "test.ping", "--json"),
      answered: ({ stdout }) =>
        Object.values((JSON.parse(stdout) as RunDocument).nodes).filter(({ status }) => status === "ok")
          .length,
      apply: () => command("run", "*", "state.apply", "--json"),
      fileOf: (node, index) => join(boma.dir, "roots", node, `file-${index}`),
      freeze() {
        last.signal("SIGSTOP");
        return () => last.signal("SIGCONT");
      },
      memory() {
        const { master, nats } = boma.memory();
        const mb = agents.map(({ process: { pid } }) => memoryOf(pid).pssMb);
        return {
          master: master.pssMb + nats.pssMb,
          agent: mb.reduce((sum, one) => sum + one, 0) / mb.length,
        };
      },
      [Symbol.asyncDispose]: () => boma[Symbol.asyncDispose](),
    };
  },
};
