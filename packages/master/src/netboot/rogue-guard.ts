/** Looks who else gives out addresses on the boot LAN. Two servers that do give machines to whoever is quicker. */
import { randomBytes } from "node:crypto";
import { createSocket } from "node:dgram";
import { setTimeout as sleep } from "node:timers/promises";

import { BomaError } from "@boma/protocol";

import { discover, type Offer, readOffer } from "./dhcp-packets.ts";

const CLIENT_PORT = 68;
const SERVER_PORT = 67;
/** A server that first looks whether an address is free takes a second or two to offer it. */
const LISTEN_MS = 4_000;

export interface BootNet {
  readonly address: string;
  readonly broadcast: string;
}

/** Every other server that offers an address. A proxy, which offers none, is no rival. */
export async function otherServers({ address, broadcast }: BootNet): Promise<readonly Offer[]> {
  const transaction = randomBytes(4).readUInt32BE();
  const mac = Buffer.concat([Buffer.from([0x02, 0xb0]), randomBytes(4)]);
  const socket = createSocket({ type: "udp4", reuseAddr: true });
  const found = new Map<string, Offer>();
  socket.on("message", (packet) => {
    const offer = readOffer(packet, transaction);
    if (offer && offer.server !== address && offer.address !== "0.0.0.0") found.set(offer.server, offer);
  });
  const failed = Promise.withResolvers<never>();
  socket.on("error", failed.reject);
  try {
    await Promise.race([ask(socket, { broadcast, packet: discover(transaction, mac) }), failed.promise]);
    await Promise.race([sleep(LISTEN_MS), failed.promise]);
  } catch (cause) {
    throw new BomaError("netboot/listen", `the boot LAN cannot be asked for DHCP servers: ${String(cause)}`, {
      cause,
    });
  } finally {
    socket.close();
  }
  return [...found.values()];
}

interface Question {
  readonly broadcast: string;
  readonly packet: Buffer;
}

async function ask(socket: ReturnType<typeof createSocket>, { broadcast, packet }: Question): Promise<void> {
  await new Promise<void>((resolve) => socket.bind(CLIENT_PORT, "0.0.0.0", () => resolve()));
  socket.setBroadcast(true);
  await new Promise<void>((resolve, reject) =>
    socket.send(packet, SERVER_PORT, broadcast, (error) => (error ? reject(error) : resolve())),
  );
}

export const rogue = ({ server, address }: Offer): BomaError =>
  new BomaError("netboot/rogue-dhcp", `the DHCP server ${server} is on the boot LAN: it offered ${address}`);
