/** pyinfra over SSH, all nodes at once, which is what it does by itself. */
import { join } from "node:path";

import { pyinfraVenv } from "../../scripts/ensure-peers.ts";
import { versionOf, write } from "../peers.ts";
import { FILES, type FleetTool, linesOf, NODES, type StandingFleet } from "./fleet-tool.ts";
import { sshNodes } from "./ssh-nodes.ts";

const bin = join(pyinfraVenv, "bin/pyinfra");

export const pyinfraFleet: FleetTool = {
  name: "pyinfra",
  version: () => versionOf({ argv: [bin, "--version"] }, /v([\d.]+)/),
  async start(dir): Promise<StandingFleet> {
    const nodes = await sshNodes(join(dir, "ssh"), 24_523);
    const data = (node: string) =>
      JSON.stringify({
        ssh_hostname: nodes.addresses[node],
        ssh_port: nodes.port,
        ssh_user: "root",
        ssh_key: nodes.keyFile,
        ssh_known_hosts_file: join(dir, "known-hosts"),
      });
    const inventory = write(
      join(dir, "inventory.py"),
      `nodes = [\n${NODES.map((node) => `    ("${node}", ${data(node)}),\n`).join("")}]\n`,
    );
    const deploy = write(join(dir, "deploy.py"), operations(join(dir, "nodes")));
    const command = (...words: readonly string[]) => ({
      argv: [bin, "-y", inventory, ...words] as const,
      env: { HOME: dir },
    });
    return {
      ping: (target) => command(...(target === "*" ? [] : ["--limit", target]), "exec", "--", "true"),
      answered: ({ stdout, stderr }) => new Set(`${stdout}${stderr}`.match(/\[n\d\d\](?=.*Success)/g)).size,
      apply: () => command(deploy),
      fileOf: (node, index) => join(dir, "nodes", node, `file-${index}`),
      freeze: () => nodes.freezeLast(),
      memory: () => ({}),
      [Symbol.asyncDispose]: () => nodes[Symbol.asyncDispose](),
    };
  },
};

const operations = (into: string): string => `from io import StringIO
from pyinfra import host
from pyinfra.operations import files
for index, text in enumerate(${JSON.stringify(Array.from({ length: FILES }, (_, index) => `${linesOf(index).join("\n")}\n`))}):
    files.put(src=StringIO(text), dest=f"${into}/{host.name}/file-{index}", mode="644", create_remote_dir=True)
`;
