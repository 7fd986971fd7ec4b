/** A real master, the real boot service as an operator who may do nothing else, and agents with the hardware of the test. */
import { writeFileSync } from "node:fs";
import { get } from "node:http";
import { join } from "node:path";
import { text } from "node:stream/consumers";

import { type AgentOptions, Fleet } from "../fleet.ts";
import type { TestProcess } from "../process.ts";
import { putImage } from "./small-image.ts";

interface Ready {
  readonly httpPort: number;
  readonly tftpPort?: number;
}

export class BootService implements AsyncDisposable {
  readonly fleet: Fleet;
  readonly url: string;
  readonly tftpPort: number | undefined;
  readonly #service: TestProcess;

  private constructor(fleet: Fleet, service: TestProcess, { httpPort, tftpPort }: Ready) {
    this.fleet = fleet;
    this.#service = service;
    this.url = `http://127.0.0.1:${httpPort}`;
    this.tftpPort = tftpPort;
  }

  /** With no words of its own it serves HTTP alone. */
  static async start(...words: readonly string[]): Promise<BootService> {
    const fleet = await Fleet.start();
    try {
      putImage(fleet.home);
      await fleet.ok("operator", "add", "boot", "--netboot", "--out", operatorOf(fleet));
      const common = ["--http-port", "0", "--operator", operatorOf(fleet), "--json"];
      const more = words.length > 0 ? words : ["--no-tftp"];
      const service = fleet.spawn("netboot", "serve", ...common, ...more);
      const ready = JSON.parse(await service.line(/"ready":true/)) as Ready;
      return new BootService(fleet, service, ready);
    } catch (error) {
      await fleet[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** The credential of the boot service. */
  get operator(): string {
    return operatorOf(this.fleet);
  }

  open(mac: string, ...words: readonly string[]): Promise<string> {
    return this.fleet.ok("netboot", "open", "--mac", mac, ...words);
  }

  /** What a machine is told, whatever its address on the boot LAN is. */
  async get(path: string, from = "127.0.0.1"): Promise<{ readonly status: number; readonly text: string }> {
    const { promise, resolve, reject } = Promise.withResolvers<{ status: number; text: string }>();
    get(this.url + path, { localAddress: from, agent: false }, (answer) => {
      text(answer).then((body) => resolve({ status: answer.statusCode ?? 0, text: body }), reject);
    }).on("error", reject);
    return promise;
  }

  async script(mac: string, from?: string): Promise<string> {
    return (await this.get(`/script?mac=${mac}&arch=x86_64`, from)).text;
  }

  /** The words of the kernel that a machine boots with; fails where it was given none. */
  async kernelWords(mac: string): Promise<string> {
    const script = await this.script(mac);
    const words = /^kernel \S+ (.*) \|\| goto again$/m.exec(script)?.[1];
    if (words === undefined) throw new Error(`${mac} was given no kernel:\n${script}`);
    return words;
  }

  /** The machine after its kernel has begun: its agent has this address, what every image carries, and these words. */
  booted(id: string, mac: string, words: string, options: AgentOptions = {}): Promise<TestProcess> {
    const cmdline = join(this.fleet.dir, `${id}.cmdline`);
    writeFileSync(cmdline, `${words}\n`);
    return this.fleet.agent(id, {
      noToken: true,
      args: ["--boot", cmdline],
      files: { "sys/class/net/eth0/address": `${mac}\n`, "sys/class/net/eth0/type": "1\n" },
      ...options,
    });
  }

  async stage(mac: string, stage: string): Promise<void> {
    await this.fleet.event("netboot.stage", ({ data }) => data["mac"] === mac && data["stage"] === stage);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#service[Symbol.asyncDispose]();
    await this.fleet[Symbol.asyncDispose]();
  }
}

const operatorOf = (fleet: Fleet): string => join(fleet.dir, "boot.json");
