/** Asks a network who gives out addresses: one DISCOVER by broadcast, and whoever offers something first. */
import { randomBytes } from "node:crypto";
import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";

import { BomaError } from "@boma/protocol";
import type { DhcpQuestion, Port, ReadDhcp } from "@boma/states/core";

import { messageOf } from "../files.ts";
import { pause } from "../wait.ts";

const CLIENT_PORT = 68;
const SERVER_PORT = 67;
const EVERYBODY = "255.255.255.255";
/** What is not bigger than this every server takes. */
const PACKET_BYTES = 300;
const COOKIE = Buffer.from([99, 130, 83, 99]);
const OPTIONS_AT = 240;
const DISCOVER = 1;
const OFFER = 2;

export function realDhcp({ signal }: { readonly signal: AbortSignal }): Port<ReadDhcp, ReadDhcp> {
  const read: ReadDhcp = { server: (question) => ask(question, signal) };
  return { read, write: read };
}

async function ask(question: DhcpQuestion, signal: AbortSignal): Promise<string | undefined> {
  const { address, mac, but, withinMs } = question;
  const transaction = randomBytes(4);
  const answered = new AbortController();
  let found: string | undefined;
  // What is sent from an address goes out on its interface; what comes back is for everybody, and so not for it.
  const [sender, receiver] = [open(), open()];
  receiver.on("message", (packet) => {
    const server = serverOf(packet, transaction);
    if (server === undefined || but.includes(server)) return;
    found ??= server;
    answered.abort();
  });
  try {
    await Promise.all([bound(receiver, "0.0.0.0"), bound(sender, address)]);
    sender.setBroadcast(true);
    const packet = discover(transaction, mac);
    await new Promise<void>((resolve, reject) => {
      sender.send(packet, SERVER_PORT, EVERYBODY, (error) => (error ? reject(error) : resolve()));
    });
    await pause(withinMs, AbortSignal.any([signal, answered.signal]));
  } catch (cause) {
    throw new BomaError(
      "state/unsupported",
      `the network of ${address} cannot be asked: ${messageOf(cause)}`,
      {
        cause,
      },
    );
  } finally {
    sender.close();
    receiver.close();
  }
  return found;
}

const open = (): Socket => createSocket({ type: "udp4", reuseAddr: true });

async function bound(socket: Socket, address: string): Promise<void> {
  socket.bind(CLIENT_PORT, address);
  await once(socket, "listening");
}

function discover(transaction: Buffer, mac: string): Buffer {
  const packet = Buffer.alloc(PACKET_BYTES);
  packet.set([1, 1, 6, 0]);
  transaction.copy(packet, 4);
  packet.writeUInt16BE(0x80_00, 10); // Answer to everybody: this machine has no such address.
  Buffer.from(mac.replaceAll(":", ""), "hex").copy(packet, 28);
  COOKIE.copy(packet, 236);
  packet.set([53, 1, DISCOVER, 255], OPTIONS_AT);
  return packet;
}

/** Who offers; anything that is no whole answer to this question is passed over. */
export function serverOf(packet: Buffer, transaction: Buffer): string | undefined {
  if (packet.length < OPTIONS_AT || packet[0] !== 2 || !packet.subarray(4, 8).equals(transaction))
    return undefined;
  if (!packet.subarray(236, OPTIONS_AT).equals(COOKIE)) return undefined;
  const options = optionsOf(packet.subarray(OPTIONS_AT));
  const server = options.get(54);
  return options.get(53)?.[0] === OFFER && server?.length === 4 ? server.join(".") : undefined;
}

function optionsOf(bytes: Buffer): ReadonlyMap<number, Buffer> {
  const options = new Map<number, Buffer>();
  for (let at = 0; at < bytes.length && bytes[at] !== 255;) {
    if (bytes[at] === 0) {
      at += 1;
      continue;
    }
    const length = bytes[at + 1] ?? 0;
    options.set(bytes[at]!, bytes.subarray(at + 2, at + 2 + length));
    at += 2 + length;
  }
  return options;
}
