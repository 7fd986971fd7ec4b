// Goal: whoever knocks at a port with whatever it is gets nothing out of it and holds nobody up: agents come and go,
// machines boot and jobs end well beside scans, storms of connections, and readers that do not read.
// Method: raw sockets by the hundred on every port that boma opens, while jobs run.
import { createSocket, type Socket as UdpSocket } from "node:dgram";
import type { Socket } from "node:net";
import { join } from "node:path";

import { subjects } from "@boma/protocol";
import type { NatsConnection } from "nats";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { readOperatorFile } from "../../packages/master/src/operator-file.ts";
import { Bystander, takeOver } from "../support/attack.ts";
import { Fleet } from "../support/fleet.ts";
import { asUser } from "../support/hostile.ts";
import { putImage } from "../support/netboot/small-image.ts";
import type { TestProcess } from "../support/process.ts";
import { FIRST_WORDS, RawClients } from "../support/raw-clients.ts";

const portOf = (url: string): number => Number(new URL(url.replace(/^\w+:/, "http:")).port);
const ALL_WORDS = Object.values(FIRST_WORDS);
/** What a server says of itself to anybody, and what it says when it hangs up: nothing that a stranger may not know. */
const SAYS_NOTHING = /\+OK|PONG|\nMSG |200 OK.*boma\.token/s;

describe.each([
  ["on loopback", "127.0.0.1:0", []],
  ["with TLS", "0.0.0.0:0", ["--name", "127.0.0.1"]],
] as const)("the bus %s", (_, listen, serve) => {
  let fleet: Fleet;
  let port: number;
  beforeAll(async () => {
    fleet = await Fleet.start({ listen, serve });
    port = portOf(fleet.servers[0]!);
    await fleet.agent("good", { env: "dev" });
  });
  afterAll(() => fleet?.[Symbol.asyncDispose]());

  test("says nothing to whatever a scanner says, and serves jobs meanwhile", async () => {
    using clients = new RawClients();
    const bystander = new Bystander(fleet, "good");
    await clients.storm(port, ALL_WORDS.length * 8, ALL_WORDS);
    await bystander.served();
    expect(await bystander.end()).toEqual([]);
    expect(clients.said).not.toMatch(SAYS_NOTHING);
  });

  test("hangs up on those who never finish a handshake, and lets nodes in beside a thousand of them", async () => {
    using clients = new RawClients();
    const halves = ["nothing at all", "half a hello of TLS", "a record of TLS without an end"];
    const bystander = new Bystander(fleet, "good");
    await clients.storm(
      port,
      1_000,
      halves.map((name) => FIRST_WORDS[name]!),
    );
    await bystander.served();
    await fleet.agent("late", { env: "dev" });
    expect((await fleet.run("run", "late", "test.ping")).code).toBe(0);
    expect(await bystander.end()).toEqual([]);
    await expect.poll(() => clients.held, { timeout: 60_000 }).toBe(0);
    await fleet.agents.get("late")!.stop();
    await fleet.ok("revoke", "late", "--forget");
  });

  test("survives connections that come and go by the thousand, and each node stays connected", async () => {
    const bystander = new Bystander(fleet, "good");
    for (let wave = 0; wave < 5; wave++) {
      using clients = new RawClients();
      await clients.storm(port, 500, ALL_WORDS);
    }
    await bystander.served();
    expect(await bystander.end()).toEqual([]);
    const gone = await fleet.json<unknown[]>("events", "node.disconnected", "--since", "1h");
    expect(gone.value.filter((event) => (event as { id?: string }).id === "good")).toEqual([]);
  });
});

