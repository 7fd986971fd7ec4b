/**
 * Goal: what `open` lets through was meant, by a trusted sender, for this
 * receiver, now. Method: one valid frame is spoilt in one way at a time, and
 * each way has its own code. Where two checks would both refuse, the earlier
 * one must speak: the order is the defence.
 */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { z } from "zod";

import { Bytes, pack } from "./codec.ts";
import { defineMessage, ENVELOPE_VERSION, open, type OpenOptions, readFrame, seal } from "./envelope.ts";
import { BomaError, type ErrorCode } from "./errors.ts";
import { newNonce } from "./ids.ts";
import { newSigningKey, sameBytes, signBytes, type SigningKey } from "./keys.ts";
import { CLOCK_AHEAD_MS_MAX, MESSAGE_AGE_MS_MAX, PAYLOAD_BYTES_MAX } from "./limits.ts";

const Note = defineMessage({
  kind: "test.note",
  schema: 3,
  bytesMax: 2048,
  body: z.strictObject({ text: z.string(), data: z.unknown().optional(), raw: Bytes.optional() }),
});
/** The same length of name, so that its bytes can stand in for the other's. */
const Vote = defineMessage({ ...Note, kind: "test.vote" });

const NOW = Date.UTC(2026, 0, 1);
const sender = newSigningKey();
const stranger = newSigningKey();
const receiving: OpenOptions = { trusts: (key) => sameBytes(key, sender.publicKey), to: "master", now: NOW };
const sealing = { to: "master", key: sender, now: NOW };
const body = { text: "hello" };
const frame = seal(Note, body, sealing);

/** Where the parts of a frame of one of these two kinds begin. */
const AT = { version: 4, kindLength: 5, kind: 6, sender: 15, signature: 47, length: 111, bytes: 115 };

function codeOf(act: () => unknown): ErrorCode {
  try {
    act();
  } catch (thrown) {
    if (thrown instanceof BomaError) return thrown.code;
    throw thrown;
  }
  throw new Error("it was accepted");
}
const refusal = (data: Uint8Array, options: Partial<OpenOptions> = {}): ErrorCode =>
  codeOf(() => open(Note, data, { ...receiving, ...options }));

const patched = (data: Uint8Array, at: number, bytes: Uint8Array | readonly number[]): Uint8Array => {
  const copy = Uint8Array.from(data);
  copy.set(bytes, at);
  return copy;
};

/** A frame whose signature is right, whatever the bytes in it are. */
function frameOf(bytes: Uint8Array, options: { kind?: string; key?: SigningKey } = {}): Uint8Array {
  const { kind = Note.kind, key = sender } = options;
  const length = Buffer.alloc(4);
  length.writeUInt32BE(bytes.length);
  return Buffer.concat([
    Buffer.from("boma"),
    Buffer.from([ENVELOPE_VERSION, kind.length]),
    Buffer.from(kind),
    key.publicKey,
    signBytes(Buffer.concat([Buffer.from(`boma/1/${kind}\0`), bytes]), key),
    length,
    bytes,
  ]);
}

const envelope = (change: object = {}): Record<string, unknown> => ({
  v: Note.schema,
  to: "master",
  at: NOW,
  expires: NOW + 1000,
  nonce: newNonce(),
  body,
  ...change,
});
const signed = (change: object): Uint8Array => frameOf(pack(envelope(change)));

