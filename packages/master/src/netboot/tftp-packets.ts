/** TFTP as machines' ROMs speak it: RFC 1350, with the options of RFC 2347 to 2349. Reading only. */
export interface ReadRequest {
  readonly file: string;
  readonly mode: string;
  readonly options: ReadonlyMap<string, string>;
}

const OPCODE = { read: 1, write: 2, data: 3, ack: 4, error: 5, oack: 6 } as const;
export const TFTP_ERROR = { notFound: 1, denied: 2, illegal: 4, options: 8 } as const;
const REQUEST_BYTES_MAX = 512;

export type Asked =
  | ({ readonly kind: "read" } & ReadRequest)
  | { readonly kind: "ack"; readonly block: number }
  | { readonly kind: "error" | "write" | "nonsense" };

export function readPacket(packet: Buffer): Asked {
  if (packet.length < 4) return { kind: "nonsense" };
  const opcode = packet.readUInt16BE(0);
  if (opcode === OPCODE.ack) return { kind: "ack", block: packet.readUInt16BE(2) };
  if (opcode === OPCODE.error) return { kind: "error" };
  if (opcode === OPCODE.write) return { kind: "write" };
  if (opcode !== OPCODE.read || packet.length > REQUEST_BYTES_MAX || packet.at(-1) !== 0)
    return { kind: "nonsense" };
  const words = packet.subarray(2, -1).toString("latin1").split("\0");
  const [file, mode, ...rest] = words;
  if (file === undefined || mode === undefined || rest.length % 2 !== 0) return { kind: "nonsense" };
  const options = new Map<string, string>();
  for (let at = 0; at < rest.length; at += 2) options.set(rest[at]!.toLowerCase(), rest[at + 1]!);
  return { kind: "read", file, mode: mode.toLowerCase(), options };
}

export function dataPacket(block: number, bytes: Uint8Array): Buffer {
  const head = Buffer.alloc(4);
  head.writeUInt16BE(OPCODE.data, 0);
  head.writeUInt16BE(block % 65_536, 2);
  return Buffer.concat([head, bytes]);
}

export function errorPacket(code: number, message: string): Buffer {
  const head = Buffer.alloc(4);
  head.writeUInt16BE(OPCODE.error, 0);
  head.writeUInt16BE(code, 2);
  return Buffer.concat([head, Buffer.from(`${message}\0`, "latin1")]);
}

export function optionsPacket(options: ReadonlyMap<string, string>): Buffer {
  const head = Buffer.alloc(2);
  head.writeUInt16BE(OPCODE.oack, 0);
  return Buffer.concat([head, ...[...options].map(([name, value]) => Buffer.from(`${name}\0${value}\0`))]);
}

export interface Agreed {
  readonly blockBytes: number;
  readonly timeoutMs: number;
  /** What is agreed on, as it is said to the machine; empty where it asked for nothing that we know. */
  readonly said: ReadonlyMap<string, string>;
}

const BLOCK_BYTES = { min: 8, usual: 512, max: 1468 } as const;
/** A longer one would keep a place for minutes that nobody has shown to be there for. */
const TIMEOUT_S_MAX = 10;

/** Larger blocks would be cut up on their way, which the simplest ROMs cannot put together. */
export function agree(options: ReadonlyMap<string, string>, fileBytes: number): Agreed {
  const said = new Map<string, string>();
  let blockBytes: number = BLOCK_BYTES.usual;
  let timeoutMs = 1000;
  for (const [name, value] of options) {
    const number = /^\d{1,10}$/.test(value) ? Number(value) : undefined;
    if (number === undefined) continue;
    if (name === "blksize" && number >= BLOCK_BYTES.min) {
      blockBytes = Math.min(number, BLOCK_BYTES.max);
      said.set(name, String(blockBytes));
    } else if (name === "timeout" && number >= 1 && number <= TIMEOUT_S_MAX) {
      timeoutMs = number * 1000;
      said.set(name, value);
    } else if (name === "tsize") said.set(name, String(fileBytes));
  }
  return { blockBytes, timeoutMs, said };
}
