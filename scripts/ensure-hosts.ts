/** `npm run test:hosts` boots Debian hosts: this installs what it needs for that, and builds their root file system. */
import { mustRun, runProgram } from "../test/support/hosts/program.ts";
import { debianCodename } from "../test/support/hosts/recipe.ts";
import { ensureRootfs } from "../test/support/hosts/rootfs.ts";

/** Program → the package that brings it. */
const NEEDED: Readonly<Record<string, string>> = {
  mmdebstrap: "mmdebstrap",
  "systemd-nspawn": "systemd-container",
  socat: "socat",
  ip: "iproute2",
  nsenter: "util-linux",
};

const INSTALL_MS_MAX = 5 * 60_000;

async function missing(): Promise<readonly string[]> {
  const wanted: string[] = [];
  for (const [program, name] of Object.entries(NEEDED)) {
    const { exitCode } = await runProgram(["which", program]);
    if (exitCode !== 0) wanted.push(name);
  }
  return wanted;
}

async function install(names: readonly string[]): Promise<void> {
  const env = { DEBIAN_FRONTEND: "noninteractive" };
  const apt = ["apt-get", "--quiet", "-o", "DPkg::Lock::Timeout=120"];
  await mustRun([...apt, "update"], { env, timeoutMs: INSTALL_MS_MAX });
  const words = ["install", "--yes", "--no-install-recommends", ...names];
  await mustRun([...apt, ...words], { env, timeoutMs: INSTALL_MS_MAX });
  console.log(`installed ${names.join(" ")}`);
}

if (process.getuid?.() !== 0 || debianCodename() === undefined) {
  console.error("The hosts tier boots machines in namespaces: it needs root on a Debian.");
  process.exitCode = 1;
} else {
  const names = await missing();
  if (names.length > 0) await install(names);
  console.log(`hosts boot from ${await ensureRootfs()}`);
}
