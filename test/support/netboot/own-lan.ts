/** A boot LAN of a test's own: a network namespace with a bridge, and a cable for each machine that is plugged in. */
import { mustRun } from "../hosts/program.ts";

const ip = (...words: readonly string[]) => mustRun(["ip", ...words]);
let made = 0;

export class OwnLan implements AsyncDisposable {
  readonly name = `bomal-${process.pid}-${(made += 1)}`;
  /** The bridge: the boot service's interface. */
  readonly interface = "lan0";
  readonly address = "10.77.0.1";
  readonly #hosts: string[] = [];
  #cables = 0;

  private constructor() {}

  static async make(): Promise<OwnLan> {
    const lan = new OwnLan();
    const { name, interface: bridge, address } = lan;
    await ip("netns", "add", name);
    try {
      await ip("-n", name, "link", "set", "lo", "up");
      // A bridge that learns first would keep a machine's first questions to itself.
      await ip("-n", name, "link", "add", bridge, "type", "bridge", "forward_delay", "0");
      await ip("-n", name, "address", "add", `${address}/24`, "dev", bridge);
      await ip("-n", name, "link", "set", bridge, "up");
      return lan;
    } catch (error) {
      await lan[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** The words before a command that is to run on this LAN. */
  get via(): readonly string[] {
    return ["ip", "netns", "exec", this.name];
  }

  /** A cable for a machine of the emulator. */
  async cable(): Promise<string> {
    const tap = `tap${(this.#cables += 1)}`;
    await ip("-n", this.name, "tuntap", "add", "dev", tap, "mode", "tap");
    await ip("-n", this.name, "link", "set", tap, "master", this.interface, "up");
    return tap;
  }

  /** Another host on the LAN, with an address of its own; gives the words before its commands. */
  async host(address: string): Promise<readonly string[]> {
    const [cable, name] = [`to${(this.#cables += 1)}`, `${this.name}-${this.#cables}`];
    await ip("netns", "add", name);
    this.#hosts.push(name);
    await ip("-n", this.name, "link", "add", cable, "type", "veth", "peer", "name", "lan0", "netns", name);
    await ip("-n", this.name, "link", "set", cable, "master", this.interface, "up");
    await ip("-n", name, "link", "set", "lo", "up");
    await ip("-n", name, "address", "add", `${address}/24`, "dev", "lan0");
    await ip("-n", name, "link", "set", "lan0", "up");
    return ["ip", "netns", "exec", name];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const name of [...this.#hosts, this.name]) await ip("netns", "delete", name);
  }
}
