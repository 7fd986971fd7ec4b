/** Goal: a ROM gets a file whole, over a line that loses packets; nobody else can disturb it, or fill the server. */
import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";
import { setImmediate } from "node:timers/promises";

import { afterEach, beforeEach, expect, test, vi } from "vitest";

import { TftpServer } from "./tftp-server.ts";

const FILE = Buffer.alloc(1300, "boma");
let server: TftpServer;
let client: Socket;
beforeEach(async () => {
  server = await TftpServer.listen("127.0.0.1", 0, {
    file: (path) =>
      Promise.resolve(path === "a" ? FILE : path === "even" ? FILE.subarray(0, 1024) : undefined),
    onError: (error) => {
      throw error;
    },
  });
  client = createSocket("udp4");
  client.bind(0, "127.0.0.1");
  await once(client, "listening");
});
afterEach(async () => {
  client.close();
  await server.close();
});

const ask = (...words: readonly string[]) =>
  client.send(Buffer.from(`\0\u0001${words.join("\0")}\0`, "latin1"), server.port, "127.0.0.1");
async function heard(): Promise<{ packet: Buffer; port: number }> {
  const [packet, from] = (await once(client, "message")) as [Buffer, { port: number }];
  return { packet, port: from.port };
}
const ack = (block: number, port: number, from = client) => {
  const packet = Buffer.from([0, 4, block >> 8, block & 255]);
  from.send(packet, port, "127.0.0.1");
};

async function fetchAll(words: readonly string[], blockBytes: number): Promise<Buffer> {
  ask(...words);
  const parts: Buffer[] = [];
  for (;;) {
    const { packet, port } = await heard();
    const opcode = packet.readUInt16BE(0);
    if (opcode === 6) {
      ack(0, port);
      continue;
    }
    expect(opcode).toBe(3);
    parts.push(packet.subarray(4));
    ack(packet.readUInt16BE(2), port);
    if (packet.length - 4 < blockBytes) return Buffer.concat(parts);
  }
}

test("a file comes whole in blocks of 512, and of the size that was agreed on", async () => {
  expect((await fetchAll(["/a", "octet"], 512)).equals(FILE)).toBe(true);
  expect((await fetchAll(["a", "octet", "blksize", "1000"], 1000)).equals(FILE)).toBe(true);
});

test("a file that ends with a full block ends with an empty one", async () => {
  expect((await fetchAll(["even", "octet"], 512)).length).toBe(1024);
});

test("a block whose acknowledgement is lost comes again", async () => {
  ask("a", "octet");
  const first = await heard();
  const again = await heard();
  expect(again.packet.equals(first.packet)).toBe(true);
});

test("another's acknowledgement moves nothing", async () => {
  ask("a", "octet");
  const { port } = await heard();
  const stranger = createSocket("udp4");
  try {
    ack(1, port, stranger);
    expect((await heard()).packet.readUInt16BE(2)).toBe(1);
  } finally {
    stranger.close();
  }
});

test("what is not served, and whatever would be written, is refused", async () => {
  ask("../etc/passwd", "octet");
  expect((await heard()).packet.subarray(0, 4)).toEqual(Buffer.from([0, 5, 0, 1]));
  ask("a", "netascii");
  expect((await heard()).packet.subarray(0, 4)).toEqual(Buffer.from([0, 5, 0, 4]));
  client.send(Buffer.from("\0\u0002a\0octet\0", "latin1"), server.port, "127.0.0.1");
  expect((await heard()).packet.subarray(0, 4)).toEqual(Buffer.from([0, 5, 0, 2]));
});

test("no path leads out of what is served, and none is opened", async () => {
  for (const path of ["../a", "/../a", "a/../a", "..\\a", "%2e%2e/a", "a\u00ff", "//../../etc/shadow"]) {
    ask(path, "octet");
    expect((await heard()).packet.subarray(0, 4), path).toEqual(Buffer.from([0, 5, 0, 1]));
  }
});

test("a huge block is cut to a packet, and a long wait is not agreed on", async () => {
  ask("a", "octet", "blksize", "65464", "timeout", "255", "blksize2", "32768", "tsize", "0");
  const { packet } = await heard();
  expect(packet.toString("latin1")).toBe("\0\u0006blksize\u00001468\0tsize\u00001300\0");
});

test("a flood of options is answered with nothing", async () => {
  ask("a", "octet", ...Array.from({ length: 200 }, (_, at) => String(at)));
  ask("missing", "octet");
  expect((await heard()).packet.readUInt16BE(0)).toBe(5);
});

test("whoever does not answer is sent one block twice, and then no more", async () => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  try {
    const packets: number[] = [];
    client.on("message", (packet: Buffer) => packets.push(packet.readUInt16BE(0)));
    ask("a", "octet");
    await once(client, "message");
    await vi.advanceTimersByTimeAsync(1000);
    await vi.advanceTimersByTimeAsync(60_000);
    ask("none", "octet");
    while (packets.at(-1) !== 5) await once(client, "message");
    expect(packets).toEqual([3, 3, 5]);
  } finally {
    vi.useRealTimers();
  }
});

/** Sends from an address of its own, one after the other: what comes too fast the kernel drops, as on any LAN. */
async function floodFrom(
  address: string,
  names: readonly string[],
  onAnswer: () => void = () => undefined,
): Promise<Socket & AsyncDisposable> {
  const socket = createSocket("udp4");
  socket.on("message", onAnswer);
  socket.bind(0, address);
  await once(socket, "listening");
  for (const name of names) {
    const request = Buffer.from(`\0\u0001${name}\0octet\0`, "latin1");
    socket.send(request, server.port, "127.0.0.1");
    await setImmediate();
  }
  return socket;
}

test("machines are served while every place is taken by requests from addresses that never answer", async () => {
  await using strangers = new AsyncDisposableStack();
  const names = Array.from({ length: 8 }, (_, at) => `${"/".repeat(at)}a`);
  for (let at = 1; at <= 40; at++) strangers.use(await floodFrom(`127.0.1.${at}`, names));
  expect((await fetchAll(["a", "octet"], 512)).equals(FILE)).toBe(true);
});

test("who asks without end is not answered without end, and others are", async () => {
  let answers = 0;
  await using _other = await floodFrom("127.0.0.2", Array(300).fill("none"), () => (answers += 1));
  expect((await fetchAll(["a", "octet"], 512)).equals(FILE)).toBe(true);
  expect(answers).toBeLessThan(300);
});
