/** One life of a host, from power-on to its end: systemd as process 1 of a container. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";

import { killCgroups, makeCgroups } from "./cgroups.ts";
import { DOCKER_DISK, ROOT } from "./disk.ts";
import { keepWithUs, mustRun, type ProgramEnd, type ProgramOptions, runProgram } from "./program.ts";
import type { Space } from "./space.ts";

const BOOT_MS_MAX = 60_000;
const CONSOLE_LINES_MAX = 200;
const NOTIFY = "/run/notify";

/** The exit code of a container that wants to be started again. */
const WANTS_REBOOT = 133;

export interface BootOptions {
  /** The name of its control groups. */
  readonly machine: string;
  readonly hostname: string;
  readonly space: Space;
  /** Paths of this machine that the host sees under the same path, and cannot write. */
  readonly shared: readonly string[];
  /** Whether it runs containers of its own. */
  readonly docker: boolean;
}

/** Resolves with the first line of a stream that fits. */
function lineOf(stream: NodeJS.ReadableStream, fits: RegExp): Promise<RegExpExecArray> {
  return new Promise((resolve, reject) => {
    let text = "";
    stream.on("data", (data: Buffer) => {
      text = (text + data.toString()).slice(-4096);
      const found = fits.exec(text);
      if (found) resolve(found);
    });
    stream.once("end", () => reject(new Error(`ended without ${fits.source}: ${text}`)));
  });
}

/** Hears what the container's systemd says about itself. */
async function listen(space: Space): Promise<ChildProcess> {
  await space.must(["rm", "-f", NOTIFY]);
  const [program, ...args] = [...space.enter, "socat", "-u", "-d", "-d", `UNIX-RECV:${NOTIFY}`, "-"];
  const ears = spawn(program!, args, { stdio: ["ignore", "pipe", "pipe"] });
  keepWithUs(ears);
  await lineOf(ears.stderr, /starting data transfer loop/);
  return ears;
}

function containerArgv({ machine, hostname, shared, docker }: BootOptions): readonly string[] {
  return [
    "systemd-nspawn",
    "--quiet",
    "--boot",
    `--directory=${ROOT}`,
    `--machine=${machine}`,
    `--hostname=${hostname}`,
    "--register=no",
    "--keep-unit",
    "--notify-ready=yes",
    "--network-namespace-path=/proc/self/ns/net",
    "--console=pipe",
    "--capability=all",
    // There is one clock, and it is that of the outer machine: no daemon of a host ever sets it.
    "--drop-capability=CAP_SYS_TIME",
    "--link-journal=no",
    "--resolv-conf=off",
    "--timezone=off",
    "--kill-signal=SIGRTMIN+3",
    ...shared.map((path) => `--bind-ro=${path}`),
    // A container has a session of keys and a program that guards its devices.
    ...(docker ? ["--system-call-filter=add_key keyctl bpf", `--bind=${DOCKER_DISK}:/var/lib/docker`] : []),
  ];
}

function powerOn(options: BootOptions): ChildProcess {
  const join = makeCgroups(options.machine).map((dir) => `echo $$ > ${dir}/cgroup.procs`);
  // Ends with us whatever happens to us; without control groups of its own it would share those of other hosts.
  const script = [...join, 'exec setpriv --pdeathsig KILL "$@"'].join("\n");
  const argv = [...options.space.enter, "sh", "-ec", script, "sh", ...containerArgv(options)];
  const container = spawn(argv[0]!, argv.slice(1), {
    stdio: ["ignore", "pipe", "pipe"],
    env: {
      PATH: process.env["PATH"],
      NOTIFY_SOCKET: NOTIFY,
      SYSTEMD_NSPAWN_UNIFIED_HIERARCHY: "1",
      // Else it shows the outer machine's network devices, and no network setting can be written.
      SYSTEMD_NSPAWN_API_VFS_WRITABLE: "network",
    },
  });
  keepWithUs(container);
  return container;
}

export class Boot {
  readonly #options: BootOptions;
  readonly #container: ChildProcess;
  readonly #ears: ChildProcess;
  readonly #console: string[] = [];
  /** Whether it went down in order to come up again. */
  readonly ended: Promise<{ readonly wantsReboot: boolean }>;
  #leader = 0;

  private constructor(options: BootOptions, container: ChildProcess, ears: ChildProcess) {
    this.#options = options;
    this.#container = container;
    this.#ears = ears;
    for (const stream of [container.stdout!, container.stderr!])
      createInterface({ input: stream }).on("line", (line) => {
        this.#console.push(line);
        if (this.#console.length > CONSOLE_LINES_MAX) this.#console.shift();
      });
    this.ended = once(container, "close").then(([code]) => {
      ears.kill("SIGKILL");
      return { wantsReboot: code === WANTS_REBOOT };
    });
  }

  /** Ready when systemd has nothing left to start. */
  static async start(options: BootOptions): Promise<Boot> {
    const ears = await listen(options.space);
    const boot = new Boot(options, powerOn(options), ears);
    const over = new AbortController();
    const late = new Promise<never>((_, reject) => {
      const timer = setTimeout(() => reject(new Error(`not up within ${BOOT_MS_MAX} ms`)), BOOT_MS_MAX);
      over.signal.addEventListener("abort", () => clearTimeout(timer));
    });
    const died = boot.ended.then(() => {
      throw new Error("ended while it booted");
    });
    died.catch(() => undefined);
    try {
      await Promise.race([boot.#becomesReady(), late, died]);
      return boot;
    } catch (error) {
      const tail = await boot.tail();
      await boot.cut();
      throw new Error(`${options.hostname}: ${(error as Error).message}\n${tail}`, { cause: error });
    } finally {
      over.abort();
    }
  }

  async #becomesReady(): Promise<void> {
    const ready = lineOf(this.#ears.stdout!, /READY=1/);
    ready.catch(() => undefined);
    const [, leader] = await lineOf(this.#ears.stdout!, /X_NSPAWN_LEADER_PID=(\d+)/);
    this.#leader = Number(leader);
    await ready;
    await this.enter(["systemctl", "is-system-running", "--wait"]);
  }

  /** What a command is put behind to run in the host. */
  get #enter(): readonly string[] {
    const spaces = ["--mount", "--uts", "--ipc", "--net", "--pid", "--cgroup"];
    return ["nsenter", "--target", String(this.#leader), ...spaces, "--"];
  }

  /** Straight into the host's namespaces, past its systemd: for the harness itself. */
  enter(argv: readonly string[], options: ProgramOptions = {}): Promise<ProgramEnd> {
    const path = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
    return runProgram([...this.#enter, "env", "-i", path, "LANG=C.UTF-8", ...argv], options);
  }

  mustEnter(argv: readonly string[], options: ProgramOptions = {}): Promise<string> {
    const path = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
    return mustRun([...this.#enter, "env", "-i", path, "LANG=C.UTF-8", ...argv], options);
  }

  /** The words before a command, for a child that a test holds on to. */
  get words(): readonly string[] {
    return this.#enter;
  }

  /** What the host last said: its console and its journal. */
  async tail(): Promise<string> {
    const argv = ["journalctl", "--no-pager", "--lines=40", "--output=short-monotonic"];
    const journal = this.#leader
      ? await this.enter(argv, { timeoutMs: 5000 }).catch(() => undefined)
      : undefined;
    return [...this.#console.slice(-20), journal?.stdout ?? "(no journal)"].join("\n");
  }

  /** Everything in it ends at once. */
  async cut(): Promise<void> {
    killCgroups(this.#options.machine);
    this.#container.kill("SIGKILL");
    await this.ended;
  }
}
