/**
 * A whole boma below one temporary directory: the real `boma-master serve` with a
 * real nats-server, and real `boma-agent run` processes, all as a user starts them.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import type { SequencedEvent } from "../../packages/master/src/events/events.ts";
import { type Ended, TestProcess } from "./process.ts";

const bin = (name: "agent" | "master") =>
  fileURLToPath(new URL(`../../packages/${name}/bin/boma-${name}.mjs`, import.meta.url));

export interface AgentOptions {
  /** The environment that its token assigns; without one it comes without a token. */
  readonly env?: string;
  readonly args?: readonly string[];
  /** Its own token instead of a new one. */
  readonly token?: string;
  /** Another home than its own: a copied identity. */
  readonly home?: string;
  /** An agent of the whole machine, which may run commands; a machine has one. */
  readonly unconfined?: boolean;
  readonly waitFor?: RegExp;
}

export class Fleet implements AsyncDisposable {
  readonly dir = mkdtempSync(join(tmpdir(), "boma-test-"));
  readonly home = join(this.dir, "master");
  readonly agents = new Map<string, TestProcess>();
  readonly #program: string | undefined;
  #listen = "127.0.0.1:0";
  master!: TestProcess;
  servers: readonly string[] = [];

  private constructor(program: string | undefined) {
    this.#program = program;
  }

  static async start(options: { program?: string; listen?: string } = {}): Promise<Fleet> {
    const fleet = new Fleet(options.program);
    if (options.listen !== undefined) fleet.#listen = options.listen;
    try {
      await fleet.ok("init");
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
    const words = ["serve", "--listen", this.#listen, "--home", this.home, "--json", ...args];
    this.master = new TestProcess(process.execPath, [bin("master"), ...words], { env });
    const ready = JSON.parse(await this.master.line(/"ready":true/)) as { servers: string[] };
    this.servers = ready.servers;
    const { port, hostname } = new URL(ready.servers[0]!.replace(/^\w+:/, "http:"));
    if (this.#listen.endsWith(":0")) this.#listen = `${hostname}:${port}`;
  }

  /** Runs a command of the master, as typed. */
  run(...args: readonly string[]): Promise<Ended> {
    return this.spawn(...args).ended;
  }

  spawn(...args: readonly string[]): TestProcess {
    const dash = args.indexOf("--");
    const words =
      dash < 0
        ? [...args, "--home", this.home]
        : [...args.slice(0, dash), "--home", this.home, ...args.slice(dash)];
    return new TestProcess(process.execPath, [bin("master"), ...words]);
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

  async token(...args: readonly string[]): Promise<{ token: string; joinToken: string; id: string }> {
    return (await this.json<{ token: string; joinToken: string; id: string }>("token", "create", ...args))
      .value;
  }

  /** Starts an agent and waits until it is connected, or until it prints what the test waits for. */
  async agent(id: string, options: AgentOptions = {}): Promise<TestProcess> {
    const root = join(this.dir, id);
    mkdirSync(root, { recursive: true });
    const token =
      options.token ??
      (await this.token(...(options.env === undefined ? [] : ["--env", options.env]))).joinToken;
    const file = join(root, "token");
    writeFileSync(file, token, { mode: 0o600 });
    const home = options.home ?? join(root, "boma");
    const confined = options.unconfined ? [] : ["--root", root];
    const words = [
      "run",
      "--token-file",
      file,
      "--id",
      id,
      ...confined,
      "--home",
      home,
      ...(options.args ?? []),
    ];
    const agent = new TestProcess(process.execPath, [bin("agent"), ...words]);
    this.agents.set(id, agent);
    await agent.line(options.waitFor ?? /"msg":"connected"/);
    return agent;
  }

  /** Starts an agent again on the home that it had. */
  async restart(id: string, options: AgentOptions = {}): Promise<TestProcess> {
    return this.agent(id, {
      token: "",
      ...options,
      ...(options.token === undefined && { token: (await this.token()).joinToken }),
    });
  }

  /** The first event that fits, be it past or to come. */
  async event(
    pattern: string,
    fits: (event: SequencedEvent) => boolean = () => true,
  ): Promise<SequencedEvent> {
    await using follow = this.spawn("events", pattern, "--since", "1h", "--follow", "--json");
    return JSON.parse(
      await follow.line((line) => line.startsWith("{") && fits(JSON.parse(line) as SequencedEvent)),
    ) as SequencedEvent;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.agents.values()].map((agent) => agent[Symbol.asyncDispose]()));
    await this.master?.[Symbol.asyncDispose]();
    rmSync(this.dir, { recursive: true, force: true });
  }
}
