/** A node that `system.install` puts on a disk out of its live system, at this machine's own speed; and what it says when it has started from there. */
import type { RunReport } from "@boma/states";

import type { NodeView } from "../../../packages/master/src/api/verbs/nodes.ts";
import { run } from "../run.ts";
import type { BootLan, ImageFigures } from "./boot-lan.ts";
import { attachDisk, blankDisk } from "./disk.ts";
import { LiveHere } from "./live-here.ts";
import type { MachineOptions } from "./machine.ts";

/** On the boot LAN, below those that its DHCP gives out. */
const LIVE_ADDRESS = "10.77.0.50";

export class InstalledNode {
  readonly #lan: BootLan;
  readonly #id: string;
  readonly #machine: Omit<MachineOptions, "firmware">;
  /** Where its last start stands among the events. */
  #started = 0;

  private constructor(lan: BootLan, id: string, machine: Omit<MachineOptions, "firmware">) {
    this.#lan = lan;
    this.#id = id;
    this.#machine = machine;
  }

  /** Let in as any live node, installed, and switched off. What the site says of it is for the system on the disk. */
  static async make(lan: BootLan, image: ImageFigures, id: string, mac: string): Promise<InstalledNode> {
    const { fleet } = lan;
    const disk = blankDisk(fleet.dir, `data-${id}`);
    await fleet.ok("netboot", "open", "--mac", mac, "--id", id, "--diskless");
    const direct = await lan.direct(image, mac);
    await using attached = await attachDisk(disk);
    const via = await lan.own!.host(LIVE_ADDRESS);
    await using _ = await LiveHere.start({
      direct,
      hostname: id,
      mac,
      via,
      card: "lan0",
      disk: attached.path,
    });
    const node = new InstalledNode(lan, id, { arch: image.arch, mac, disks: [disk], fromDisk: true });
    await node.#starts();
    const { code, value } = await run(fleet, id, "system.install", attached.path, "--timeout", "900s");
    if (code !== 0) throw new Error(`it was not installed: ${JSON.stringify(value)}`);
    await fleet.ok("assign", id, "env=dev");
    return node;
  }

  async #starts(): Promise<void> {
    const { sequence } = await this.#lan.fleet.event(
      "node.started",
      (event) => event.id === this.#id && event.sequence > this.#started,
    );
    this.#started = sequence;
  }

  /** From its disk, until it says that it is what was installed. */
  async start(firmware: MachineOptions["firmware"]): Promise<AsyncDisposable> {
    const machine = await this.#lan.machine({
      ...this.#machine,
      ...(firmware !== undefined && { firmware }),
    });
    try {
      await Promise.race([this.#starts(), died(machine)]);
      const { code, value } = await run(this.#lan.fleet, this.#id, "system.boot-installed");
      if (code !== 0) throw new Error(`it did not come up: ${JSON.stringify(value)}`);
      return machine;
    } catch (error) {
      await machine[Symbol.asyncDispose]();
      throw new Error(`${String(error)}\n${machine.lines.slice(-40).join("\n")}`, { cause: error });
    }
  }

  async key(): Promise<string> {
    const { value } = await this.#lan.fleet.json<NodeView[]>("nodes");
    return value.find(({ id }) => id === this.#id)!.key;
  }

  /** How the states ended that the site wants. */
  async applied(): Promise<readonly string[]> {
    const { value } = await run(this.#lan.fleet, this.#id, "state.apply");
    return (value.nodes[this.#id]!.return as RunReport).results.map(({ result }) => result);
  }

  async says(line: string): Promise<string> {
    return (await this.#lan.onNode(this.#id, line)).trim();
  }
}

async function died(machine: { readonly ended: Promise<unknown> }): Promise<never> {
  await machine.ended;
  throw new Error("the machine was switched off");
}
