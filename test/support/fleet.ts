/**
 * A whole boma below one temporary directory: the real `boma-master serve` with a
 * real nats-server, and real `boma-agent run` processes, all as a user starts them.
 */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

import type { SequencedEvent } from "@boma/protocol";

import { type Ended, TestProcess } from "./process.ts";
import { program } from "./programs.ts";

/** An event as a test reads it, whatever its kind. */
export type ToldEvent = Omit<SequencedEvent, "data"> & { readonly data: Record<string, unknown> };

interface Token {
  readonly token: string;
  readonly joinToken: string;
  readonly id: string;
}

export interface AgentOptions {
  /** The environment that its token assigns; without one it comes without a token. */
  readonly env?: string;
  readonly args?: readonly string[];
  /** Its own token instead of a new one. */
  readonly token?: string;
  /** It comes with what every image carries, and without any token. */
  readonly noToken?: boolean;
  /** Files below its root, such as `sys/class/net/eth0/address`: what it takes for its hardware. */
  readonly files?: Readonly<Record<string, string>>;
  /** Another home than its own: a copied identity. */
  readonly home?: string;
  /** An agent of the whole machine, which may run commands; a machine has one. */
  readonly unconfined?: boolean;
  readonly waitFor?: RegExp;
}

function statOf(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/stat`, "utf8");
  } catch {
    return ""; // It ended while we looked.
  }
}

export interface FleetOptions {
  readonly program?: string;
  readonly listen?: string;
  /** Further words for every `boma-master serve`. */
  readonly serve?: readonly string[];
  /** The words before each command of the master: what brings it into another network. */
  readonly via?: readonly string[];
  /** Other programs than those that the run has built: how each is started. */
  readonly programs?: Programs;
}

export interface Programs {
  readonly agent: readonly string[];
  readonly master: readonly string[];
}

const built = (): Programs => ({
  agent: [process.execPath, program("agent")],
  master: [process.execPath, program("master")],
});

export class Fleet implements AsyncDisposable {
  readonly dir = mkdtempSync(join(tmpdir(), "boma-test-"));
  readonly home = join(this.dir, "master");
  /** The last process of each id; a copied identity has more than one. */
  readonly agents = new Map<string, TestProcess>();
  readonly #started: TestProcess[] = [];
  readonly #program: string | undefined;
  readonly #serve: readonly string[];
  readonly #via: readonly string[];
  readonly #programs: Programs;
  #listen = "127.0.0.1:0";
  master!: TestProcess;
  servers: readonly string[] = [];

  private constructor({ program, listen, serve, via, programs }: FleetOptions) {
    this.#programs = programs ?? built();
    this.#via = via ?? [];
    this.#program = program;
    this.#serve = serve ?? [];
    if (listen !== undefined) this.#listen = listen;
  }

  /** A home with a trust root, and nothing that runs. */
  static async prepare(options: FleetOptions = {}): Promise<Fleet> {
    const fleet = new Fleet(options);
    await fleet.ok("init");
    return fleet;
  }

  static async start(options: FleetOptions = {}): Promise<Fleet> {
    const fleet = await Fleet.prepare(options);
    try {
      await fleet.serve();
      return fleet;
    } catch (error) {
      await fleet[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** Starts the master; a restart comes up at the same address, as a real one would. */
  async serve(...args: readonly string[]): Promise<void> {
    const env = this.#program === undefined ? {} : { BOMA_NATS_SERVER: this.#program };
    const words = ["serve", "--listen", this.#listen, "--home", this.home, "--json", ...this.#serve, ...args];
    this.master = this.#startMaster(words, env);
    const ready = JSON.parse(await this.master.line(/"ready":true/)) as { servers: string[] };
    this.servers = ready.servers;
    const { port } = new URL(ready.servers[0]!.replace(/^\w+:/, "http:"));
    this.#listen = this.#listen.replace(/:0$/, `:${port}`);
  }

  /** Runs a command of the master, as typed. */
  run(...args: readonly string[]): Promise<Ended> {
    return this.spawn(...args).ended;
  }

  spawn(...args: readonly string[]): TestProcess {
    return this.#startMaster(args, { BOMA_HOME: this.home });
  }

  #startMaster(args: readonly string[], env: Record<string, string>): TestProcess {
    const [command, ...words] = [...this.#via, ...this.#programs.master, ...args];
    return new TestProcess(command!, words, { env });
  }

  /** The same, where anything but success is a broken test. */
  async ok(...args: readonly string[]): Promise<string> {
    const { code, stdout, stderr } = await this.run(...args);
    if (code !== 0) throw new Error(`boma-master ${args.join(" ")} ended with ${code}:\n${stdout}${stderr}`);
    return stdout;
  }

  async json<T>(...args: readonly string[]): Promise<{ code: number | null; value: T }> {
    const dash = args.indexOf("--");
    const words = dash < 0 ? [...args, "--json"] : [...args.slice(0, dash), "--json", ...args.slice(dash)];
    const { code, stdout, stderr } = await this.run(...words);
    try {
      return { code, value: JSON.parse(stdout) as T };
    } catch {
      throw new Error(`boma-master ${args.join(" ")} --json printed no JSON document:\n${stdout}\n${stderr}`);
    }
  }

  async token(...args: readonly string[]): Promise<Token> {
    return JSON.parse(await this.ok("token", "create", ...args, "--json")) as Token;
  }

  /** Starts an agent and waits until it is connected, or until it prints what the test waits for. */
  async agent(id: string, options: AgentOptions = {}): Promise<TestProcess> {
    const root = join(this.dir, id);
    mkdirSync(root, { recursive: true });
    for (const [path, text] of Object.entries(options.files ?? {})) {
      mkdirSync(dirname(join(root, path)), { recursive: true });
      writeFileSync(join(root, path), text);
    }
    const home = options.home ?? join(root, "boma");
    const confined = options.unconfined ? [] : ["--root", root];
    const words = [
      "run",
      ...(options.noToken ? ["--join", join(this.home, "join")] : await this.#tokenOptions(root, options)),
      "--id",
      id,
      ...confined,
      "--home",
      home,
      ...(options.args ?? []),
    ];
    const [command, ...before] = this.#programs.agent;
    const agent = new TestProcess(command!, [...before, ...words]);
    this.agents.set(id, agent);
    this.#started.push(agent);
    await agent.line(options.waitFor ?? /"msg":"connected"/);
    return agent;
  }

  async #tokenOptions(root: string, { token, env }: AgentOptions): Promise<string[]> {
    const file = join(root, "token");
    const text = token ?? (await this.token(...(env === undefined ? [] : ["--env", env]))).joinToken;
    writeFileSync(file, text, { mode: 0o600 });
    return ["--token-file", file];
  }

  /** Starts an agent again on the home that it had. */
  async restart(id: string, options: AgentOptions = {}): Promise<TestProcess> {
    return this.agent(id, {
      token: "",
      ...options,
      ...(options.token === undefined && { token: (await this.token()).joinToken }),
    });
  }

  /** Many nodes in one process, over machines of memory: they are called `<prefix>-0001` and so on. */
  async emulate(count: number, prefix: string, ...more: readonly string[]): Promise<TestProcess> {
    const file = join(this.dir, `${prefix}.token`);
    const { joinToken } = await this.token("--env", "dev", "--uses", String(count));
    writeFileSync(file, joinToken, { mode: 0o600 });
    const home = join(this.dir, prefix);
    const words = [
      "--count",
      String(count),
      "--prefix",
      prefix,
      "--token-file",
      file,
      "--home",
      home,
      ...more,
    ];
    const agents = new TestProcess(this.#programs.agent[0]!, [
      ...this.#programs.agent.slice(1),
      "emulate",
      ...words,
    ]);
    this.#started.push(agents);
    this.agents.set(prefix, agents);
    await agents.line(/^ready/);
    return agents;
  }

  /** The process of the embedded nats-server. */
  get busPid(): number {
    for (const pid of readdirSync("/proc").filter((name) => /^\d+$/.test(name))) {
      const [, command, parent] = /^\d+ \((.*)\) \S+ (\d+)/.exec(statOf(pid)) ?? [];
      // The program of a newer server may be called otherwise.
      if (command?.startsWith("nats-server") && Number(parent) === this.master.pid) return Number(pid);
    }
    throw new Error("the master has no nats-server");
  }

  /** The first event that fits, be it past or to come. */
  async event(pattern: string, fits: (event: ToldEvent) => boolean = () => true): Promise<ToldEvent> {
    await using follow = this.spawn("events", pattern, "--since", "1h", "--follow", "--json");
    return JSON.parse(
      await follow.line((line) => line.startsWith("{") && fits(JSON.parse(line) as ToldEvent)),
    ) as ToldEvent;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#started.map((agent) => agent[Symbol.asyncDispose]()));
    await this.master?.[Symbol.asyncDispose]();
    rmSync(this.dir, { recursive: true, force: true });
  }
}
