/**
 * The TFTP server: what ROMs load before they can speak HTTP. Each transfer has a
 * socket of its own, as the protocol wants it, and few may be under way, because
 * anybody can begin one with a single packet from an address that is not theirs.
 */
import { createSocket, type RemoteInfo, type Socket, type SocketType } from "node:dgram";

import { Limiter } from "./limiter.ts";
import {
  agree,
  dataPacket,
  errorPacket,
  optionsPacket,
  readPacket,
  type ReadRequest,
  TFTP_ERROR,
} from "./tftp-packets.ts";

const TRANSFERS_MAX = 256;
const TRANSFERS_PER_ADDRESS_MAX = 8;
const TRIES_MAX = 5;
/** Before who asks has shown that it hears us: what it was told may go to somebody who never asked. */
const TRIES_UNHEARD_MAX = 2;
/** A Raspberry Pi asks for some dozen files, a ROM for two. */
const REQUESTS_PER_MINUTE_MAX = 240;

export interface TftpParts {
  /** The file, for this machine; paths are what machines make up, and are looked up, never opened. */
  readonly file: (path: string, address: string) => Promise<Uint8Array | undefined>;
  readonly onError: (error: unknown) => void;
}

export class TftpServer {
  readonly #parts: TftpParts;
  readonly #host: string;
  readonly #socket: Socket;
  readonly #transfers = new Set<Transfer>();
  readonly #limiter = new Limiter(REQUESTS_PER_MINUTE_MAX);
  /** Files that are being looked for: who is impatient asks again meanwhile, and must not be given two tokens. */
  readonly #looking = new Set<string>();
  #isClosed = false;

