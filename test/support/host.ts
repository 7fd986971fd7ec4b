/**
 * A Debian machine with its own systemd, network, disk and control groups, for a
 * test: `await using host = await startHost()`. It boots in about a second, and
 * nothing of it is left when the test is over.
 */
import { accessSync, constants, statSync } from "node:fs";
import { fileURLToPath } from "node:url";

import type { RunReport } from "@boma/states";

import type { Fleet, FleetOptions } from "./fleet.ts";
import { Boot } from "./hosts/boot.ts";
import { killCgroups, ownedName, removeCgroups, sweep } from "./hosts/cgroups.ts";
import { insertDisk, nameDisk, numberDisk, ROOT, wipeDisk } from "./hosts/disk.ts";
import { ensureLayer, type Layer, withDocker } from "./hosts/layer.ts";
import { BRIDGE_ADDRESS, leaveNetwork, type Network, sharedNetwork } from "./hosts/network.ts";
import { forgetKernel, giveNetworkd } from "./hosts/own-network.ts";
import { type ProgramEnd, shown } from "./hosts/program.ts";
import { ensureRootfs } from "./hosts/rootfs.ts";
import { Space } from "./hosts/space.ts";
import { gateTime, seconds, timesOf } from "./hosts/times.ts";
import { unitArgv } from "./hosts/unit.ts";
import { convergeScript, program } from "./programs.ts";

export interface HostOptions {
  readonly name?: string;
  /** Packages that are installed already. */
  readonly layer?: Layer;
  /** Directories that lie over it, the topmost first: somebody else's image, which brings no machine-id. */
  readonly image?: readonly string[];
  /** Docker is installed, and can run what it is given. */
  readonly docker?: true;
  /** It sets its own addresses, by systemd-networkd. */
  readonly networkd?: true;
  /** Further network cards by name, and the switch that each is plugged into. */
  readonly cables?: Readonly<Record<string, string>>;
}

export interface RunOptions {
  readonly stdin?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly timeoutMs?: number;
}

export interface Enrolment {
  /** The environment that its token assigns. */
  readonly env?: string;
  readonly args?: readonly string[];
}

/** What `test/hosts/converge.ts` prints. */
export interface Converged {
  readonly first?: Readonly<Record<string, unknown>>;
  readonly left?: Readonly<Record<string, unknown>>;
  readonly error?: { readonly code: string; readonly message: string };
}

/** The repository, which a host sees at the path that it has out here. */
export const REPOSITORY = fileURLToPath(new URL("../..", import.meta.url)).replace(/\/$/, "");

const RUN_MS_MAX = 60_000;
/** systemd itself gives a unit that does not stop 90 s, and there may be two of them one behind the other. */
const SHUTDOWN_MS_MAX = 200_000;

let unnamed = 0;

export class Host implements AsyncDisposable {
  readonly name: string;
  readonly address: string;
  readonly #port: string;
  readonly #network: Network;
  readonly #space: Space;
  readonly #rootfs: string;
  readonly #machine: string;
  readonly #options: HostOptions;
  readonly #began = performance.now();
  #boot: Boot | undefined;
  /** The next time that it has come up. */
  #up = Promise.withResolvers<void>();

  private constructor(parts: {
    name: string;
    address: string;
    port: string;
    network: Network;
    space: Space;
    rootfs: string;
    machine: string;
    options: HostOptions;
  }) {
    this.name = parts.name;
    this.address = parts.address;
    this.#port = parts.port;
    this.#network = parts.network;
    this.#space = parts.space;
    this.#rootfs = parts.rootfs;
    this.#machine = parts.machine;
    this.#options = parts.options;
  }

  static async start(options: HostOptions = {}): Promise<Host> {
    const name = options.name ?? `host${++unnamed}`;
    const layer = options.docker ? withDocker(options.layer) : options.layer;
    const layers = layer ? [await ensureLayer(layer)] : [];
    const rootfs = [...(options.image ?? []), ...layers, await ensureRootfs()].join(":");
    const network = await sharedNetwork();
    const space = await Space.open();
    const { address, port } = await network.plug(space);
    const machine = ownedName();
    const host = new Host({ name, address, port, network, space, rootfs, machine, options });
    try {
      await insertDisk(space, rootfs);
      for (const [card, lan] of Object.entries(options.cables ?? {})) await network.cable(space, card, lan);
      await host.#personalise();
      await host.boot();
      return host;
    } catch (error) {
      await host[Symbol.asyncDispose]();
      throw error;
    }
  }

  get #running(): Boot {
    if (!this.#boot) throw new Error(`${this.name} is off`);
    return this.#boot;
  }