describe("one that does not read", () => {
  let fleet: Fleet;
  beforeAll(async () => {
    fleet = await Fleet.start();
    await fleet.agent("good", { env: "dev" });
    await fleet.agent("bad", { env: "prod" });
  });
  afterAll(() => fleet?.[Symbol.asyncDispose]());

  /** From now on what comes is left in the kernel, as by a program that was stopped. */
  const goDeaf = (line: NatsConnection): void => {
    const { transport } = (line as unknown as { protocol: { transport: { socket: Socket } } }).protocol;
    transport.socket.pause();
  };

  test("is an operator: who asks for everything without end and reads nothing holds up nobody else", async () => {
    const file = join(fleet.dir, "deaf.json");
    await fleet.ok("operator", "add", "deaf", "--read", "--out", file);
    const operator = readOperatorFile({} as never, file);
    const line = await asUser(fleet, operator.user, operator.credential);
    line.subscribe(subjects.feed(operator.user.publicKey, "*"), { callback: () => undefined });
    await line.flush();
    goDeaf(line);
    const bystander = new Bystander(fleet, "good");
    // Commands of his follow all that is told, and are stopped as by Ctrl-Z.
    const following = Array.from({ length: 3 }, () =>
      fleet.spawn("events", "--since", "1h", "--follow", "--operator", file),
    );
    await Promise.all(following.map((command) => command.line(/job\./)));
    for (const command of following) command.signal("SIGSTOP");
    await bystander.served(40);
    for (const command of following) await command[Symbol.asyncDispose]();
    expect(await bystander.end()).toEqual([]);
    await line.close();
  });

  test("is a node: what it asks for and does not take holds up nobody else", async () => {
    const bad = await takeOver(fleet, "bad");
    bad.line.subscribe(`_INBOX.${bad.key}.>`, { callback: () => undefined });
    await bad.line.flush();
    goDeaf(bad.line);
    const bystander = new Bystander(fleet, "good");
    for (let at = 0; at < 20_000; at++)
      bad.line.publish(subjects.readMail(bad.key), "", { reply: `_INBOX.${bad.key}.${at % 4}` });
    await bystander.served(20);
    expect(await bystander.end()).toEqual([]);
    await bad.line.close();
  });
});

describe("the boot service", () => {
  let fleet: Fleet;
  let service: TestProcess;
  let http = 0;
  let tftp = 0;
  beforeAll(async () => {
    fleet = await Fleet.start();
    await fleet.agent("good", { env: "dev" });
    putImage(fleet.home);
    const file = join(fleet.dir, "boot.json");
    await fleet.ok("operator", "add", "boot", "--netboot", "--out", file);
    const ports = ["--http-port", "0", "--tftp-port", "0", "--operator", file, "--json"];
    service = fleet.spawn("netboot", "serve", ...ports);
    const ready = JSON.parse(await service.line(/"ready":true/)) as { httpPort: number; tftpPort: number };
    [http, tftp] = [ready.httpPort, ready.tftpPort];
  });
  afterAll(async () => {
    await service?.[Symbol.asyncDispose]();
    await fleet?.[Symbol.asyncDispose]();
  });

  test("says nothing to what is no request, and boots a machine beside it", async () => {
    using clients = new RawClients();
    const bystander = new Bystander(fleet, "good");
    await clients.storm(http, ALL_WORDS.length * 4, ALL_WORDS);
    await fleet.ok("netboot", "open", "--mac", "52:54:00:00:aa:01", "--env", "dev");
    const script = await fetch(`http://127.0.0.1:${http}/script?mac=52:54:00:00:aa:01&arch=x86_64`);
    expect(await script.text()).toContain("boma.token=");
    await bystander.served();
    expect(await bystander.end()).toEqual([]);
    expect(clients.said).not.toMatch(SAYS_NOTHING);
  });

  test("lives on after datagrams that are no TFTP, and answers another's that is", async () => {
    const [noise, asking] = await Promise.all([udpAt("127.0.0.2"), udpAt("127.0.0.1")]);
    const answers: Buffer[] = [];
    for (const socket of [noise, asking]) socket.on("message", (data) => void answers.push(data));
    try {
      for (let at = 0; at < 100; at++)
        for (const words of ALL_WORDS) await sendFrom(noise, tftp, words.subarray(0, 1400));
      // As a client does, for a datagram that finds the queue full is gone.
      const ask = async (): Promise<number> => {
        await sendFrom(asking, tftp, Buffer.from("\0\x01../../etc/passwd\0octet\0", "latin1"));
        return answers.length;
      };
      await expect.poll(ask, { timeout: 60_000, interval: 500 }).toBeGreaterThan(0);
      // Nothing of a file, and nothing to who asked for none: errors are all that was said.
      expect(new Set(answers.map((data) => data.readUInt16BE(0)))).toEqual(new Set([5]));
    } finally {
      for (const socket of [noise, asking]) socket.close();
    }
    expect((await fetch(`http://127.0.0.1:${http}/boot.ipxe`)).status).toBe(200);
  });
});

const udpAt = (address: string): Promise<UdpSocket> =>
  new Promise((resolve) => {
    const socket = createSocket("udp4");
    socket.bind(0, address, () => resolve(socket));
  });
const sendFrom = (socket: UdpSocket, port: number, data: Uint8Array): Promise<unknown> =>
  new Promise((resolve) => socket.send(data, port, "127.0.0.1", resolve));
