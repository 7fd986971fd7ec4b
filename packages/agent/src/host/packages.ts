/** Packages of Debian and its kin: dpkg says what is, apt-get changes it. */
import { BomaError } from "@boma/protocol";
import type { Exit, PackageOptions, Packages, Port, ReadPackages } from "@boma/states/core";
import { compareVersions } from "@boma/states/core";

import {
  APT_ENVIRONMENT,
  aptError,
  change,
  complaintOf,
  dpkgForces,
  isLocked,
  LOCK_TIMEOUT_MS,
  simulation,
  wordOf,
} from "./apt-command.ts";
import { parsePolicy, parseSimulation } from "./apt-simulation.ts";
import { DPKG_QUERY, type DpkgStatus, parseDpkgStatus } from "./dpkg-status.ts";
import { dropOwn, withoutStarting } from "./policy-rc.ts";
import type { Tools } from "./tools.ts";

/** A machine has a few thousand packages at most. */
const LIST_BYTES_MAX = 16 * 1024 * 1024;
const LOCK_POLL_MS = 1000;
const ADMIN_DIR = "/var/lib/dpkg";
const LISTS_DIR = "/var/lib/apt/lists";

/** `environment` is for all of its programs, and so can name another configuration of apt. */
export function realPackages(
  tools: Tools,
  environment: Readonly<Record<string, string>> = {},
): Port<ReadPackages, Packages> {
  const apt = aptOf(tools, environment);
  const read = readingHalf(tools, apt);
  return { read, write: { ...read, ...writingHalf(tools, apt, read) } };
}

interface Apt {
  /** What dpkg has, asked again when its database is another. */
  readonly status: () => Promise<DpkgStatus>;
  readonly ask: (argv: readonly string[]) => Promise<Exit>;
  /** Waits for a lock that somebody holds; what is known of the machine is asked anew afterwards. */
  readonly change: (argv: readonly string[], lockTimeoutMs?: number) => Promise<Exit>;
  readonly adminDir: string;
}

function aptOf({ session, commands, files }: Tools, environment: Readonly<Record<string, string>>): Apt {
  const env = { ...APT_ENVIRONMENT, ...environment };
  let kept: { readonly mark: string; readonly status: Promise<DpkgStatus> } | undefined;
  const ask = async (argv: readonly string[]): Promise<Exit> => {
    const exit = await commands.read({ argv, env, keepBytes: LIST_BYTES_MAX });
    if (exit.exitCode !== 127) return exit;
    throw new BomaError("package/unavailable", `${argv[0]} is not on this machine`, {
      hint: "The states of packages know Debian and its kin.",
    });
  };
  const query = async (): Promise<DpkgStatus> => {
    const [arch, list] = await Promise.all([ask(["dpkg", "--print-architecture"]), ask(DPKG_QUERY)]);
    // A database without any package is an error to dpkg-query, and a fact here.
    if (list.exitCode !== 0 && !/no packages found/i.test(list.stderr)) throw aptError("dpkg-query", list);
    if (list.cut) throw new BomaError("internal", `dpkg-query printed more than ${LIST_BYTES_MAX} bytes`);
    return parseDpkgStatus(list.stdout, arch.stdout.trim());
  };
  const adminDir = environment["DPKG_ADMINDIR"] ?? ADMIN_DIR;
  return {
    ask,
    adminDir,
    async status() {
      const { inode, mtimeMs } = (await files.stat(`${adminDir}/status`)) ?? {};
      const mark = `${inode} ${mtimeMs}`;
      if (kept?.mark !== mark) kept = { mark, status: query() };
      return kept.status;
    },
    async change(argv, lockTimeoutMs = LOCK_TIMEOUT_MS) {
      try {
        return await whenUnlocked(session.signal, lockTimeoutMs, () => commands.run({ argv, env }));
      } finally {
        kept = undefined;
      }
    },
  };
}

/** apt waits for the lock of dpkg itself, for the one of the lists it does not. */
async function whenUnlocked(signal: AbortSignal, timeoutMs: number, run: () => Promise<Exit>): Promise<Exit> {
  const { setTimeout: sleep } = await import("node:timers/promises");
  const until = performance.now() + timeoutMs;
  for (;;) {
    const exit = await run();
    if (!isLocked(exit) || performance.now() >= until) return exit;
    await sleep(LOCK_POLL_MS, undefined, { signal });
  }
}

