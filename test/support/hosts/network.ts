/** The network that the hosts of one test file share: a bridge in a namespace of its own. */
import { Space } from "./space.ts";

const NETWORK = "10.66.0";
const HOSTS_MAX = 200;

export const BRIDGE_ADDRESS = `${NETWORK}.1`;

export class Network {
  /** Where what stands outside the hosts listens to be reached by them: a master. */
  readonly space: Space;
  readonly #taken = new Set<number>();
  readonly #lans = new Map<string, Promise<string>>();
  #cables = 0;

  private constructor(space: Space) {
    this.space = space;
  }

  static async open(): Promise<Network> {
    const space = await Space.open();
    const lines = [
      "link add bridge type bridge forward_delay 0",
      `addr add ${BRIDGE_ADDRESS}/24 dev bridge`,
      "link set bridge up",
    ];
    await space.must(["ip", "-batch", "-"], { stdin: `${lines.join("\n")}\n` });
    return new Network(space);
  }

  /** Gives the host behind this space a cable and an address. */
  async plug(host: Space): Promise<{ readonly address: string; readonly port: string }> {
    const number = Array.from({ length: HOSTS_MAX }, (_, i) => i + 1).find((n) => !this.#taken.has(n));
    if (number === undefined) throw new Error(`more than ${HOSTS_MAX} hosts on one bridge`);
    this.#taken.add(number);
    const port = `port${number}`;
    const address = `${NETWORK}.${10 + number}`;
    const mac = `02:b0:3a:00:00:${number.toString(16).padStart(2, "0")}`;
    const outside = [
      `link add ${port} type veth peer name eth0 netns ${host.pid} address ${mac}`,
      `link set ${port} master bridge up`,
    ];
    await this.space.must(["ip", "-batch", "-"], { stdin: `${outside.join("\n")}\n` });
    const inside = [
      `addr add ${address}/24 dev eth0`,
      "link set eth0 up",
      `route add default via ${BRIDGE_ADDRESS}`,
    ];
    await host.must(["ip", "-batch", "-"], { stdin: `${inside.join("\n")}\n` });
    return { address, port };
  }

  /** Gives a host a further card, on a switch of its own that is made with its first cable; nothing is configured. */
  async cable(host: Space, card: string, lan: string): Promise<void> {
    const made = this.#lans.get(lan) ?? this.#lan(lan);
    this.#lans.set(lan, made);
    await made;
    const end = `cable${++this.#cables}`;
    const mac = `02:b0:3a:01:00:${this.#cables.toString(16).padStart(2, "0")}`;
    const lines = [
      `link add ${end} type veth peer name ${card} netns ${host.pid} address ${mac}`,
      `link set ${end} master ${lan} up`,
    ];
    await this.space.must(["ip", "-batch", "-"], { stdin: `${lines.join("\n")}\n` });
  }

  #lan(name: string): Promise<string> {
    const lines = [`link add ${name} type bridge forward_delay 0`, `link set ${name} up`];
    return this.space.must(["ip", "-batch", "-"], { stdin: `${lines.join("\n")}\n` });
  }

  /** Pulls the cable out of the switch, or puts it back. */
  async link(port: string, state: "up" | "down"): Promise<void> {
    await this.space.must(["ip", "link", "set", port, state]);
  }

  /** The namespace of a host that is gone takes its cable along; its number is free again. */
  unplug(port: string): boolean {
    this.#taken.delete(Number(port.replace("port", "")));
    return this.#taken.size === 0;
  }
}

let shared: Promise<Network> | undefined;

export const sharedNetwork = (): Promise<Network> => (shared ??= Network.open());

/** The last host switches off the light. */
export async function leaveNetwork(port: string): Promise<void> {
  const network = await shared;
  if (!network?.unplug(port)) return;
  shared = undefined;
  await network.space[Symbol.asyncDispose]();
}
