/** Which nats-server there is, and how to get one where there is none. */
import { execFile } from "node:child_process";
import { access, constants, mkdir, readlink, symlink } from "node:fs/promises";
import { delimiter, join } from "node:path";
import { promisify } from "node:util";

import { BomaError } from "@boma/protocol";

const run = promisify(execFile);

export type Version = readonly [major: number, minor: number, patch: number];

export interface NatsProgram {
  readonly path: string;
  readonly version: Version;
}

/** The oldest server that boma is tested with: Debian 12's. */
const VERSION_MIN: Version = [2, 9, 10];

export function atLeast(version: Version, least: readonly number[]): boolean {
  for (const [i, wanted] of least.entries()) {
    const part = version[i] ?? 0;
    if (part !== wanted) return part > wanted;
  }
  return true;
}

/** Reads `nats-server: v2.9.10`. */
export function parseVersion(text: string): Version | undefined {
  const found = /\bv(\d+)\.(\d+)\.(\d+)/.exec(text);
  return found ? [Number(found[1]), Number(found[2]), Number(found[3])] : undefined;
}

const isProgram = (path: string): Promise<boolean> =>
  access(path, constants.X_OK).then(
    () => true,
    () => false,
  );

/** The program at this path, or why it is none. */
export async function inspectProgram(path: string): Promise<NatsProgram> {
  const { stdout } = await run(path, ["--version"], { timeout: 10_000 }).catch((cause: unknown) => {
    throw new BomaError("bus/missing", `${path} cannot be run`, { cause });
  });
  const version = parseVersion(stdout);
  if (!version) throw new BomaError("bus/missing", `${path} is no nats-server`);
  if (!atLeast(version, VERSION_MIN))
    throw new BomaError(
      "bus/missing",
      `${path} is ${version.join(".")}; boma needs ${VERSION_MIN.join(".")}`,
    );
  return { path, version };
}

// Debian puts it into /usr/sbin, which is not on an ordinary user's PATH.
const searchPath = (): readonly string[] => [
  ...new Set([...(process.env["PATH"] ?? "").split(delimiter), "/usr/local/bin", "/usr/sbin", "/usr/bin"]),
];

/** Every file of that name where programs are looked for. */
export async function programsNamed(name: string): Promise<readonly string[]> {
  const paths = searchPath()
    .filter((dir) => dir.startsWith("/"))
    .map((dir) => join(dir, name));
  const there = await Promise.all(paths.map(isProgram));
  return paths.filter((_, i) => there[i]);
}

/** BOMA_NATS_SERVER if it is set, else the first good nats-server; undefined if there is none. */
export async function findNatsServer(): Promise<NatsProgram | undefined> {
  const named = process.env["BOMA_NATS_SERVER"];
  if (named) return inspectProgram(named);
  let wrong: unknown;
  for (const path of await programsNamed("nats-server")) {
    try {
      return await inspectProgram(path);
    } catch (error) {
      wrong ??= error;
    }
  }
  if (wrong !== undefined) throw wrong;
  return undefined;
}

export async function requireNatsServer(): Promise<NatsProgram> {
  const program = await findNatsServer();
  if (!program) throw new BomaError("bus/missing", `no nats-server in ${searchPath().join(", ")}`);
  return program;
}

const UNIT = "nats-server.service";
const MASK = `/etc/systemd/system/${UNIT}`;

/**
 * Debian's package starts a server without authentication on port 4222 as soon
 * as it is unpacked. Masked before, it never runs, not even for a moment.
 */
async function maskDebianService(): Promise<void> {
  await run("systemctl", ["mask", UNIT]).catch(() => undefined);
  const masked = () =>
    readlink(MASK).then(
      (to) => to === "/dev/null",
      () => false,
    );
  if (await masked()) return;
  await mkdir("/etc/systemd/system", { recursive: true });
  await symlink("/dev/null", MASK).catch(() => undefined);
  if (!(await masked()))
    throw new BomaError(
      "bus/missing",
      `${UNIT} cannot be masked, and unmasked it would open port 4222 to anyone`,
      {
        hint: `Look at ${MASK}, or install nats-server yourself and name it with BOMA_NATS_SERVER.`,
      },
    );
}

const APT_MS_MAX = 5 * 60_000;

async function apt(...args: readonly string[]): Promise<void> {
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  // Another apt may be at work: wait for it rather than fail.
  const all = ["-o", "DPkg::Lock::Timeout=120", "-q", ...args];
  await run("apt-get", all, { env, timeout: APT_MS_MAX, maxBuffer: 16 * 1024 ** 2 });
}

function lastWords(error: unknown): string {
  const {
    stderr = "",
    stdout = "",
    message = "",
  } = error as {
    readonly stderr?: string;
    readonly stdout?: string;
    readonly message?: string;
  };
  const lines = (stderr.trim() || stdout.trim() || message).split("\n");
  return lines.slice(-5).join("\n");
}

const packageIsKnown = (): Promise<boolean> =>
  run("apt-cache", ["policy", "nats-server"]).then(
    ({ stdout }) => /Candidate: \d/.test(stdout),
    () => false,
  );

/** Installs Debian's package, its own service masked. Only root may, and only where there is apt. */
export async function installNatsServer(): Promise<NatsProgram> {
  if (process.getuid?.() !== 0)
    throw new BomaError("bus/missing", "no nats-server was found, and only root may install one");
  if ((await programsNamed("apt-get")).length === 0)
    throw new BomaError("bus/missing", "no nats-server was found, and there is no apt-get to install one");
  await maskDebianService();
  const install = () => apt("install", "-y", "--no-install-recommends", "nats-server");
  try {
    if (!(await packageIsKnown())) await apt("update");
    // The lists may be there but older than the mirror.
    await install().catch(() => apt("update").then(install));
  } catch (cause) {
    throw new BomaError("bus/missing", `apt-get could not install nats-server:\n${lastWords(cause)}`, {
      cause,
    });
  }
  return requireNatsServer();
}
