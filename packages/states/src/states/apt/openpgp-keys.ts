/**
 * The keys in an OpenPGP keyring, by their fingerprints: as much of RFC 9580 as
 * that takes. Nothing is trusted here; apt checks what the keys have signed.
 */
import { createHash } from "node:crypto";

import { BomaError } from "@boma/protocol";

const KEYRING_BYTES_MAX = 1024 * 1024;
const PACKETS_MAX = 20_000;
const PUBLIC_KEY = 6;
const SECRET_KEYS: readonly number[] = [5, 7];

const unreadable = (why: string): BomaError =>
  new BomaError("state/params", `the keyring cannot be read: ${why}`, {
    hint: "Give the publisher's key as it is published: armoured text, or its bytes in base64.",
  });

/** The bytes of a keyring that is armoured text, or base64 of the bytes. */
export function keyringBytes(text: string): Uint8Array {
  if (text.length > KEYRING_BYTES_MAX * 2) throw unreadable("it is larger than a keyring may be");
  const armoured = /-----BEGIN PGP PUBLIC KEY BLOCK-----\r?\n([\s\S]*?)-----END PGP PUBLIC KEY BLOCK-----/g;
  const blocks = [...text.matchAll(armoured)].map(([, body = ""]) => bodyOf(body));
  const bytes = blocks.length > 0 ? Buffer.concat(blocks) : fromBase64(text);
  if (bytes.length > KEYRING_BYTES_MAX) throw unreadable("it is larger than a keyring may be");
  return new Uint8Array(bytes);
}

/** What stands after the headers, without the checksum. */
function bodyOf(body: string): Buffer {
  const lines = body.split(/\r?\n/).map((line) => line.trim());
  const headers = lines.findIndex((line) => line === "");
  const rows = lines.slice(headers + 1).filter((line) => line !== "" && !line.startsWith("="));
  return fromBase64(rows.join(""));
}

function fromBase64(text: string): Buffer {
  const plain = text.replaceAll(/\s+/g, "");
  if (plain === "" || !/^[A-Za-z0-9+/]+={0,2}$/.test(plain))
    throw unreadable("it is neither armoured nor base64");
  return Buffer.from(plain, "base64");
}

/** Fingerprints in capitals, each once, in their order. Subkeys count with the key that they belong to. */
export function fingerprintsOf(keyring: Uint8Array): string[] {
  const found = new Set<string>();
  for (const { tag, body } of packetsOf(keyring)) {
    if (SECRET_KEYS.includes(tag)) throw unreadable("it holds a secret key");
    if (tag === PUBLIC_KEY) found.add(fingerprintOf(body));
  }
  if (found.size === 0) throw unreadable("no key is in it");
  return [...found];
}

function fingerprintOf(body: Uint8Array): string {
  const version = body[0];
  const length = Buffer.alloc(4);
  length.writeUInt32BE(body.length);
  if (version === 4)
    return createHash("sha1")
      .update(Buffer.from([0x99]))
      .update(length.subarray(2))
      .update(body)
      .digest("hex")
      .toUpperCase();
  if (version === 6)
    return createHash("sha256")
      .update(Buffer.from([0x9b]))
      .update(length)
      .update(body)
      .digest("hex")
      .toUpperCase();
  throw unreadable(`a key of version ${version ?? "nothing"} is in it`);
}

interface Packet {
  readonly tag: number;
  readonly body: Uint8Array;
}

function* packetsOf(bytes: Uint8Array): Generator<Packet> {
  let at = 0;
  for (let count = 0; at < bytes.length; count++) {
    if (count >= PACKETS_MAX) throw unreadable("it has more packets than a keyring may");
    const head = headAt(bytes, at);
    const end = head.start + head.length;
    if (end > bytes.length) throw unreadable("a packet is cut off");
    yield { tag: head.tag, body: bytes.subarray(head.start, end) };
    at = end;
  }
}

interface Head {
  readonly tag: number;
  readonly start: number;
  readonly length: number;
}

function headAt(bytes: Uint8Array, at: number): Head {
  const first = bytes[at]!;
  if ((first & 0x80) === 0) throw unreadable("what is in it is not OpenPGP");
  return (first & 0x40) === 0 ? oldHead(bytes, at) : newHead(bytes, at);
}

function oldHead(bytes: Uint8Array, at: number): Head {
  const tag = (bytes[at]! >> 2) & 0x0f;
  const width = [1, 2, 4][bytes[at]! & 0x03];
  if (width === undefined) throw unreadable("a packet has no length");
  return { tag, start: at + 1 + width, length: numberAt(bytes, at + 1, width) };
}

function newHead(bytes: Uint8Array, at: number): Head {
  const tag = bytes[at]! & 0x3f;
  const first = numberAt(bytes, at + 1, 1);
  if (first < 192) return { tag, start: at + 2, length: first };
  if (first < 224)
    return { tag, start: at + 3, length: ((first - 192) << 8) + numberAt(bytes, at + 2, 1) + 192 };
  if (first === 255) return { tag, start: at + 6, length: numberAt(bytes, at + 2, 4) };
  throw unreadable("a packet comes in parts, which no key does");
}

function numberAt(bytes: Uint8Array, at: number, width: number): number {
  if (at + width > bytes.length) throw unreadable("a packet is cut off");
  return Buffer.from(bytes.buffer, bytes.byteOffset + at, width).readUIntBE(0, width);
}
