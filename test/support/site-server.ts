/** A site's own nats-server, from the directory that `boma-master site-server` makes. */
import { join } from "node:path";

import type { Fleet } from "./fleet.ts";
import { freePorts } from "./free-ports.ts";
import { serverPrograms } from "./nats.ts";
import { TestProcess } from "./process.ts";

export class SiteServer implements AsyncDisposable {
  readonly url: string;
  dir: string;
  #process: TestProcess | undefined;

  private constructor(url: string, dir: string) {
    this.url = url;
    this.dir = dir;
  }

  /** The master has to be started again before it takes it. `centre`: where that will listen for it. */
  static async make(
    fleet: Fleet,
    name: string,
    centre: number,
    scheme: "nats" | "tls" = "nats",
  ): Promise<SiteServer> {
    const [port] = await freePorts(1);
    const host = scheme === "tls" ? "localhost" : "127.0.0.1";
    const url = `${scheme}://${host}:${port}`;
    const dir = join(fleet.dir, `site-${name}`);
    const at = `${scheme}://${host}:${centre}`;
    await fleet.ok("site-server", name, "--url", url, "--centre", at, "--out", dir);
    return new SiteServer(url, dir);
  }

  async start(): Promise<void> {
    this.#process = new TestProcess(serverPrograms[0]!.path, ["-c", "nats-server.conf"], { cwd: this.dir });
    await this.#process.line(/Server is ready/);
  }

  /** Waits for a line of its log since it was started. */
  async said(line: RegExp): Promise<void> {
    await this.#process?.line(line);
  }

  async stop(): Promise<void> {
    await this.#process?.stop();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#process?.stop("SIGKILL");
  }
}
