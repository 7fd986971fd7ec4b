/**
 * Several real nats-servers that are one cluster with JetStream, on loopback: what an operator makes of the lines that
 * `init --print-nats-config` prints. A member that was killed comes back on its own ports and its own store.
 *
 *   await using cluster = await NatsCluster.start({ config: await fleet.ok("init", "--print-nats-config") });
 *   await fleet.serve("--nats", cluster.url, "--replicas", "3");
 *   await cluster.kill(0);
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { freePorts } from "./free-ports.ts";
import { serverPrograms } from "./nats.ts";
import { TestProcess } from "./process.ts";

export interface ClusterOptions {
  /** What boma prints: operator, accounts, resolver. */
  readonly config: string;
  readonly count?: number;
  readonly program?: string;
  /** Certificate files, for clients and between the servers; without them all is plain. */
  readonly tls?: { readonly certificate: string; readonly key: string; readonly ca: string };
}

interface Member {
  readonly dir: string;
  readonly clients: number;
  readonly routes: number;
  process: TestProcess | undefined;
}

export class NatsCluster implements AsyncDisposable {
  readonly dir = mkdtempSync(join(tmpdir(), "boma-cluster-"));
  readonly #options: ClusterOptions;
  readonly #members: readonly Member[];

  private constructor(options: ClusterOptions, ports: readonly number[]) {
    this.#options = options;
    this.#members = Array.from({ length: ports.length / 2 }, (_, at) => ({
      dir: join(this.dir, `nats-${at + 1}`),
      clients: ports[2 * at]!,
      routes: ports[2 * at + 1]!,
      process: undefined,
    }));
  }

  /** Resolves when the servers have found each other and chosen who leads them. */
  static async start(options: ClusterOptions): Promise<NatsCluster> {
    const cluster = new NatsCluster(options, await freePorts(2 * (options.count ?? 3)));
    try {
      for (const member of cluster.#members) cluster.#configure(member);
      await Promise.all(cluster.#members.map((_, at) => cluster.start(at)));
      await cluster.#process(0).line(/new (JetStream cluster )?metadata leader/);
      return cluster;
    } catch (error) {
      await cluster[Symbol.asyncDispose]();
      throw error;
    }
  }

  get urls(): readonly string[] {
    const scheme = this.#options.tls ? "tls://localhost" : "nats://127.0.0.1";
    return this.#members.map(({ clients }) => `${scheme}:${clients}`);
  }

  /** As `serve --nats` takes them. */
  get url(): string {
    return this.urls.join(",");
  }

  #process(at: number): TestProcess {
    const { process } = this.#members[at]!;
    if (!process) throw new Error(`server ${at} of the cluster does not run`);
    return process;
  }

  #configure({ dir, clients, routes }: Member): void {
    const { tls, config } = this.#options;
    const files = tls && `cert_file: "${tls.certificate}", key_file: "${tls.key}"`;
    const others = this.#members.map((other) => `"nats://127.0.0.1:${other.routes}"`).join(", ");
    mkdirSync(dir, { recursive: true });
    const own = [
      `server_name: "${dir.slice(dir.lastIndexOf("/") + 1)}"`,
      `listen: "127.0.0.1:${clients}"`,
      `jetstream { store_dir: "${dir}/store", max_file_store: 1100GB }`,
      "max_payload: 1048576",
      ...(files ? [`tls { ${files} }`] : []),
      `cluster { name: "boma", listen: "127.0.0.1:${routes}", routes: [${others}]`,
      ...(files ? [`  tls { ${files}, ca_file: "${tls!.ca}", verify: true }`] : []),
      "}",
    ];
    writeFileSync(join(dir, "nats.conf"), `${own.join("\n")}\n${config}`);
  }

  /** Starts one that is not running; resolves when it takes connections. */
  async start(at: number): Promise<void> {
    const member = this.#members[at]!;
    const program = this.#options.program ?? serverPrograms[0]!.path;
    // The printed lines keep the accounts in a directory beside the configuration.
    member.process = new TestProcess(program, ["-c", "nats.conf"], { cwd: member.dir });
    await member.process.line(/Server is ready/);
  }

  signal(at: number, name: NodeJS.Signals): void {
    this.#process(at).signal(name);
  }

  /** As a power cut would; resolves when it is gone. */
  async kill(at: number): Promise<void> {
    await this.#process(at).stop("SIGKILL");
    this.#members[at]!.process = undefined;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#members.map(async ({ process }) => process?.stop("SIGKILL")));
    rmSync(this.dir, { recursive: true, force: true });
  }
}
