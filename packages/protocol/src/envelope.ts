/**
 * One envelope around every message. The bytes are signed once by the sender and
 * verified as they were received: nothing is packed again to be checked.
 *
 *   "boma" | version | kind length | kind | sender key 32 | signature 64 | body length 4 | body
 *
 * The order of the checks is the defence: size, frame, version, kind, sender,
 * signature, and only then msgpack and schema.
 */
import { z } from "zod";

import { pack, unpackHostile } from "./codec.ts";
import { BomaError } from "./errors.ts";
import { newNonce, Nonce } from "./ids.ts";
import { signBytes, type SigningKey, verifyBytes, verifyBytesAside } from "./keys.ts";
import { CLOCK_AHEAD_MS_MAX, MESSAGE_AGE_MS_MAX, PAYLOAD_BYTES_MAX } from "./limits.ts";

export const ENVELOPE_VERSION = 1;
const MAGIC = Buffer.from("boma");
const KIND_BYTES_MAX = 40;

/** One kind of message: its name, the version of its schema, the schema itself, its size. */
export interface MessageKind<B extends z.ZodType> {
  readonly kind: string;
  readonly schema: number;
  readonly body: B;
  readonly bytesMax: number;
  readonly envelope: z.ZodType<Envelope<z.output<B>>>;
}

export interface Envelope<B> {
  /** Schema version of the body. */
  readonly v: number;
  /** The recipient's name: a node key, `master`, or `-` where anybody may read it. */
  readonly to: string;
  /** Milliseconds since 1970 by the sender's clock. */
  readonly at: number;
  readonly expires: number;
  readonly nonce: Uint8Array;
  readonly body: B;
}

export interface Opened<B> extends Envelope<B> {
  readonly sender: Uint8Array;
}

export function defineMessage<B extends z.ZodType>(spec: {
  kind: string;
  schema: number;
  body: B;
  bytesMax?: number;
}): MessageKind<B> {
  const envelope = z.strictObject({
    v: z.literal(spec.schema),
    to: z.string().max(80),
    at: z.number().int().nonnegative(),
    expires: z.number().int().nonnegative(),
    nonce: Nonce,
    body: spec.body,
  });
  return {
    ...spec,
    bytesMax: spec.bytesMax ?? PAYLOAD_BYTES_MAX,
    envelope: envelope as unknown as z.ZodType<Envelope<z.output<B>>>,
  };
}

const signedBytes = (kind: string, bytes: Uint8Array): Uint8Array =>
  Buffer.concat([Buffer.from(`boma/1/${kind}\0`), bytes]);

export interface SealOptions {
  readonly to: string;
  readonly key: SigningKey;
  readonly now?: number;
  readonly expires?: number;
  readonly nonce?: Uint8Array;
}

export function seal<B extends z.ZodType>(
  kind: MessageKind<B>,
  body: z.input<B>,
  options: SealOptions,
): Uint8Array {
  const at = options.now ?? Date.now();
  const expires = options.expires ?? at + MESSAGE_AGE_MS_MAX;
  const envelope = { v: kind.schema, to: options.to, at, expires, nonce: options.nonce ?? newNonce(), body };
  const bytes = pack(envelope);
  const name = Buffer.from(kind.kind);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(bytes.length);
  const frame = Buffer.concat([
    MAGIC,
    Buffer.from([ENVELOPE_VERSION, name.length]),
    name,
    options.key.publicKey,
    signBytes(signedBytes(kind.kind, bytes), options.key),
    length,
    bytes,
  ]);
  if (frame.length > kind.bytesMax)
    throw new BomaError("wire/size", `a ${kind.kind} of ${frame.length} bytes exceeds ${kind.bytesMax}`);
  return frame;
}

export interface Frame {
  readonly kind: string;
  readonly sender: Uint8Array;
  readonly signature: Uint8Array;
  readonly bytes: Uint8Array;
}

