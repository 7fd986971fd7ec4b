/** How apt and dpkg are called: never a question, never a lock file taken away, never a removal that nobody wanted. */
import { BomaError } from "@boma/protocol";
import type { Exit, PackageOptions, Wanted } from "@boma/states/core";

export const LOCK_TIMEOUT_MS = 5 * 60_000;

export const APT_ENVIRONMENT: Readonly<Record<string, string>> = {
  LC_ALL: "C.UTF-8",
  DEBIAN_FRONTEND: "noninteractive",
  DEBIAN_PRIORITY: "critical",
  APT_LISTCHANGES_FRONTEND: "none",
  // Services are restarted where a tree says so, by nobody else.
  NEEDRESTART_MODE: "l",
  NEEDRESTART_SUSPEND: "1",
  UCF_FORCE_CONFFOLD: "1",
};

export const wordOf = ({ name, version }: Wanted): string =>
  version === undefined ? name : `${name}=${version}`;

const configurationOf = (configuration: PackageOptions["configuration"]): string[] =>
  configuration === "new" ? ["--force-confnew"] : ["--force-confdef", "--force-confold"];

export const dpkgForces = (options: PackageOptions = {}): string[] => configurationOf(options.configuration);

/** What a simulation and the run after it are told alike, so that both choose the same. */
function choicesOf(options: PackageOptions = {}): string[] {
  const { recommends = false, fromSuite } = options;
  return [
    "-o",
    `APT::Install-Recommends=${recommends}`,
    ...(fromSuite === undefined ? [] : ["-o", `APT::Default-Release=${fromSuite}`]),
    ...(options.allowDowngrade ? ["--allow-downgrades"] : []),
    ...(options.allowChangeHeld ? ["--allow-change-held-packages"] : []),
  ];
}

/** The simulation takes no lock: it only looks. */
export const simulation = (
  verb: readonly string[],
  words: readonly string[],
  options?: PackageOptions,
): string[] => [
  "apt-get",
  "--simulate",
  "-qq",
  "-o",
  "Debug::NoLocking=true",
  ...choicesOf(options),
  ...verb,
  "--",
  ...words,
];

export const change = (
  verb: readonly string[],
  words: readonly string[],
  options: PackageOptions = {},
): string[] => [
  "apt-get",
  "--yes",
  "-q",
  "-o",
  "Dpkg::Use-Pty=false",
  "-o",
  `DPkg::Lock::Timeout=${Math.ceil((options.lockTimeoutMs ?? LOCK_TIMEOUT_MS) / 1000)}`,
  ...configurationOf(options.configuration).flatMap((force) => ["-o", `Dpkg::Options::=${force}`]),
  ...(options.allowRemove ? [] : ["--no-remove"]),
  ...choicesOf(options),
  ...verb,
  "--",
  ...words,
];

const LOCKED =
  /could not get lock|unable to (?:acquire|lock)|lock was locked by another process|resource temporarily unavailable/i;

export const isLocked = ({ exitCode, stderr }: Exit): boolean => exitCode !== 0 && LOCKED.test(stderr);

const LINES_MAX = 20;

const lastLines = (text: string): string => text.trim().split("\n").slice(-LINES_MAX).join("\n");

/** The lines by which apt says what went wrong; without such lines, the last ones. */
export function complaintOf({ stdout, stderr }: Exit): string {
  const all = `${stderr}\n${stdout}`.split("\n").map((line) => line.trim());
  const said = all.filter((line) => /^(?:E|W|Err):/.test(line) || line.startsWith("dpkg: error"));
  return lastLines(said.length > 0 ? [...new Set(said)].join("\n") : stderr.trim() || stdout);
}

const UNAVAILABLE =
  /unable to locate package|has no installation candidate|couldn't find any package|version .* for .* was not found|is not available for the default release|the value '.*' is invalid for apt::default-release|unable to find a source/i;

const BLOCKED =
  /held broken packages|remove is disabled|held packages were changed|packages were downgraded|essential packages were removed/i;

/** What went wrong, in the words of the table of errors. */
export function aptError(what: string, exit: Exit): BomaError {
  const complaint = complaintOf(exit);
  if (isLocked(exit)) return new BomaError("package/locked", `${what}: the lock was not free: ${complaint}`);
  if (UNAVAILABLE.test(complaint)) return new BomaError("package/unavailable", `${what}: ${complaint}`);
  if (BLOCKED.test(complaint)) return new BomaError("package/blocked", `${what}: ${complaint}`);
  return new BomaError(
    "state/command-failed",
    `${what} ended with ${exit.exitCode ?? exit.signal}: ${complaint}`,
  );
}
