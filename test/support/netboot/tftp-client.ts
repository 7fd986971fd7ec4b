/** A TFTP client as a ROM has one: it asks, and acknowledges block after block. */
import { createSocket } from "node:dgram";
import { on, once } from "node:events";

const [ERROR, OPTIONS, DATA] = [5, 6, 3];

/** The file, or `undefined` where there is none. */
export async function fetchTftp(port: number, path: string, blockBytes = 1024): Promise<Buffer | undefined> {
  const socket = createSocket("udp4");
  socket.bind(0, "127.0.0.1");
  await once(socket, "listening");
  const asked = `\0\u0001${path}\0octet\0tsize\u00000\0blksize\0${blockBytes}\0`;
  const blocks: Buffer[] = [];
  try {
    const packets = on(socket, "message");
    socket.send(Buffer.from(asked, "latin1"), port, "127.0.0.1");
    for await (const [packet, from] of packets as AsyncIterable<[Buffer, { port: number }]>) {
      const [kind, block] = [packet.readUInt16BE(0), packet.readUInt16BE(2)];
      if (kind === ERROR) return undefined;
      const number = kind === OPTIONS ? 0 : block;
      // A block that comes again was acknowledged before.
      if (kind === DATA && number === (blocks.length + 1) % 65_536) blocks.push(packet.subarray(4));
      // Sent before the socket is closed: a server that misses the last one keeps its place for this client.
      await new Promise((resolve) =>
        socket.send(Buffer.from([0, 4, number >> 8, number & 255]), from.port, "127.0.0.1", resolve),
      );
      if (kind === DATA && packet.length < blockBytes + 4) return Buffer.concat(blocks);
    }
    return undefined;
  } finally {
    socket.close();
  }
}
