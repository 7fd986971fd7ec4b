/** Programs that tests need: what is missing is installed from the distribution, where that may be done. */
import { mustRun, runProgram } from "../test/support/hosts/program.ts";

const INSTALL_MS_MAX = 5 * 60_000;

/** Program → the package that brings it. */
export type Needed = Readonly<Record<string, string>>;

export async function installMissing(needed: Needed): Promise<void> {
  const names = await missing(needed);
  if (names.length === 0) return;
  if (process.getuid?.() !== 0)
    throw new Error(`these packages are missing, and only root can install them: ${names.join(" ")}`);
  const env = { DEBIAN_FRONTEND: "noninteractive" };
  const apt = ["apt-get", "--quiet", "-o", "DPkg::Lock::Timeout=120"];
  await mustRun([...apt, "update"], { env, timeoutMs: INSTALL_MS_MAX });
  const words = ["install", "--yes", "--no-install-recommends", ...names];
  await mustRun([...apt, ...words], { env, timeoutMs: INSTALL_MS_MAX });
  console.log(`installed ${names.join(" ")}`);
}

async function missing(needed: Needed): Promise<readonly string[]> {
  const wanted = new Set<string>();
  for (const [program, name] of Object.entries(needed)) {
    const { exitCode } = await runProgram(["which", program]);
    if (exitCode !== 0) wanted.add(name);
  }
  return [...wanted];
}
