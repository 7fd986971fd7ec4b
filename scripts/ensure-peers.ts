/**
 * `npm run bench -- --peers` measures boma beside other tools: this installs Debian's Ansible and Puppet, and Salt from
 * the Python registry into a directory of its own. What cannot be had is said, and the benchmark goes on without it.
 */
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import { messageOf } from "../packages/agent/src/files.ts";
import { mustRun, runProgram } from "../test/support/hosts/program.ts";

const root = fileURLToPath(new URL("..", import.meta.url));
export const saltVenv = join(root, "node_modules/.cache/boma-bench/salt");

const INSTALL_MS_MAX = 10 * 60_000;
const SALT = "salt==3006.*";
/** What Salt imports. Its own list is only read where a variable of its build says so. */
const SALT_NEEDS = [
  "distro",
  "jinja2",
  "jmespath",
  "looseversion",
  "msgpack",
  "packaging",
  "psutil",
  "pycryptodomex",
  "pyyaml",
  "pyzmq",
  "requests",
];

const isThere = async (program: string): Promise<boolean> => {
  try {
    return (await runProgram([program, "--version"])).exitCode === 0;
  } catch {
    return false;
  }
};

async function fromDebian(name: string): Promise<void> {
  const options = { env: { DEBIAN_FRONTEND: "noninteractive" }, timeoutMs: INSTALL_MS_MAX };
  const apt = ["apt-get", "--quiet", "-o", "DPkg::Lock::Timeout=120"];
  await mustRun([...apt, "update"], options);
  await mustRun([...apt, "install", "--yes", "--no-install-recommends", name], options);
}

async function saltFromPython(): Promise<void> {
  const options = { timeoutMs: INSTALL_MS_MAX };
  await mustRun(["python3", "-m", "venv", saltVenv], options);
  await mustRun([join(saltVenv, "bin/pip"), "install", "--quiet", SALT, ...SALT_NEEDS], options);
}

const NEEDED = [
  { program: "ansible-playbook", install: () => fromDebian("ansible-core") },
  { program: "puppet", install: () => fromDebian("puppet") },
  { program: join(saltVenv, "bin/salt-call"), install: saltFromPython },
];

/** Says what is there now, and why the rest is not. */
export async function ensurePeers(): Promise<void> {
  for (const { program, install } of NEEDED) {
    if (await isThere(program)) continue;
    try {
      await install();
      console.error(`installed ${program}`);
    } catch (thrown) {
      console.error(`${program} could not be had: ${messageOf(thrown)}`);
    }
  }
}

if (import.meta.main) await ensurePeers();
