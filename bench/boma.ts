/**
 * A whole boma below one temporary directory, as it is installed: the bundled
 * programs, a real nats-server, emulated and real agents. Every process is a
 * child of the benchmark and ends with it, and the directory goes away. With
 * BOMA_BENCH_PROFILE=DIR the masters leave CPU profiles there.
 */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import { TestProcess } from "../test/support/process.ts";

type Program = "agent" | "master";

const root = fileURLToPath(new URL("..", import.meta.url));
const bundled = (name: Program) => join(root, "dist", `boma-${name}.mjs`);
export const bundledMaster = bundled("master");
const source = (name: Program) => join(root, "packages", name, "bin", `boma-${name}.mjs`);

const dirs = new Set<string>();
process.on("exit", () => {
  for (const dir of dirs) rmSync(dir, { recursive: true, force: true, maxRetries: 3 });
});
for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => process.exit(130));

export interface Typed {
  readonly ms: number;
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunDocument {
  readonly job: string;
  readonly nodes: Readonly<Record<string, { readonly status: string }>>;
}

export interface RealAgent {
  readonly id: string;
  readonly process: TestProcess;
  /** From the start of the process to its line `ready`. */
  readonly readyMs: number;
}

export class Boma implements AsyncDisposable {
  readonly dir = mkdtempSync(join(tmpdir(), "boma-bench-"));
  readonly home = join(this.dir, "master");
  readonly #children: TestProcess[] = [];
  #tokenFile = "";
  #natsPid: number | undefined;
  master!: TestProcess;
  url = "";

  /** `from`: what serves, with these words for its Node. The command lines and the agents are bundled in any case. */
  static async start(from: "bundle" | "source" = "bundle", nodeWords: readonly string[] = []): Promise<Boma> {
    const boma = new Boma();
    dirs.add(boma.dir);
    await boma.ok("init");
    const profile = process.env["BOMA_BENCH_PROFILE"];
    const flags = profile === undefined ? [] : ["--cpu-prof", `--cpu-prof-dir=${profile}`];
    const words = [
      ...flags,
      ...nodeWords,
      from === "bundle" ? bundled("master") : source("master"),
      "serve",
      "--listen",
      "127.0.0.1:0",
      "--home",
      boma.home,
      "--json",
    ];
    boma.master = boma.#child(words);
    const ready = JSON.parse(await boma.master.line(/"ready":true/)) as { servers: string[] };
    boma.url = ready.servers[0]!;
    boma.#natsPid = childrenOf(boma.master.pid)[0];
    boma.#tokenFile = join(boma.dir, "token");
    const { joinToken } = JSON.parse(
      await boma.ok("token", "create", "--uses", "5000", "--ttl", "1h", "--json"),
    ) as { joinToken: string };
    writeFileSync(boma.#tokenFile, joinToken, { mode: 0o600 });
    return boma;
  }

  #child(words: readonly string[], env: Record<string, string> = {}): TestProcess {
    const child = new TestProcess(process.execPath, words, { env });
    this.#children.push(child);
    return child;
  }

  /** A command line, timed as its user waits for it: from the start of the process to its end. */
  async type(...args: readonly string[]): Promise<Typed> {
    const began = performance.now();
    const child = this.#child([bundled("master"), ...args, "--home", this.home]);
    const { code, stdout, stderr } = await child.ended;
    return { ms: performance.now() - began, code, stdout, stderr };
  }

  async ok(...args: readonly string[]): Promise<string> {
    const { code, stdout, stderr } = await this.type(...args);
    if (code !== 0) throw new Error(`boma-master ${args.join(" ")} ended with ${code}:\n${stdout}${stderr}`);
    return stdout;
  }

  /** `test.ping`, and how long it took: for who typed it, and within the master from the record to the last stored return. */
  async ping(target: string): Promise<Typed & { run: RunDocument }> {
    const typed = await this.type("run", target, "test.ping", "--json");
    return { ...typed, run: JSON.parse(typed.stdout) as RunDocument };
  }

  async jobMs(job: string): Promise<number> {
    const jobs = JSON.parse(await this.ok("jobs", "list", "--limit", "10", "--json")) as {
      job: string;
      createdAt: number;
      closedAt?: number;
    }[];
    const found = jobs.find((record) => record.job === job);
    return found?.closedAt === undefined ? Number.NaN : found.closedAt - found.createdAt;
  }

  /** Agents in one process, each with its own keys, credential and connection. */
  async emulate(
    count: number,
    prefix: string,
  ): Promise<{ readonly process: TestProcess; readonly ms: number }> {
    const words = [bundled("agent"), "emulate", "--count", String(count), "--prefix", prefix];
    const child = this.#child([...words, "--token-file", this.#tokenFile, "--home", join(this.dir, prefix)]);
    const line = await child.line(/^ready /);
    return { process: child, ms: Number(/(\d+) ms/.exec(line)?.[1]) };
  }

  /** Where the emulated agent of this name keeps its identity. */
  emulatedDir(prefix: string, id: string): string {
    return join(this.dir, prefix, "agent", "emulated", id, "agent");
  }

  /** One agent in a process of its own, confined below a root. */
  async agent(id: string, from: "bundle" | "source" = "bundle"): Promise<RealAgent> {
    const rootDir = join(this.dir, "roots", id);
    mkdirSync(rootDir, { recursive: true });
    const program = from === "bundle" ? bundled("agent") : source("agent");
    const words = ["run", "--token-file", this.#tokenFile, "--id", id, "--root", rootDir];
    const began = performance.now();
    const child = this.#child([program, ...words, "--home", join(rootDir, "boma")], { BOMA_LOG: "warn" });
    await child.line(/^ready /);
    return { id, process: child, readyMs: performance.now() - began };
  }

  memory(): { master: Memory; nats: Memory } {
    if (this.#natsPid === undefined) throw new Error("the master has no nats-server");
    return { master: memoryOf(this.master.pid), nats: memoryOf(this.#natsPid) };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // The agents of a benchmark have nothing to hand over.
    for (const child of this.#children) if (child !== this.master) child.signal("SIGKILL");
    await this.master?.[Symbol.asyncDispose]();
    rmSync(this.dir, { recursive: true, force: true, maxRetries: 3 });
    dirs.delete(this.dir);
  }
}

export interface Memory {
  readonly rssMb: number;
  /** Pages that several processes share count once, divided among them. */
  readonly pssMb: number;
}

export function memoryOf(pid: number): Memory {
  const text = readFileSync(`/proc/${pid}/smaps_rollup`, "utf8");
  const mb = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+) kB`, "m").exec(text)?.[1]) / 1024;
  return { rssMb: mb("Rss"), pssMb: mb("Pss") };
}

/** CPU seconds that a process has used. */
export function cpuOf(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8")
    .replace(/^.*\) /, "")
    .split(" ");
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

const childrenOf = (pid: number): number[] =>
  readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim().split(" ").filter(Boolean).map(Number);

export const version = async (): Promise<{ ms: number; version: string }> => {
  const began = performance.now();
  const { stdout } = await new TestProcess(process.execPath, [bundled("master"), "--version"]).ended;
  return { ms: performance.now() - began, version: stdout.trim() };
};
