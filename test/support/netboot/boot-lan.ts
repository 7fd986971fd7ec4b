/** A master whose site brings machines up by itself, an image of it, and the boot service beside it. */
import { mkdirSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, join } from "node:path";

import { versionHere } from "../../../installers/build.ts";
import { agentPackage } from "../debs.ts";
import { Fleet, type ToldEvent } from "../fleet.ts";
import { mustRun } from "../hosts/program.ts";
import { TestProcess } from "../process.ts";
import { program } from "../programs.ts";
import { type MachineOptions, switchOn } from "./machine.ts";
import { OwnLan } from "./own-lan.ts";

/** The host as qemu's own network shows it to its guest. */
export const HOST = "10.0.2.2";

const SITE: Readonly<Record<string, string>> = {
  "top.ts": 'import { top } from "@boma/states";\nexport default top({ "env:dev": ["live"] });\n',
  "states/live.yaml": [
    "- file.managed: /etc/motd",
    '  contents: "${node.id} runs from memory\\n"',
    "- service.running: systemd-networkd.service",
    "",
  ].join("\n"),
  "pillar/top.ts": 'import { pillarTop } from "@boma/states";\nexport default pillarTop({});\n',
  "reactors/first-boot.ts": `import { on } from "@boma/states";
export default on("node.enrolled", { target: "env:dev" }, async (event, boma) => {
  await boma.run(event.node, "state.apply");
});
`,
};

export interface ImageFigures {
  readonly seconds: number;
  readonly name: string;
  readonly arch: "amd64" | "arm64";
  readonly files: Readonly<Record<"kernel" | "initrd", { readonly digest: string; readonly bytes: number }>>;
}

const cache = join(
  process.env["XDG_CACHE_HOME"] ?? (process.getuid?.() === 0 ? "/var/cache" : join(homedir(), ".cache")),
  "boma-tests/netboot-apt",
);

export class BootLan implements AsyncDisposable {
  readonly fleet: Fleet;
  /** Where it is not the emulator's own network. */
  readonly own: OwnLan | undefined;
  readonly #services: TestProcess[] = [];
  service!: TestProcess;
  httpPort = 0;
  tftpPort = 0;

  private constructor(fleet: Fleet, own: OwnLan | undefined) {
    this.fleet = fleet;
    this.own = own;
    // On a LAN of their own, ROMs ask where ROMs ask.
    if (own) this.tftpPort = 69;
  }

