/**
 * Several masters of one fleet on a cluster of real nats-servers: the first home is the fleet's own, the others have its
 * keys, its site and nothing else, as an operator brings them there.
 */
import { cpSync, mkdirSync } from "node:fs";
import { join } from "node:path";

import { Fleet } from "./fleet.ts";
import { NatsCluster } from "./nats-cluster.ts";
import { TestProcess } from "./process.ts";
import { program } from "./programs.ts";

export class Masters implements AsyncDisposable {
  readonly fleet: Fleet;
  readonly cluster: NatsCluster;
  readonly #homes: readonly string[];
  readonly #processes = new Map<number, TestProcess>();

  private constructor(fleet: Fleet, cluster: NatsCluster, homes: readonly string[]) {
    this.fleet = fleet;
    this.cluster = cluster;
    this.#homes = homes;
  }

  /** The first leads, and the others stand by. */
  static async start(count = 2): Promise<Masters> {
    const fleet = await Fleet.prepare();
    let cluster: NatsCluster | undefined;
    try {
      cluster = await NatsCluster.start({ config: await fleet.ok("init", "--print-nats-config") });
      const others = Array.from({ length: count - 1 }, (_, at) => join(fleet.dir, `master-${at + 2}`));
      for (const home of others) bringKeys(fleet.home, home);
      const masters = new Masters(fleet, cluster, [fleet.home, ...others]);
      masters.serve(0);
      await masters.leads(0);
      for (let at = 1; at < count; at++) {
        masters.serve(at);
        await masters.process(at).line(/"ready":false/);
      }
      return masters;
    } catch (error) {
      await cluster?.[Symbol.asyncDispose]();
      await fleet[Symbol.asyncDispose]();
      throw error;
    }
  }

  serve(at: number): void {
    const words = ["serve", "--nats", this.cluster.url, "--replicas", "3", "--json"];
    const command = [program("master"), ...words, "--home", this.#homes[at]!];
    this.#processes.set(at, new TestProcess(process.execPath, command));
  }

  process(at: number): TestProcess {
    return this.#processes.get(at)!;
  }

  home(at: number): string {
    return this.#homes[at]!;
  }

  /** Resolves when this one leads and works. */
  async leads(at: number): Promise<void> {
    await this.process(at).line(/"ready":true/);
  }

  async kill(at: number): Promise<void> {
    await this.process(at).stop("SIGKILL");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.#processes.values()].map((one) => one[Symbol.asyncDispose]()));
    await this.fleet[Symbol.asyncDispose]();
    await this.cluster[Symbol.asyncDispose]();
  }
}

function bringKeys(from: string, to: string): void {
  mkdirSync(join(to, "master"), { recursive: true });
  for (const part of ["master/keys", "operator.json", "site"])
    cpSync(join(from, part), join(to, part), { recursive: true });
}
