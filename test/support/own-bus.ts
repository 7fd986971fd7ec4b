/** A bus that is not the master's own: a nats-server with what `init --print-nats-config` says, and with lines of its operator's. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import type { Fleet } from "./fleet.ts";
import { freePorts } from "./free-ports.ts";
import { serverPrograms } from "./nats.ts";
import { TestProcess } from "./process.ts";

export class OwnBus implements AsyncDisposable {
  readonly url: string;
  readonly #dir: string;
  #process: TestProcess | undefined;

  private constructor(url: string, dir: string) {
    this.url = url;
    this.#dir = dir;
  }

  static async start(fleet: Fleet, lines = ""): Promise<OwnBus> {
    const [port] = await freePorts(1);
    const dir = join(fleet.dir, "own-bus");
    mkdirSync(dir);
    const own = [
      'server_name: "centre"',
      `listen: "127.0.0.1:${port}"`,
      'jetstream { store_dir: "store", max_file_store: 1100GB }',
      "max_payload: 1048576",
      lines,
    ];
    const printed = await fleet.ok("init", "--print-nats-config");
    writeFileSync(join(dir, "nats.conf"), `${own.join("\n")}\n${printed}`);
    const bus = new OwnBus(`nats://127.0.0.1:${port}`, dir);
    await bus.serve();
    return bus;
  }

  /** Also again, with all that it has kept. */
  async serve(): Promise<void> {
    this.#process = new TestProcess(serverPrograms[0]!.path, ["-c", "nats.conf"], { cwd: this.#dir });
    await this.#process.line(/Server is ready/);
  }

  async kill(): Promise<void> {
    await this.#process?.stop("SIGKILL");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
  }
}
