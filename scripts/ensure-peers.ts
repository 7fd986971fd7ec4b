/**
 * `npm run bench -- --peers` measures boma beside other tools: this installs Debian's Ansible and Puppet, and Salt, a
 * newer Ansible and pyinfra from the Python registry into directories of their own. What cannot be had is said, and the
 * benchmark goes on without it.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import { messageOf } from "../packages/agent/src/files.ts";
import { mustRun, runProgram } from "../test/support/hosts/program.ts";

const root = fileURLToPath(new URL("..", import.meta.url));
const venv = (name: string): string => join(root, "node_modules/.cache/boma-bench", name);
export const saltVenv = venv("salt");
export const ansibleVenv = venv("ansible");
export const pyinfraVenv = venv("pyinfra");

const INSTALL_MS_MAX = 10 * 60_000;
export const SSHD = "/usr/sbin/sshd";
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

/** A program that starts: one of a directory that was moved does not. sshd has nothing harmless to start it for. */
const isThere = async (program: string): Promise<boolean> => {
  if (program === SSHD) return existsSync(program);
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

async function fromPython(into: string, ...packages: readonly string[]): Promise<void> {
  const options = { timeoutMs: INSTALL_MS_MAX };
  await mustRun(["python3", "-m", "venv", into], options);
  await mustRun([join(into, "bin/pip"), "install", "--quiet", ...packages], options);
}

const NEEDED = [
  { program: "ansible-playbook", install: () => fromDebian("ansible-core") },
  { program: "puppet", install: () => fromDebian("puppet") },
  { program: SSHD, install: () => fromDebian("openssh-server") },
  { program: join(saltVenv, "bin/salt-call"), install: () => fromPython(saltVenv, SALT, ...SALT_NEEDS) },
  { program: join(ansibleVenv, "bin/ansible"), install: () => fromPython(ansibleVenv, "ansible-core") },
  { program: join(pyinfraVenv, "bin/pyinfra"), install: () => fromPython(pyinfraVenv, "pyinfra==3.*") },
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
