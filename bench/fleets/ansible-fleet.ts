/** Ansible over SSH, as its own guide makes it fast: a fork for each node, pipelining, connections that stay open. */
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { ansibleVenv } from "../../scripts/ensure-peers.ts";
import { versionOf, write } from "../peers.ts";
import { timed } from "../timed.ts";
import { FILES, type FleetTool, linesOf, NODES, type StandingFleet } from "./fleet-tool.ts";
import { sshNodes } from "./ssh-nodes.ts";

const bin = (name: string): string => join(ansibleVenv, "bin", name);

export const ansibleFleet: FleetTool = {
  name: "Ansible",
  version: () => versionOf({ argv: [bin("ansible"), "--version"] }, /core ([\d.]+)/),
  async start(dir): Promise<StandingFleet> {
    // A socket's path may not be long.
    const sockets = mkdtempSync(join(tmpdir(), "boma-cp-"));
    const nodes = await sshNodes(join(dir, "ssh"), 24_522);
    const config = write(
      join(dir, "ansible.cfg"),
      `[defaults]
forks = ${NODES.length}
host_key_checking = False
gathering = explicit
interpreter_python = /usr/bin/python3
remote_user = root
private_key_file = ${nodes.keyFile}
local_tmp = ${dir}/tmp
[ssh_connection]
pipelining = True
control_path_dir = ${sockets}
ssh_args = -o ControlMaster=auto -o ControlPersist=60s -o UserKnownHostsFile=/dev/null
`,
    );
    const inventory = write(
      join(dir, "inventory"),
      NODES.map((node) => `${node} ansible_host=${nodes.addresses[node]} ansible_port=${nodes.port}\n`).join(
        "",
      ),
    );
    const play = write(join(dir, "files.yml"), playbook(join(dir, "nodes")));
    const env = { ANSIBLE_CONFIG: config, ANSIBLE_HOME: dir, HOME: dir };
    return {
      ping: (target) => ({ argv: [bin("ansible"), "-i", inventory, target, "-m", "ping"], env }),
      answered: ({ stdout }) => stdout.match(/ \| SUCCESS => /g)?.length ?? 0,
      apply: () => ({ argv: [bin("ansible-playbook"), "-i", inventory, play], env }),
      fileOf: (node, index) => join(dir, "nodes", node, `file-${index}`),
      freeze: () => nodes.freezeLast(),
      memory: () => ({}),
      async [Symbol.asyncDispose]() {
        for (const name of readdirSync(sockets)) await hangUp(join(sockets, name));
        rmSync(sockets, { recursive: true, force: true });
        await nodes[Symbol.asyncDispose]();
      },
    };
  },
};

/** What holds a connection open for the next command line goes away with it. */
const hangUp = (socket: string) => timed({ argv: ["ssh", "-O", "exit", "-S", socket, "anybody"] });

const playbook = (into: string): string => `- hosts: all
  gather_facts: false
  strategy: free
  tasks:
    - file: { path: "${into}/{{ inventory_hostname }}", state: directory }
${Array.from(
  { length: FILES },
  (_, index) =>
    `    - copy:\n        dest: "${into}/{{ inventory_hostname }}/file-${index}"\n        content: "${linesOf(index).join("\\n")}\\n"\n        mode: "0644"\n`,
).join("")}`;