describe("a valid message", () => {
  test("opens as it was sealed, with its sender", () => {
    const nonce = newNonce();
    const sent = seal(Note, { ...body, raw: Uint8Array.of(0, 255) }, { ...sealing, nonce, expires: NOW + 5 });
    expect(open(Note, sent, receiving)).toEqual({
      v: 3,
      to: "master",
      at: NOW,
      expires: NOW + 5,
      nonce,
      body: { text: "hello", raw: Uint8Array.of(0, 255) },
      sender: sender.publicKey,
    });
  });

  test("holds any plain data", () => {
    // JSON.parse makes -0 and __proto__, which msgpack cannot say or we refuse.
    const plain = fc
      .jsonValue({ maxDepth: 5 })
      .filter((value) => !/-0\b|__proto__/.test(fc.stringify(value)));
    fc.assert(
      fc.property(plain, fc.string(), (data, text) => {
        const sent = seal({ ...Note, bytesMax: PAYLOAD_BYTES_MAX }, { text, data }, sealing);
        expect(open({ ...Note, bytesMax: PAYLOAD_BYTES_MAX }, sent, receiving).body).toEqual({ text, data });
      }),
      { numRuns: 200 },
    );
  });

  test("lives for five minutes where nothing else is said, and has a nonce of its own", () => {
    const [one, other] = [seal(Note, body, sealing), seal(Note, body, sealing)].map((data) =>
      open(Note, data, receiving),
    );
    expect(one!.expires).toBe(NOW + MESSAGE_AGE_MS_MAX);
    expect(one!.nonce).not.toEqual(other!.nonce);
  });

  test("opens from the middle of a larger buffer", () => {
    const larger = Buffer.concat([Buffer.from("before"), frame, Buffer.from("behind")]);
    expect(open(Note, larger.subarray(6, 6 + frame.length), receiving).body).toEqual(body);
  });

  test("keeps its sender when the buffer it came in is used again", () => {
    const buffer = Uint8Array.from(frame);
    const opened = open(Note, buffer, receiving);
    buffer.fill(0);
    expect(opened.sender).toEqual(sender.publicKey);
  });

  test("is verified as its bytes came: an encoding that nobody here would write still opens", () => {
    const { v, ...rest } = envelope();
    const canonical = pack(rest);
    // The map says its size in four bytes and `v` is an 8-byte integer, at the end.
    const longWinded = Buffer.concat([
      Buffer.from([0xdf, 0, 0, 0, 6]),
      canonical.subarray(1),
      Buffer.from([0xd9, 1, 0x76, 0xcf, 0, 0, 0, 0, 0, 0, 0, v as number]),
    ]);
    expect(open(Note, frameOf(longWinded), receiving)).toMatchObject({ v: 3, body });
  });
});

describe("size", () => {
  test("is judged before anything else", () => {
    expect(refusal(new Uint8Array(Note.bytesMax + 1))).toBe("wire/size");
    expect(refusal(new Uint8Array(Note.bytesMax))).toBe("wire/frame");
  });

  test("binds the sender as well", () => {
    const room = Note.bytesMax - seal(Note, { text: "" }, sealing).length;
    expect(codeOf(() => seal(Note, { text: "x".repeat(room + 4) }, sealing))).toBe("wire/size");
    expect(seal(Note, { text: "x".repeat(room - 4) }, sealing).length).toBeLessThanOrEqual(Note.bytesMax);
  });

  test("is at most the bus's own where a kind does not say less", () => {
    expect(defineMessage({ kind: "test.free", schema: 1, body: z.null() }).bytesMax).toBe(PAYLOAD_BYTES_MAX);
  });
});

describe("frame", () => {
  test("a cut at any byte is refused as no frame", () => {
    for (let length = 0; length < frame.length; length++)
      expect(refusal(frame.subarray(0, length)), `cut to ${length} bytes`).toBe("wire/frame");
  });

  test("bytes behind the end are refused", () => {
    expect(refusal(Buffer.concat([frame, Buffer.of(0)]))).toBe("wire/frame");
    expect(refusal(Buffer.concat([frame, frame]))).toBe("wire/frame");
  });

  test("each byte of the magic counts", () => {
    for (let at = 0; at < 4; at++) expect(refusal(patched(frame, at, [frame[at]! ^ 1]))).toBe("wire/frame");
  });

  test("a kind of no length or of more than forty bytes is refused", () => {
    expect(refusal(patched(frame, AT.kindLength, [0]))).toBe("wire/frame");
    expect(codeOf(() => open({ ...Note, kind: "" }, frameOf(pack(1), { kind: "" }), receiving))).toBe(
      "wire/frame",
    );
    const kind = "k".repeat(41);
    expect(codeOf(() => open({ ...Note, kind }, frameOf(pack(1), { kind }), receiving))).toBe("wire/frame");
    expect(readFrame(frameOf(pack(1), { kind: "k".repeat(40) })).kind).toBe("k".repeat(40));
  });

  test("a body length of four gigabytes is refused and not looked for", () => {
    expect(refusal(patched(frame, AT.length, [255, 255, 255, 255]))).toBe("wire/frame");
  });

  test("is taken apart into exactly its parts", () => {
    expect(readFrame(frame)).toEqual({
      kind: "test.note",
      sender: Buffer.from(sender.publicKey),
      signature: Buffer.from(frame.subarray(AT.signature, AT.length)),
      bytes: Buffer.from(frame.subarray(AT.bytes)),
    });
  });
});