/** Takes a frame apart without believing any of it. */
export function readFrame(data: Uint8Array): Frame {
  const frame = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
  if (frame.length < 6 || !frame.subarray(0, 4).equals(MAGIC))
    throw new BomaError("wire/frame", "the bytes do not begin as a boma message");
  if (frame[4] !== ENVELOPE_VERSION)
    throw new BomaError(
      "wire/version",
      `envelope version ${frame[4]} is not spoken here, only ${ENVELOPE_VERSION}`,
    );
  const kindLength = frame[5]!;
  const head = 6 + kindLength + 32 + 64;
  if (kindLength === 0 || kindLength > KIND_BYTES_MAX || frame.length < head + 4)
    throw new BomaError("wire/frame", "the message is cut short");
  const length = frame.readUInt32BE(head);
  if (frame.length !== head + 4 + length)
    throw new BomaError("wire/frame", "the message has another length than it says");
  return {
    kind: frame.toString("latin1", 6, 6 + kindLength),
    sender: frame.subarray(6 + kindLength, 6 + kindLength + 32),
    signature: frame.subarray(6 + kindLength + 32, head),
    bytes: frame.subarray(head + 4),
  };
}

/** Whether its sender signed it; what it says is not looked at. */
export const verifyFrame = ({ kind, bytes, signature, sender }: Frame): Promise<boolean> =>
  verifyBytesAside(signedBytes(kind, bytes), signature, sender);

export interface OpenOptions {
  /** May this key speak here? Throwing says why not. */
  readonly trusts: (sender: Uint8Array) => boolean;
  /** The receiver's own name; a message to anybody else is refused. */
  readonly to: string;
  /** The sender's time as far as the receiver knows it; `null` where no clock can be trusted yet. */
  readonly now: number | null;
}

export function open<B extends z.ZodType>(
  kind: MessageKind<B>,
  data: Uint8Array,
  options: OpenOptions,
): Opened<z.output<B>> {
  const frame = frameOf(kind, data, options);
  const signed = signedBytes(kind.kind, frame.bytes);
  return read(kind, frame, { ...options, holds: verifyBytes(signed, frame.signature, frame.sender) });
}

/** The same, the signature looked at in one of Node's threads: for whoever opens thousands of them. */
export async function openAside<B extends z.ZodType>(
  kind: MessageKind<B>,
  data: Uint8Array,
  options: OpenOptions,
): Promise<Opened<z.output<B>>> {
  const frame = frameOf(kind, data, options);
  return read(kind, frame, { ...options, holds: await verifyFrame(frame) });
}

/** What is cheap to refuse goes before the signature. */
function frameOf(kind: MessageKind<z.ZodType>, data: Uint8Array, { trusts }: OpenOptions): Frame {
  if (data.length > kind.bytesMax)
    throw new BomaError("wire/size", `${data.length} bytes exceed the ${kind.bytesMax} of a ${kind.kind}`);
  const frame = readFrame(data);
  if (frame.kind !== kind.kind)
    throw new BomaError("wire/kind", `expected a ${kind.kind}, got ${JSON.stringify(frame.kind)}`);
  if (!trusts(frame.sender))
    throw new BomaError("wire/sender", `the sender of this ${kind.kind} is not trusted`);
  return frame;
}

function read<B extends z.ZodType>(
  kind: MessageKind<B>,
  frame: Frame,
  options: OpenOptions & { readonly holds: boolean },
): Opened<z.output<B>> {
  if (!options.holds)
    throw new BomaError("wire/signature", `the signature of this ${kind.kind} does not fit`);
  const parsed = kind.envelope.safeParse(unpackHostile(frame.bytes));
  if (!parsed.success)
    throw new BomaError(
      "wire/schema",
      `this ${kind.kind} does not fit its schema: ${z.prettifyError(parsed.error)}`,
    );
  assertMeantNow(kind.kind, parsed.data, options);
  return { ...parsed.data, sender: new Uint8Array(frame.sender) };
}

function assertMeantNow(kind: string, envelope: Envelope<unknown>, { to, now }: OpenOptions): void {
  if (envelope.to !== to)
    throw new BomaError("wire/recipient", `this ${kind} is meant for ${JSON.stringify(envelope.to)}`);
  if (now === null) return;
  if (now > envelope.expires)
    throw new BomaError("wire/expired", `this ${kind} expired ${now - envelope.expires} ms ago`);
  if (envelope.at > now + CLOCK_AHEAD_MS_MAX)
    throw new BomaError("wire/expired", `this ${kind} is dated ${envelope.at - now} ms in the future`);
}