  private constructor(parts: TftpParts, host: string, socket: Socket) {
    this.#parts = parts;
    this.#host = host;
    this.#socket = socket;
    socket.on("message", (packet, from) => this.#asked(packet, from));
    socket.on("error", parts.onError);
  }

  static async listen(host: string, port: number, parts: TftpParts): Promise<TftpServer> {
    const socket = createSocket(family(host));
    await new Promise<void>((resolve, reject) => {
      socket.once("error", reject);
      socket.bind(port, host, () => {
        socket.off("error", reject);
        resolve();
      });
    });
    return new TftpServer(parts, host, socket);
  }

  get port(): number {
    return this.#socket.address().port;
  }

  #asked(packet: Buffer, from: RemoteInfo): void {
    // Nobody can be answered there, and to try would end the service.
    if (from.port === 0 || !this.#limiter.allows(from.address)) return;
    const asked = readPacket(packet);
    const refuse = (code: number, why: string): void =>
      this.#socket.send(errorPacket(code, why), from.port, from.address);
    if (asked.kind === "write") return refuse(TFTP_ERROR.denied, "nothing is written here");
    // An answer to what is no request could be answered again, for ever.
    if (asked.kind !== "read") return;
    if (asked.mode !== "octet") return refuse(TFTP_ERROR.illegal, "only octet mode");
    // Its first packet was lost, or it is impatient: the transfer that it asks for is under way.
    const under = [...this.#transfers].filter(({ address }) => address === from.address);
    if (under.some(({ port, path }) => port === from.port && path === asked.file)) return;
    if (under.length >= TRANSFERS_PER_ADDRESS_MAX || !this.#hasRoom()) return;
    const place = `${from.address} ${from.port} ${asked.file}`;
    if (this.#looking.has(place) || this.#looking.size >= TRANSFERS_MAX) return;
    this.#looking.add(place);
    this.#parts
      .file(asked.file.replace(/^\/+/, ""), from.address)
      .then((bytes) =>
        bytes ? this.#begin(asked, bytes, from) : refuse(TFTP_ERROR.notFound, "no such file"),
      )
      .catch(this.#parts.onError)
      .finally(() => this.#looking.delete(place));
  }

  /** Requests from addresses that are nobody's take no place from machines that answer. */
  #hasRoom(): boolean {
    if (this.#transfers.size < TRANSFERS_MAX) return true;
    const unheard = [...this.#transfers].find(({ isHeard }) => !isHeard);
    if (!unheard) return false;
    this.#transfers.delete(unheard);
    unheard.end();
    return true;
  }

  #begin(request: ReadRequest, bytes: Uint8Array, from: RemoteInfo): void {
    if (this.#isClosed) return;
    const transfer = new Transfer({ request, bytes, from, host: this.#host }, this.#parts.onError);
    this.#transfers.add(transfer);
    void transfer.ended.then(() => this.#transfers.delete(transfer));
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    for (const transfer of this.#transfers) transfer.end();
    await new Promise<void>((resolve) => this.#socket.close(() => resolve()));
  }
}

const family = (host: string): SocketType => (host.includes(":") ? "udp6" : "udp4");

interface Sending {
  readonly request: ReadRequest;
  readonly bytes: Uint8Array;
  readonly from: RemoteInfo;
  readonly host: string;
}

class Transfer {
  readonly address: string;
  readonly port: number;
  readonly path: string;
  readonly ended: Promise<void>;
  readonly #socket: Socket;
  readonly #bytes: Uint8Array;
  readonly #blockBytes: number;
  readonly #timeoutMs: number;
  /** The block that was sent last; 0 is the answer to the options. */
  #block = 0;
  #tries = 0;
  #isHeard = false;
  #isOver = false;
  #packet: Uint8Array = new Uint8Array();
  #timer: NodeJS.Timeout | undefined;

  constructor({ request, bytes, from, host }: Sending, onError: (error: unknown) => void) {
    this.address = from.address;
    this.port = from.port;
    this.path = request.file;
    this.#bytes = bytes;
    const { blockBytes, timeoutMs, said } = agree(request.options, bytes.length);
    this.#blockBytes = blockBytes;
    this.#timeoutMs = timeoutMs;
    this.#socket = createSocket(family(host));
    this.ended = new Promise((resolve) => this.#socket.once("close", resolve));
    this.#socket.on("error", (error) => {
      onError(error);
      this.end();
    });
    this.#socket.on("message", (packet, sender) => this.#heard(packet, sender));
    this.#socket.bind(0, host, () => (said.size > 0 ? this.#send(optionsPacket(said)) : this.#sendBlock(1)));
  }

  /** Whether it has acknowledged anything: only who really asked can. */
  get isHeard(): boolean {
    return this.#isHeard;
  }

  end(): void {
    clearTimeout(this.#timer);
    if (!this.#isOver) this.#socket.close();
    this.#isOver = true;
  }

  /** Only from where the transfer was asked for: another's acknowledgement is none. */
  #heard(packet: Buffer, { address, port }: RemoteInfo): void {
    if (address !== this.address || port !== this.port) return;
    const answer = readPacket(packet);
    if (answer.kind === "error") return this.end();
    // One that is older than the last block is an echo: answering it would double every packet from here on.
    if (answer.kind !== "ack" || answer.block !== this.#block % 65_536) return;
    this.#isHeard = true;
    const isLast = this.#block > 0 && this.#block * this.#blockBytes > this.#bytes.length;
    if (isLast) return this.end();
    this.#sendBlock(this.#block + 1);
  }

  #sendBlock(block: number): void {
    this.#block = block;
    this.#tries = 0;
    const from = (block - 1) * this.#blockBytes;
    this.#send(dataPacket(block, this.#bytes.subarray(from, from + this.#blockBytes)));
  }

  #send(packet: Uint8Array): void {
    if (this.#isOver) return;
    clearTimeout(this.#timer);
    this.#packet = packet;
    this.#socket.send(packet, this.port, this.address);
    this.#timer = setTimeout(() => {
      this.#tries += 1;
      if (this.#tries >= (this.#isHeard ? TRIES_MAX : TRIES_UNHEARD_MAX)) this.end();
      else this.#send(this.#packet);
    }, this.#timeoutMs);
  }
}