describe("the order of the checks", () => {
  /** Each spoils one thing more than the one before is spoilt by: the first named must win over all below it. */
  const tooLong = (data: Uint8Array) => Buffer.concat([data, new Uint8Array(Note.bytesMax)]);
  const foreign = frameOf(Buffer.from("no msgpack"), { key: stranger });
  const unsigned = patched(foreign, AT.signature, [foreign[AT.signature]! ^ 1]);
  const otherKind = patched(unsigned, AT.kind, Buffer.from("test.vote"));
  const otherVersion = patched(otherKind, AT.version, [2]);
  const noMagic = patched(otherVersion, 0, [0]);
  const rows: [ErrorCode, Uint8Array, Partial<OpenOptions>?][] = [
    ["wire/size", tooLong(noMagic)],
    ["wire/frame", noMagic],
    ["wire/version", otherVersion],
    ["wire/kind", otherKind],
    ["wire/sender", unsigned],
    ["wire/signature", unsigned, { trusts: () => true }],
    ["wire/frame", foreign, { trusts: () => true }],
    ["wire/schema", signed({ to: "other", expires: 0, extra: 1 })],
    ["wire/recipient", signed({ to: "other", expires: 0 })],
    ["wire/expired", signed({ expires: 0 })],
  ];
  test.each(rows)("%s comes before all that follows it", (code, data, options) => {
    expect(refusal(data, options)).toBe(code);
  });

  test("a message of another kind does not reach the question whether its sender is trusted", () => {
    const asked: Uint8Array[] = [];
    const trusts = (key: Uint8Array) => asked.push(key) > 0;
    refusal(seal(Vote, body, sealing), { trusts });
    expect(asked).toEqual([]);
    open(Note, frame, { ...receiving, trusts });
    expect(asked.map((key) => new Uint8Array(key))).toEqual([sender.publicKey]);
  });

  test("what `trusts` throws is what the caller sees", () => {
    const why = new BomaError("node/unknown", "gone");
    const trusts = () => {
      throw why;
    };
    expect(() => open(Note, frame, { ...receiving, trusts })).toThrow(why);
  });
});

describe("signature", () => {
  test("any flipped bit anywhere in the frame is refused", () => {
    for (let bit = 0; bit < frame.length * 8; bit++) {
      const at = bit >> 3;
      const spoilt = patched(frame, at, [frame[at]! ^ (1 << (bit & 7))]);
      const code = refusal(spoilt, { trusts: () => true });
      if (at >= AT.sender && (at < AT.length || at >= AT.bytes))
        expect(code, `bit ${bit}`).toBe("wire/signature");
    }
  });

  test("any other change of bytes is refused too", () => {
    const change = fc.tuple(fc.nat(frame.length - 1), fc.uint8Array({ minLength: 1, maxLength: 40 }));
    fc.assert(
      fc.property(fc.array(change, { minLength: 1, maxLength: 3 }), (changes) => {
        const spoilt = Uint8Array.from(frame);
        for (const [at, bytes] of changes) spoilt.set(bytes.slice(0, frame.length - at), at);
        fc.pre(!Buffer.from(spoilt).equals(frame));
        expect(refusal(spoilt, { trusts: () => true })).toMatch(/^wire\/(frame|version|kind|signature)$/);
      }),
      { numRuns: 500 },
    );
  });

  test("a stranger's good signature is not a trusted sender", () => {
    expect(refusal(seal(Note, body, { ...sealing, key: stranger }))).toBe("wire/sender");
  });

  test("a stranger cannot put a trusted sender's key over his own signature", () => {
    const forged = patched(seal(Note, body, { ...sealing, key: stranger }), AT.sender, sender.publicKey);
    expect(refusal(forged)).toBe("wire/signature");
  });

  test("a signature made for one kind does not pass for another, even with the kind's bytes swapped", () => {
    const vote = seal(Vote, body, sealing);
    expect(open(Vote, vote, receiving).body).toEqual(body);
    expect(refusal(vote)).toBe("wire/kind");
    expect(refusal(patched(vote, AT.kind, Buffer.from(Note.kind)))).toBe("wire/signature");
  });

  test("a signature over the bytes alone, without the protocol's own words, is refused", () => {
    const bytes = pack(envelope());
    const bare = patched(frameOf(bytes), AT.signature, signBytes(bytes, sender));
    expect(refusal(bare)).toBe("wire/signature");
  });
});

