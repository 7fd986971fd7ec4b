/** Just enough of DHCP to ask who else answers: a question that takes no address, and the offers to it. */
const MAGIC = 0x63825363;
const FIXED_BYTES = 240;
const OPTION = { end: 255, pad: 0, type: 53, server: 54, bootfile: 67, class: 60 } as const;
const TYPE = { discover: 1, offer: 2 } as const;
const BROADCAST_FLAG = 0x8000;

export interface Offer {
  /** Who offers, by its own word. */
  readonly server: string;
  /** The address that it would give; `0.0.0.0` from one that only names a loader. */
  readonly address: string;
}

/** From a made-up address that nobody has: locally administered, so that no lease of a machine is touched. */
export function discover(transaction: number, mac: Uint8Array): Buffer {
  const packet = Buffer.alloc(FIXED_BYTES);
  packet.writeUInt8(1, 0);
  packet.writeUInt8(1, 1);
  packet.writeUInt8(6, 2);
  packet.writeUInt32BE(transaction, 4);
  packet.writeUInt16BE(BROADCAST_FLAG, 10);
  packet.set(mac.subarray(0, 6), 28);
  packet.writeUInt32BE(MAGIC, 236);
  return Buffer.concat([packet, Buffer.from([OPTION.type, 1, TYPE.discover, OPTION.end])]);
}

/** An offer to this question; whatever else comes, cut or forged, is none. */
export function readOffer(packet: Buffer, transaction: number): Offer | undefined {
  if (packet.length < FIXED_BYTES + 3 || packet.readUInt8(0) !== 2) return undefined;
  if (packet.readUInt32BE(4) !== transaction || packet.readUInt32BE(236) !== MAGIC) return undefined;
  const options = optionsOf(packet.subarray(FIXED_BYTES));
  if (options.get(OPTION.type)?.[0] !== TYPE.offer) return undefined;
  const server = options.get(OPTION.server);
  return {
    server: server?.length === 4 ? dotted(server) : dotted(packet.subarray(20, 24)),
    address: dotted(packet.subarray(16, 20)),
  };
}

function optionsOf(bytes: Buffer): ReadonlyMap<number, Buffer> {
  const found = new Map<number, Buffer>();
  for (let at = 0; at < bytes.length;) {
    const code = bytes[at]!;
    if (code === OPTION.end) break;
    if (code === OPTION.pad) {
      at += 1;
      continue;
    }
    const length = bytes[at + 1];
    if (length === undefined || at + 2 + length > bytes.length) break;
    found.set(code, bytes.subarray(at + 2, at + 2 + length));
    at += 2 + length;
  }
  return found;
}

const dotted = (bytes: Uint8Array): string => [...bytes].join(".");