  /** Behind the emulator's own network, which is nobody's LAN: what boots there is told its loader by the emulator. */
  static async start(): Promise<BootLan> {
    return BootLan.#begin(
      await Fleet.prepare({ listen: "0.0.0.0:0", serve: ["--name", HOST, "--name", "127.0.0.1"] }),
    );
  }

  /** On a LAN of its own, where DHCP is the boot service's or another's. */
  static async onOwn(): Promise<BootLan> {
    const own = await OwnLan.make();
    const { via, address } = own;
    return BootLan.#begin(await Fleet.prepare({ via, listen: `${address}:0` }), own);
  }

  static async #begin(fleet: Fleet, own?: OwnLan): Promise<BootLan> {
    const lan = new BootLan(fleet, own);
    try {
      for (const [name, text] of Object.entries(SITE)) {
        const path = join(fleet.home, "site", name);
        mkdirSync(dirname(path), { recursive: true });
        writeFileSync(path, text);
      }
      await fleet.serve();
      await fleet.ok("reactor", "allow", "first-boot", "--run", "state.apply@env:dev");
      await fleet.ok("operator", "add", "boot", "--netboot", "--out", join(fleet.dir, "boot.json"));
      return lan;
    } catch (error) {
      await lan[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** The cloud kernel knows the hardware of virtual machines, and is a third of the whole one. */
  async build(arch: "amd64" | "arm64", ...words: readonly string[]): Promise<ImageFigures> {
    const agent = await agentPackage(this.fleet.dir, { arch, version: await versionHere() });
    const parts = ["--kernel", `linux-image-cloud-${arch}`, "--agent", agent];
    const how = [...parts, "--level", "3", "--cache", cache, ...words];
    const argv = [program("master"), "image", "build", "--arch", arch, ...how, "--json"];
    // Packages come from outside the boot LAN.
    const env = { BOMA_HOME: this.fleet.home };
    const { code, stdout, stderr } = await new TestProcess(process.execPath, argv, { env }).ended;
    if (code !== 0) throw new Error(`the image for ${arch} could not be built:\n${stdout}${stderr}`);
    return JSON.parse(stdout) as ImageFigures;
  }

  /** The boot service, as an operator who may do nothing else. */
  async serve(...words: readonly string[]): Promise<void> {
    const operator = join(this.fleet.dir, "boot.json");
    const ports = ["--http-port", String(this.httpPort), "--tftp-port", String(this.tftpPort)];
    const service = this.fleet.spawn(
      "netboot",
      "serve",
      ...ports,
      "--operator",
      operator,
      "--json",
      ...(this.own ? ["--address", this.own.address] : []),
      ...words,
    );
    this.#services.push(service);
    this.service = service;
    const ready = JSON.parse(await service.line(/"ready":true/)) as { httpPort: number; tftpPort: number };
    this.httpPort = ready.httpPort;
    this.tftpPort = ready.tftpPort;
  }

  /** The same, which gives out addresses as well. */
  serveDhcp(mode: "full" | "proxy"): Promise<void> {
    const range = mode === "full" ? ["--range", "10.77.0.100,10.77.0.200"] : [];
    return this.serve("--dhcp", mode, "--interface", this.own!.interface, ...range);
  }

  /** A machine on this LAN: plugged in, and switched on. */
  async machine(options: MachineOptions): Promise<TestProcess> {
    if (!this.own) return switchOn({ bootfile: this.bootfile, ...options });
    return switchOn({ ...options, cable: { tap: await this.own.cable(), via: this.own.via } });
  }

  /** What a loader of its own would start for this machine: an image's files, and the words of its boot script. */
  async direct({ name, arch }: ImageFigures, mac: string): Promise<NonNullable<MachineOptions["direct"]>> {
    const path = `/script?mac=${mac}&arch=${arch === "amd64" ? "x86_64" : "arm64"}`;
    const text = this.own ? await this.#ask(path, this.own) : (await this.get(path)).text;
    const words = /^kernel \S+ (.*) \|\| goto again$/m.exec(text)?.[1];
    if (words === undefined) throw new Error(`${mac} was given no kernel:\n${text}`);
    const image = join(this.fleet.home, "images", name);
    return { kernel: join(image, "kernel"), initrd: join(image, "initrd"), words };
  }

  /** What a machine's DHCP would name. */
  get bootfile(): string {
    return `http://${HOST}:${this.httpPort}/boot.ipxe`;
  }

  async get(path: string): Promise<{ readonly status: number; readonly text: string }> {
    const answer = await fetch(`http://127.0.0.1:${this.httpPort}${path}`);
    return { status: answer.status, text: await answer.text() };
  }

  #ask(path: string, { via, address }: OwnLan): Promise<string> {
    return mustRun([...via, "curl", "--silent", "--fail", `http://${address}:${this.httpPort}${path}`]);
  }

  script(mac: string, more = ""): Promise<{ readonly status: number; readonly text: string }> {
    return this.get(`/script?mac=${mac}&arch=x86_64${more}`);
  }

  /** Waits for a stage of a machine, in the boot that began after this place among the events. */
  stage(mac: string, stage: string, after = 0): Promise<ToldEvent> {
    return this.fleet.event(
      "netboot.stage",
      ({ sequence, data }) => sequence > after && data["mac"] === mac && data["stage"] === stage,
    );
  }

  /** What a command line prints on a node that has converged. */
  async onNode(id: string, line: string): Promise<string> {
    const { value } = await this.fleet.json<{ nodes: Record<string, { return: { stdout: string } }> }>(
      "run",
      id,
      "cmd.run",
      line,
      "shell=true",
    );
    return value.nodes[id]!.return.stdout;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#services.map((service) => service[Symbol.asyncDispose]()));
    await this.fleet[Symbol.asyncDispose]();
    await this.own?.[Symbol.asyncDispose]();
  }
}
