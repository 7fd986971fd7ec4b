/** Clients that keep to no protocol: connections by the hundred, and whatever bytes come to mind. */
import { connect, type Socket } from "node:net";

import { randomFrom } from "../fuzz/random.ts";

/** The first words of a client of TLS 1.2: a whole record, as a scanner sends it. */
const CLIENT_HELLO = Buffer.from(
  `16030100430100003f0303${"ab".repeat(32)}000002002f010000140000000c000a000007626f6d612d7831000a00040002001d`,
  "hex",
);

/** What scanners, browsers and broken programs say to a port. */
export const FIRST_WORDS: Readonly<Record<string, Uint8Array>> = {
  "nothing at all": Buffer.alloc(0),
  HTTP: Buffer.from("GET / HTTP/1.1\r\nHost: boma\r\n\r\n"),
  "HTTP without an end": Buffer.from("GET /script?mac= HTTP/1.1\r\nHost: "),
  "HTTP with a smuggled request": Buffer.from(
    "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /x HTTP/1.1\r\n\r\n",
  ),
  "a path beyond all": Buffer.from(`GET /${"../".repeat(9000)}etc/passwd HTTP/1.1\r\n\r\n`),
  "a hello of TLS": CLIENT_HELLO,
  "half a hello of TLS": CLIENT_HELLO.subarray(0, 20),
  "a record of TLS without an end": Buffer.concat([Buffer.from("16030142ff", "hex"), Buffer.alloc(400, 1)]),
  SSH: Buffer.from("SSH-2.0-OpenSSH_9.2\r\n"),
  SMB: Buffer.from("000000a4ff534d4272000000000801c8", "hex"),
  "a line without an end": Buffer.alloc(300_000, "A"),
  chance: Uint8Array.from(
    { length: 4096 },
    (
      (random) => () =>
        random.below(256)
    )(randomFrom(7)),
  ),
  "NATS without a credential": Buffer.from('CONNECT {"verbose":true,"protocol":1}\r\nSUB > 1\r\nPING\r\n'),
  "NATS with a made up credential": Buffer.from(
    'CONNECT {"jwt":"e30.e30.e30","sig":"AAAA","nkey":"UAAAA"}\r\nSUB > 1\r\nPUB boma.rec.node.x 2\r\nhi\r\nPING\r\n',
  ),
  "NATS before CONNECT": Buffer.from("SUB > 1\r\nPUB $SYS.REQ.CLAIMS.UPDATE 2\r\nhi\r\nPING\r\n"),
  "NATS with a payload of 4 GiB": Buffer.from("CONNECT {}\r\nPUB x 4294967295\r\n"),
  "a route of a server": Buffer.from(
    'INFO {"server_id":"N","headers":true}\r\nCONNECT {"echo":true}\r\nRS+ $G >\r\n',
  ),
};

/** Connections that stay until they are let go, or until the other side hangs up. */
export class RawClients implements Disposable {
  readonly #sockets = new Set<Socket>();
  readonly #said: Buffer[] = [];

  /** Says these words, and holds the line. Resolves when they are on their way, or when nobody wants to hear them. */
  open(port: number, words: Uint8Array): Promise<void> {
    return new Promise((resolve) => {
      const socket = connect(port, "127.0.0.1", () => {
        if (words.length === 0) resolve();
        else socket.write(words, () => resolve());
      });
      this.#sockets.add(socket);
      socket.on("data", (data: Buffer) => this.#said.push(data));
      socket.on("error", () => undefined);
      socket.on("close", () => {
        this.#sockets.delete(socket);
        resolve();
      });
    });
  }

  /** So many at once, each with the next of these words. */
  async storm(port: number, count: number, words: readonly Uint8Array[]): Promise<void> {
    await Promise.all(Array.from({ length: count }, (_, at) => this.open(port, words[at % words.length]!)));
  }

  get held(): number {
    return this.#sockets.size;
  }

  /** All that was answered, as text. */
  get said(): string {
    return Buffer.concat(this.#said).toString("latin1");
  }

  [Symbol.dispose](): void {
    for (const socket of this.#sockets) socket.destroy();
  }
}