function readingHalf({ files }: Tools, { status, ask }: Apt): ReadPackages {
  return {
    installed: async () => (await status()).installed,
    leftovers: async () => (await status()).leftovers,
    broken: async () => (await status()).broken,
    providers: async (name) => (await status()).providers.get(name) ?? [],
    compare: compareVersions,
    async candidates(names, fromSuite) {
      if (names.length === 0) return new Map();
      const suite = fromSuite === undefined ? [] : ["-o", `APT::Default-Release=${fromSuite}`];
      const exit = await ask(["apt-cache", ...suite, "policy", "--", ...names]);
      if (exit.exitCode !== 0) throw aptError("apt-cache policy", exit);
      return parsePolicy(exit.stdout);
    },
    async simulate(action, wanted, options) {
      const argv = simulation(verbOf(action), wanted.map(wordOf), options);
      const exit = await ask(argv);
      if (exit.exitCode !== 0) throw aptError(`apt-get ${action} (simulated)`, exit);
      return parseSimulation(exit.stdout);
    },
    async listsAgeMs() {
      const stats = await Promise.all([LISTS_DIR, `${LISTS_DIR}/partial`].map((path) => files.stat(path)));
      const times = stats.flatMap((stat) => stat?.mtimeMs ?? []);
      const names = stats[0] ? await files.list(LISTS_DIR) : [];
      if (!names.some((name) => /_(?:In)?Release$|_Packages/.test(name))) return undefined;
      return Math.max(0, Date.now() - Math.max(...times));
    },
    async hasListsOf(sourceFile) {
      const exit = await ask([
        "apt-get",
        "indextargets",
        ...onlySource(sourceFile),
        "--format",
        "$(FILENAME)",
      ]);
      if (exit.exitCode !== 0) throw aptError(`apt-get indextargets of ${sourceFile}`, exit);
      if (exit.stdout.trim() !== "") return true;
      // An archive without packages leaves no list, only what is signed.
      const uris = await ask(["apt-get", "update", "--print-uris", ...onlySource(sourceFile)]);
      const lists = [...uris.stdout.matchAll(/^'[^']*' (\S+_InRelease) /gm)].map(([, name]) => name!);
      const found = await Promise.all(lists.map((name) => files.stat(`${LISTS_DIR}/${name}`)));
      return found.some((stat) => stat !== undefined);
    },
  };
}

const verbOf = (action: Parameters<ReadPackages["simulate"]>[0]): string[] =>
  action === "upgrade" ? ["upgrade", "--with-new-pkgs"] : [action];

const onlySource = (file: string): string[] => [
  "-o",
  `Dir::Etc::SourceList=${file}`,
  "-o",
  "Dir::Etc::SourceParts=-",
  // The lists of the other sources stay.
  "-o",
  "APT::Get::List-Cleanup=false",
];

type Written = Omit<Packages, keyof ReadPackages>;

function writingHalf({ files }: Tools, apt: Apt, read: ReadPackages): Written {
  const must = async (what: string, argv: readonly string[], lockTimeoutMs?: number): Promise<void> => {
    const exit = await apt.change(argv, lockTimeoutMs);
    if (exit.exitCode !== 0) throw aptError(what, exit);
  };
  const repair = async (options: PackageOptions = {}): Promise<void> => {
    const { lockTimeoutMs } = options;
    await must("dpkg", ["dpkg", ...dpkgForces(options), "--configure", "-a"], lockTimeoutMs);
    if ((await read.broken()).length === 0) return;
    await must("apt-get --fix-broken", change(["--fix-broken", "install"], [], options), lockTimeoutMs);
  };
  /** Whatever was left in the middle comes first: apt refuses to go on before. */
  const run = async (verb: readonly string[], words: readonly string[], options: PackageOptions = {}) => {
    if (await wasInterrupted(files, apt)) await repair(options);
    await must(`apt-get ${verb[0]}`, change(verb, words, options), options.lockTimeoutMs);
  };
  return {
    repair: () => repair(),
    async install(wanted, options = {}) {
      const install = (): Promise<void> => run(["install"], wanted.map(wordOf), options);
      if (options.startServices === false) return withoutStarting(files, install);
      await dropOwn(files);
      return install();
    },
    remove: (names, { purge = false, ...options } = {}) =>
      run([purge ? "purge" : "remove"], names, { ...options, allowRemove: true }),
    async upgrade(options) {
      await dropOwn(files);
      return run(verbOf("upgrade"), [], options);
    },
    hold: (names, held) => must("apt-mark", ["apt-mark", held ? "hold" : "unhold", "--", ...names]),
    async refresh({ sourceFile, lockTimeoutMs } = {}) {
      const only = sourceFile === undefined ? [] : onlySource(sourceFile);
      const argv = ["apt-get", "update", "-q", "-o", "APT::Update::Error-Mode=any", ...only];
      const exit = await apt.change(argv, lockTimeoutMs);
      const what = `the lists of ${sourceFile ?? "all sources"} could not be fetched`;
      if (isLocked(exit)) throw aptError(what, exit);
      if (exit.exitCode !== 0 || FETCH_FAILED.test(`${exit.stdout}\n${exit.stderr}`))
        throw new BomaError("package/source", `${what}: ${complaintOf(exit)}`);
    },
  };
}

/** Older releases of apt only warn of these, and end with 0. */
const FETCH_FAILED =
  /^(?:E:|Err:|W: (?:Failed to fetch|Some index files|GPG error|An error occurred|.*not signed))/m;

async function wasInterrupted(files: Tools["files"], { adminDir, status }: Apt): Promise<boolean> {
  const updates = `${adminDir}/updates`;
  const left = (await files.stat(updates)) ? await files.list(updates) : [];
  return left.some((name) => /^\d+$/.test(name)) || (await status()).broken.length > 0;
}
