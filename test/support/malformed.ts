/**
 * All the ways in which a message can be wrong in the hands of somebody who holds the key that signs it: each one
 * breaks a single thing, and is otherwise as good as a message can be.
 */
import {
  type MessageKind,
  newNonce,
  newSigningKey,
  open,
  pack,
  PAYLOAD_BYTES_MAX,
  seal,
  signBytes,
  type SigningKey,
} from "@boma/protocol";
import type { z } from "zod";

import { randomFrom } from "../fuzz/random.ts";

export interface Malformed {
  readonly name: string;
  readonly bytes: Uint8Array;
}

/** Whom the messages are for, who signs them, and what the server lets through at all. */
interface Wire {
  readonly to: string;
  readonly key: SigningKey;
  /** Where the reader's clock counts, what is over or yet to come is wrong as well. */
  readonly timed?: boolean;
  readonly bytesMax?: number;
}

interface Head {
  readonly magic?: string;
  readonly version?: number;
  readonly kind?: Uint8Array;
  readonly kindLength?: number;
  readonly signedAs?: string;
  readonly sender?: Uint8Array;
  readonly signature?: Uint8Array;
  readonly length?: number;
}

type Framed = (packed: Uint8Array, head?: Head) => Uint8Array;

/** A frame as `seal` makes it, but for what `head` says. */
const framedBy =
  (kind: string, key: SigningKey): Framed =>
  (packed, head = {}) => {
    const name = head.kind ?? Buffer.from(kind);
    const length = Buffer.alloc(4);
    length.writeUInt32BE(head.length ?? packed.length);
    const signed = Buffer.concat([Buffer.from(`boma/1/${head.signedAs ?? kind}\0`), packed]);
    return Buffer.concat([
      Buffer.from(head.magic ?? "boma"),
      Buffer.from([head.version ?? 1, head.kindLength ?? name.length]),
      name,
      head.sender ?? key.publicKey,
      head.signature ?? signBytes(signed, key),
      length,
      packed,
    ]);
  };

const named = (group: string, made: Readonly<Record<string, Uint8Array>>): Malformed[] =>
  Object.entries(made).map(([name, bytes]) => ({ name: `${group}: ${name}`, bytes }));

const chance = (bytes: number): Uint8Array => {
  const random = randomFrom(bytes);
  return Uint8Array.from({ length: bytes }, () => random.below(256));
};

const noFrames = (good: Uint8Array): Malformed[] =>
  named("no frame", {
    nothing: Buffer.alloc(0),
    "one byte": Buffer.of(0x62),
    "64 bytes of chance": chance(64),
    "8 KiB of chance": chance(8192),
    text: Buffer.from("let me in"),
    JSON: Buffer.from('{"v":1,"to":"master","body":{}}'),
    "NATS's own words": Buffer.from("PUB boma.rec.node.x 2\r\nhi\r\nPING\r\n"),
    "the magic alone": Buffer.from("boma"),
    ...Object.fromEntries(
      [5, 6, 12, 40, 80, 130, good.length - 1].map((at) => [`cut after ${at} bytes`, good.subarray(0, at)]),
    ),
    "a byte too many": Buffer.concat([good, Buffer.of(0)]),
    "itself twice": Buffer.concat([good, good]),
    "something before it": Buffer.concat([Buffer.of(0), good]),
  });

const wrongHeads = (framed: Framed, packed: Uint8Array, kind: string): Malformed[] =>
  named("wrong head", {
    magic: framed(packed, { magic: "BOMA" }),
    "version 0": framed(packed, { version: 0 }),
    "version 2": framed(packed, { version: 2 }),
    "version 255": framed(packed, { version: 255 }),
    "no kind": framed(packed, { kind: Buffer.alloc(0) }),
    "a kind that is too long": framed(packed, { kind: Buffer.alloc(200, "k") }),
    "a kind of another length": framed(packed, { kindLength: kind.length + 1 }),
    "a kind that ends in NUL": framed(packed, { kind: Buffer.from(`${kind}\0`) }),
    "a kind that nobody knows": framed(packed, { kind: Buffer.from("master.order") }),
    "no length": framed(packed, { length: 0 }),
    "a length of 4 GiB": framed(packed, { length: 0xff_ff_ff_ff }),
    "a length that is one short": framed(packed, { length: packed.length - 1 }),
  });

const wrongHands = (framed: Framed, packed: Uint8Array, good: Uint8Array): Malformed[] => {
  const other = newSigningKey();
  const flipped = Buffer.from(good);
  flipped[flipped.length - packed.length - 40]! ^= 1;
  const altered = Buffer.from(good);
  altered[altered.length - 1]! ^= 1;
  return named("wrong hand", {
    "another's key in its own name": framed(packed, {
      sender: other.publicKey,
      signature: signBytes(packed, other),
    }),
    "another's key in our name": framed(packed, { signature: signBytes(packed, other) }),
    "a key of zeros": framed(packed, { sender: new Uint8Array(32) }),
    "a signature of zeros": framed(packed, { signature: new Uint8Array(64) }),
    "a signature with one bit changed": flipped,
    "bytes that changed after the signature": altered,
    "a signature for another kind": framed(packed, { signedAs: "node.other" }),
  });
};

/** The ninth of these lists would have had ten to the eighth members once. */
const references = Buffer.from(`99d669000000009101${"d67000000000".repeat(8)}`, "hex");

