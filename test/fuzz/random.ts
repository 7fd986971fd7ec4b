/** Chance that can be had again from its seed, and what it does to bytes. */
export interface Random {
  /** A whole number from 0 up to and without `bound`. */
  below(bound: number): number;
}

/** mulberry32: small, and good enough to choose where to break things. */
export function randomFrom(seed: number): Random {
  let state = seed >>> 0;
  return {
    below(bound) {
      state = (state + 0x6d2b79f5) >>> 0;
      let mixed = Math.imul(state ^ (state >>> 15), state | 1);
      mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
      return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296) * bound);
    },
  };
}

/** Bytes that mean something to one of the readers: msgpack's heads, quotes, brackets, operators. */
const INTERESTING = Buffer.concat([
  Buffer.from([0, 1, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xc1, 0xc4, 0xc6, 0xc7, 0xca, 0xcf]),
  Buffer.from([0xd4, 0xd6, 0xd8, 0xd9, 0xdb, 0xdc, 0xdd, 0xde, 0xdf, 0xe0, 0xff, 0x69, 0x70, 0x72]),
  Buffer.from(" \n\t'\"\\()[]{}*+?|^$.:,;@=<>!-_&#/0129aAzZ\u00e9\u202e"),
]);

type Change = (bytes: Buffer, random: Random) => Buffer;

const spliced = (bytes: Buffer, at: number, remove: number, insert: Uint8Array): Buffer =>
  Buffer.concat([bytes.subarray(0, at), insert, bytes.subarray(at + remove)]);
const part = (bytes: Buffer, random: Random): Buffer => {
  const at = random.below(bytes.length + 1);
  return bytes.subarray(at, at + random.below(32));
};

const changes: readonly Change[] = [
  (bytes, random) => {
    const copy = Buffer.from(bytes);
    if (copy.length > 0) copy[random.below(copy.length)]! ^= 1 << random.below(8);
    return copy;
  },
  (bytes, random) => {
    const copy = Buffer.from(bytes);
    if (copy.length > 0) copy[random.below(copy.length)] = INTERESTING[random.below(INTERESTING.length)]!;
    return copy;
  },
  (bytes, random) =>
    spliced(
      bytes,
      random.below(bytes.length + 1),
      0,
      Buffer.of(INTERESTING[random.below(INTERESTING.length)]!),
    ),
  (bytes, random) => spliced(bytes, random.below(bytes.length + 1), random.below(8), Buffer.alloc(0)),
  (bytes, random) => bytes.subarray(0, random.below(bytes.length + 1)),
  (bytes, random) => spliced(bytes, random.below(bytes.length + 1), 0, part(bytes, random)),
  (bytes, random) => {
    const again = part(bytes, random);
    const times = random.below(64);
    return spliced(
      bytes,
      random.below(bytes.length + 1),
      0,
      Buffer.concat(Array.from({ length: times }, () => again)),
    );
  },
];

/** One to six changes, each at a place of chance. */
export function damage(input: Uint8Array, random: Random): Uint8Array {
  let bytes: Buffer = Buffer.from(input);
  for (let left = 1 + random.below(6); left > 0; left--)
    bytes = changes[random.below(changes.length)]!(bytes, random);
  return new Uint8Array(bytes);
}

/** Mostly something of the corpus, changed; now and then nothing but chance. */
export function nextInput(corpus: readonly Uint8Array[], random: Random): Uint8Array {
  if (random.below(10) > 0) return damage(corpus[random.below(corpus.length)]!, random);
  return Uint8Array.from({ length: random.below(200) }, () => random.below(256));
}