  /** Switches it on. */
  async boot(): Promise<void> {
    if (this.#boot) throw new Error(`${this.name} is on already`);
    const { networkd = false, docker = false, cables = {} } = this.#options;
    // Its network outlives it, and would remember what the kernel of a real machine has forgotten.
    await forgetKernel(this.#space, Object.keys(cables), networkd);
    const shared = process.execPath.startsWith(`${REPOSITORY}/`)
      ? [REPOSITORY]
      : [REPOSITORY, process.execPath];
    const boot = await Boot.start({
      machine: this.#machine,
      hostname: this.name,
      space: this.#space,
      shared,
      docker,
    });
    this.#boot = boot;
    void boot.ended.then(({ wantsReboot }) => this.#wentDown(boot, wantsReboot));
    this.#up.resolve();
    this.#up = Promise.withResolvers<void>();
    this.#up.promise.catch(() => undefined);
  }

  /** A machine that went down in order to come up again does so, whoever asked it to. */
  async #wentDown(boot: Boot, wantsReboot: boolean): Promise<void> {
    if (this.#boot !== boot) return;
    this.#boot = undefined;
    if (!wantsReboot) return;
    await this.boot().catch((error: unknown) => this.#up.reject(error));
  }

  /** Resolves when it has come up the next time; for a reboot that something in the host begins. */
  nextBoot(): Promise<void> {
    return this.#up.promise;
  }

  async #bounded<T>(what: string, promise: Promise<T>): Promise<T> {
    const late = Promise.withResolvers<never>();
    const timer = setTimeout(() => late.reject(new Error(what)), SHUTDOWN_MS_MAX);
    try {
      return await Promise.race([promise, late.promise]);
    } catch (error) {
      throw await this.#explained(error);
    } finally {
      clearTimeout(timer);
    }
  }

  async #explained(error: unknown): Promise<Error> {
    const { message } = error as Error;
    const tail = (await this.#boot?.tail()) ?? "(it is off)";
    return new Error(`${this.name}: ${message}\n--- ${this.name} said last:\n${tail}`, { cause: error });
  }

  /** A clean reboot, until it is up again. */
  async reboot(): Promise<void> {
    const up = this.nextBoot();
    await this.#running.enter(["systemctl", "reboot"]);
    await this.#bounded("did not come up again", up);
  }

  /** A clean shutdown; `boot()` switches it on again. */
  async powerOff(): Promise<void> {
    const { ended } = this.#running;
    await this.#running.enter(["systemctl", "poweroff"]);
    await this.#bounded("did not shut down", ended);
  }

  /** Everything stops at once, and nothing is written any more; `boot()` switches it on again. */
  async powerCut(): Promise<void> {
    const boot = this.#running;
    this.#boot = undefined;
    await boot.cut();
  }

  /** As new: its disk is that of its first boot again. */
  async reset(): Promise<void> {
    if (this.#boot) await this.powerCut();
    await wipeDisk(this.#space, this.#rootfs);
    await this.#personalise();
    await this.boot();
  }

  /** What its disk has of its own before it is switched on for the first time. */
  async #personalise(): Promise<void> {
    await nameDisk(this.#space, this.name, this.address);
    if (!this.#options.image) await numberDisk(this.#space);
    if (this.#options.networkd) await giveNetworkd(this.#space, this.address);
  }

  /** Pulls its network cable, or puts it back. */
  link(state: "up" | "down"): Promise<void> {
    return this.#network.link(this.#port, state);
  }

  /** A command as a unit of the host's own systemd: what it leaves running ends with it. */
  async run(argv: readonly string[], options: RunOptions = {}): Promise<ProgramEnd> {
    const { stdin = "", env = {}, timeoutMs = RUN_MS_MAX } = options;
    const words = unitArgv(argv, { env, secondsMax: Math.ceil(timeoutMs / 1000) + 5 });
    try {
      return await this.#running.enter(words, { stdin, timeoutMs });
    } catch (error) {
      throw await this.#explained(error);
    }
  }

  /** The same, where anything but success is a broken test; what it printed. */
  async must(argv: readonly string[], options: RunOptions = {}): Promise<string> {
    const { exitCode, stdout, stderr } = await this.run(argv, options);
    if (exitCode === 0) return stdout;
    throw await this.#explained(new Error(`${shown(argv)} ended with ${exitCode}:\n${stdout}${stderr}`));
  }

  /** What a test that holds on to a process of the host begins with, as `new TestProcess(...)` wants it. */
  words(argv: readonly string[]): readonly string[] {
    return [...this.#running.words, ...argv];
  }

  /** Also while it is off: then its disk is read as it lies there. */
  #onDisk(argv: readonly string[], stdin = ""): Promise<string> {
    if (this.#boot) return this.#boot.mustEnter(argv, { stdin });
    return this.#space.must(["chroot", ROOT, ...argv], { stdin });
  }

  async write(path: string, text: string): Promise<void> {
    await this.#onDisk(["sh", "-ec", 'mkdir -p "${1%/*}/"; cat > "$1"', "sh", path], text);
  }

  read(path: string): Promise<string> {
    return this.#onDisk(["cat", "--", path]);
  }

  async exists(path: string): Promise<boolean> {
    const said = await this.#onDisk([
      "sh",
      "-c",
      '[ -e "$1" ] || [ -L "$1" ] && echo yes || echo no',
      "sh",
      path,
    ]);
    return said === "yes\n";
  }

  /** Runs a script of the repository with the Node of the lock file. */
  node(script: string, args: readonly string[] = [], options: RunOptions = {}): Promise<ProgramEnd> {
    return this.run([process.execPath, script, ...args], options);
  }

  /** One state on this machine: what differed, and what still differs after apply. */
  async converge(
    state: string,
    key: string,
    params: object = {},
    options: RunOptions = {},
  ): Promise<Converged> {
    const began = performance.now();
    const { stdout, stderr } = await this.node(
      convergeScript(),
      [state, key, JSON.stringify(params)],
      options,
    );
    const waited = gateTime(this.name, state, began);
    if (waited) console.log(waited);
    try {
      return JSON.parse(stdout) as Converged;
    } catch (cause) {
      throw new Error(`${state} ${key} on ${this.name} printed no JSON document:\n${stdout}${stderr}`, {
        cause,
      });
    }
  }

  /** It had something to change, changed it, and a second time there is nothing to do; what it changed. */
  async convergesTwice(
    state: string,
    key: string,
    params: object = {},
    options: RunOptions = {},
  ): Promise<Readonly<Record<string, unknown>>> {
    const { first, left, error } = await this.converge(state, key, params, options);
    const fail = (what: string, found: unknown) =>
      this.#explained(new Error(`${state} ${key} ${what}: ${JSON.stringify(found)}`));
    if (error || !first) throw await fail("failed", error);
    if (Object.keys(first).length === 0) throw await fail("had nothing to change", first);
    if (Object.keys(left ?? {}).length > 0) throw await fail("left a difference behind", left);
    const again = await this.converge(state, key, params, options);
    if (again.error) throw await fail("failed the second time", again.error);
    if (Object.keys(again.first ?? {}).length > 0) throw await fail("changes again and again", again.first);
    return first;
  }

  /** `boma-agent …`, in the host. */
  agent(args: readonly string[], options: RunOptions = {}): Promise<ProgramEnd> {
    return this.node(program("agent"), args, options);
  }

  /** What `boma-agent apply FILE --json` reports of a tree on this machine. */
  async apply(file: string, args: readonly string[] = [], options: RunOptions = {}): Promise<RunReport> {
    const { stdout, stderr } = await this.agent(["apply", file, "--json", ...args], options);
    const report = JSON.parse(stdout || "{}") as RunReport | { readonly results?: undefined };
    if (report.results) {
      console.log(timesOf(this.name, report));
      return report;
    }
    throw new Error(`apply ${file} on ${this.name} came to no report:\n${stdout}${stderr}`);
  }

  /** A command that runs on as a service of this name until it is stopped, or the host is. */
  async service(
    name: string,
    argv: readonly string[],
    env: Readonly<Record<string, string>> = {},
  ): Promise<void> {
    const end = await this.#running.enter(unitArgv(argv, { env, service: name }));
    if (end.exitCode !== 0) throw await this.#explained(new Error(`${name} did not start:\n${end.stderr}`));
  }

  /** `boma-agent …` as a service of this name. */
  serviceAgent(name: string, args: readonly string[]): Promise<void> {
    return this.service(name, [process.execPath, program("agent"), ...args]);
  }

  /** Enrols it with a fleet that was started `onBridge()`, as the service boma-agent; resolves when it is connected. */
  async enrol(fleet: Fleet, { env, args = [] }: Enrolment = {}): Promise<void> {
    const { joinToken } = await fleet.token(...(env === undefined ? [] : ["--env", env]));
    await this.write("/etc/boma/token", joinToken);
    const connected = fleet.event("node.connected", ({ id }) => id === this.name);
    const words = ["run", "--token-file", "/etc/boma/token", "--id", this.name, ...args];
    await this.serviceAgent("boma-agent", words);
    await this.#bounded("did not connect to its master", connected);
  }

  /** What the host last said, for a test that wants to show it. */
  tail(): Promise<string> {
    return this.#running.tail();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const boot = this.#boot;
    this.#boot = undefined;
    await boot?.cut();
    killCgroups(this.#machine);
    await this.#space[Symbol.asyncDispose]();
    await removeCgroups(this.#machine);
    await leaveNetwork(this.#port);
    console.log(`${this.name}: here for ${seconds(performance.now() - this.#began)}`);
  }
}

/** What a machine must be able to do, said at once and not by a host that behaves oddly. */
function checkMachine(): void {
  if (process.getuid?.() !== 0) throw new Error("the hosts tier needs root");
  accessSync("/sys/fs/cgroup", constants.W_OK);
  // A container gets the outer machine's mode of it, and then daemons of other users cannot open it.
  const mode = statSync("/dev/null").mode & 0o777;
  if (mode !== 0o666) throw new Error(`/dev/null of this machine has mode ${mode.toString(8)} and not 666`);
}

let ready: Promise<void> | undefined;

export async function startHost(options: HostOptions = {}): Promise<Host> {
  checkMachine();
  await (ready ??= sweep());
  return Host.start(options);
}

/** Where a fleet's master and its bus are to stand for hosts to reach them: `Fleet.start(await onBridge())`, after a first host. */
export async function onBridge(): Promise<FleetOptions> {
  const { space } = await sharedNetwork();
  return { listen: `${BRIDGE_ADDRESS}:0`, via: ["nsenter", `--net=/proc/${space.pid}/ns/net`, "--"] };
}
