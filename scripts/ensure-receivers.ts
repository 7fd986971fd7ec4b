/** `npm run test:programs` sends to real receivers, a mail server and a Matrix homeserver: this installs them apart from everything else. */
import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";

const PACKAGES = ["aiosmtpd==1.4.6", "matrix-synapse==1.163.2"];
const dir = fileURLToPath(new URL("../node_modules/.cache/receivers", import.meta.url));

const run = (command: string, ...args: readonly string[]) =>
  void execFileSync(command, args, { stdio: ["ignore", "ignore", "inherit"] });

try {
  if (!existsSync(`${dir}/bin/synapse_homeserver`)) {
    run("python3", "-m", "venv", dir);
    run(`${dir}/bin/pip`, "install", "--quiet", "--disable-pip-version-check", ...PACKAGES);
  }
} catch (thrown) {
  console.error(`the receivers cannot be installed: ${(thrown as Error).message}`);
  process.exitCode = 1;
}