const wrongBytes = (framed: Framed, packed: Uint8Array): Malformed[] =>
  named("signed, and no message", {
    "no bytes": framed(Buffer.alloc(0)),
    "no msgpack": framed(Buffer.of(0xc1)),
    "cut msgpack": framed(packed.subarray(0, packed.length - 1)),
    "bytes behind it": framed(Buffer.concat([packed, Buffer.of(0xc0)])),
    null: framed(Buffer.of(0xc0)),
    "a number": framed(pack(7)),
    "a text": framed(pack("envelope")),
    "a list": framed(pack([])),
    "an empty map": framed(pack({})),
    "a list of 4 G members": framed(Buffer.of(0xdd, 255, 255, 255, 255)),
    "a map of 4 G members": framed(Buffer.of(0xdf, 255, 255, 255, 255)),
    "a text of 4 GiB": framed(Buffer.of(0xdb, 255, 255, 255, 255, 0x61)),
    "8,000 lists within each other": framed(Buffer.concat([Buffer.alloc(8000, 0x91), Buffer.of(0xc0)])),
    "8,000 maps within each other": framed(
      Buffer.concat([Buffer.alloc(16_000, "\x81\xa0", "latin1"), packed]),
    ),
    "references to itself": framed(references),
    "a record of msgpackr's own": framed(Buffer.of(0xd4, 0x72, 0x41, 0x91, 0xa1, 0x61, 5)),
    "a prototype": framed(Buffer.from("81a95f5f70726f746f5f5f81a16101", "hex")),
  });

const ODD: Readonly<Record<string, unknown>> = {
  null: null,
  "a boolean": true,
  "minus one": -1,
  "half a number": 0.5,
  "no number": Number.NaN,
  "an endless number": Number.POSITIVE_INFINITY,
  "a number beyond counting": 1e300,
  "an empty text": "",
  "a long text": "x".repeat(6000),
  "control characters": "\u001b[2J\r\n\0",
  "an empty list": [],
  "a list of a list": [[]],
  "an empty map": {},
  "a map": { a: { b: 1 } },
  bytes: new Uint8Array(3),
  "many bytes": new Uint8Array(5000),
};

/** Each field of an object in turn: gone, and as everything that it is not. */
function* oddly(whole: object): Generator<readonly [string, object]> {
  yield ["a field that nobody knows", { ...whole, more: 1 }];
  yield ["a field that is called constructor", { ...whole, constructor: { prototype: {} } }];
  for (const [field, value] of Object.entries(whole)) {
    yield [`without ${field}`, Object.fromEntries(Object.entries(whole).filter(([name]) => name !== field))];
    for (const [name, odd] of Object.entries(ODD)) yield [`${field} as ${name}`, { ...whole, [field]: odd }];
    if (typeof value === "string")
      yield [`${field} with more behind it`, { ...whole, [field]: `${value}\n` }];
  }
}

const MINUTE_MS = 60_000;

function wrongTimes(envelope: object, framed: Framed): Malformed[] {
  const now = Date.now();
  return named("wrong time", {
    "it is over": framed(pack({ ...envelope, at: now - 10 * MINUTE_MS, expires: now - 5 * MINUTE_MS })),
    "it is yet to come": framed(
      pack({ ...envelope, at: now + 60 * MINUTE_MS, expires: now + 90 * MINUTE_MS }),
    ),
  });
}

/** Everything that is wrong about a message of this kind with this body. What its schema takes is not among it. */
export function malformed<B extends z.ZodType>(
  kind: MessageKind<B>,
  body: z.input<B>,
  { to, key, timed = false, bytesMax = PAYLOAD_BYTES_MAX }: Wire,
): Malformed[] {
  const framed = framedBy(kind.kind, key);
  const good = seal(kind, body, { to, key });
  const now = Date.now();
  const envelope = { v: kind.schema, to, at: now, expires: now + 5 * MINUTE_MS, nonce: newNonce(), body };
  const packed = pack(envelope);
  const signed = (group: string, whole: object, inside: (odd: object) => object): Malformed[] =>
    [...oddly(whole)].map(([name, odd]) => ({ name: `${group}: ${name}`, bytes: framed(pack(inside(odd))) }));
  const huge = Buffer.alloc(Math.min(kind.bytesMax + 1, bytesMax - 1024), "x");
  const all = [
    ...noFrames(good),
    ...wrongHeads(framed, packed, kind.kind),
    ...wrongHands(framed, packed, good),
    ...wrongBytes(framed, packed),
    ...signed("envelope", envelope, (odd) => odd),
    ...signed("body", body as object, (odd) => ({ ...envelope, body: odd })),
    ...[0, 15, 17, 1000].map((bytes) => ({
      name: `envelope: a nonce of ${bytes} bytes`,
      bytes: framed(pack({ ...envelope, nonce: new Uint8Array(bytes) })),
    })),
    ...(timed ? wrongTimes(envelope, framed) : []),
    { name: "as much as the server lets through", bytes: framed(pack({ ...envelope, body: huge })) },
  ];
  return all.filter(({ bytes }) => bytes.length < bytesMax && isRefused(kind, bytes, { to, key, timed }));
}

function isRefused<B extends z.ZodType>(kind: MessageKind<B>, bytes: Uint8Array, wire: Wire): boolean {
  try {
    open(kind, bytes, {
      trusts: (sender) => Buffer.compare(sender, wire.key.publicKey) === 0,
      to: wire.to,
      now: wire.timed ? Date.now() : null,
    });
    return false;
  } catch {
    return true;
  }
}