describe("recipient and time", () => {
  test("a message to another is refused, and so is one to nobody in particular", () => {
    expect(refusal(seal(Note, body, { ...sealing, to: "UOTHER" }))).toBe("wire/recipient");
    expect(refusal(seal(Note, body, { ...sealing, to: "-" }))).toBe("wire/recipient");
  });

  test("the last millisecond of its life still counts, and the next one does not", () => {
    const data = seal(Note, body, { ...sealing, expires: NOW + 10 });
    expect(open(Note, data, { ...receiving, now: NOW + 10 }).body).toEqual(body);
    expect(refusal(data, { now: NOW + 11 })).toBe("wire/expired");
  });

  test("a clock may run ahead by its bound and by no more", () => {
    expect(open(Note, frame, { ...receiving, now: NOW - CLOCK_AHEAD_MS_MAX }).body).toEqual(body);
    expect(refusal(frame, { now: NOW - CLOCK_AHEAD_MS_MAX - 1 })).toBe("wire/expired");
  });

  test("a receiver without a clock takes any date, but no other recipient", () => {
    expect(open(Note, signed({ expires: 0 }), { ...receiving, now: null }).body).toEqual(body);
    expect(refusal(signed({ to: "x" }), { now: null })).toBe("wire/recipient");
  });
});

describe("schema", () => {
  const short = newNonce().subarray(1);
  const without = (key: string): Uint8Array => {
    const { [key]: _, ...rest } = envelope();
    return frameOf(pack(rest));
  };
  const rows: [string, Uint8Array][] = [
    ["an unknown field in the envelope", signed({ extra: 1 })],
    ["an unknown field in the body", signed({ body: { ...body, extra: 1 } })],
    ["an older schema version", signed({ v: 2 })],
    ["a newer schema version", signed({ v: 4 })],
    ["a version that is text", signed({ v: "3" })],
    ["a nonce of fifteen bytes", signed({ nonce: short })],
    ["a nonce that is text", signed({ nonce: "x".repeat(16) })],
    ["a negative date", signed({ at: -1 })],
    ["a date between two milliseconds", signed({ at: NOW + 0.5 })],
    ["an expiry that is not a number", signed({ expires: Number.NaN })],
    ["an endless expiry", signed({ expires: Number.POSITIVE_INFINITY })],
    ["a recipient of many letters", signed({ to: "m".repeat(81) })],
    ["a body of another type", signed({ body: { text: 1 } })],
    ["bytes where a list stands", signed({ body: { ...body, raw: [1, 2] } })],
    ["a list instead of an envelope", frameOf(pack([3, "master"]))],
    ["nothing", frameOf(pack(null))],
    ...["v", "to", "at", "expires", "nonce", "body"].map((key): [string, Uint8Array] => [
      `no ${key}`,
      without(key),
    ]),
  ];
  test.each(rows)("%s is refused", (_, data) => {
    expect(refusal(data)).toBe("wire/schema");
  });
});

test("msgpack that is more than plain data is refused even from a trusted sender", () => {
  const marker = Buffer.from("here-it-comes");
  const bytes = Buffer.from(pack(envelope({ body: { ...body, data: marker.toString() } })));
  const at = bytes.indexOf(Buffer.concat([Buffer.of(0xa0 + marker.length), marker]));
  const carrying = (value: string) =>
    frameOf(
      Buffer.concat([
        bytes.subarray(0, at),
        Buffer.from(value, "hex"),
        bytes.subarray(at + 1 + marker.length),
      ]),
    );
  expect(open(Note, carrying("9301a161c3"), receiving).body.data).toEqual([1, "a", true]);
  const date = "d6ff00000001";
  const set = "d473009101";
  const shared = "92d669000000019101d67000000001";
  const prototype = "81a95f5f70726f746f5f5f81a16101";
  const deep = `${"91".repeat(30)}01`;
  for (const value of [date, set, shared, prototype, deep, "ddffffffff"])
    expect(refusal(carrying(value)), value).toBe("wire/frame");
});
