/** The few forms of DER that a certificate and a request are written in. */

export type Der = Uint8Array;

function tagged(tag: number, ...parts: readonly Der[]): Der {
  const body = Buffer.concat(parts);
  return Buffer.concat([Uint8Array.of(tag, ...lengthOf(body.length)), body]);
}

function lengthOf(bytes: number): number[] {
  if (bytes < 0x80) return [bytes];
  const digits: number[] = [];
  for (let left = bytes; left > 0; left >>>= 8) digits.unshift(left & 0xff);
  return [0x80 | digits.length, ...digits];
}

export const sequence = (...parts: readonly Der[]): Der => tagged(0x30, ...parts);
export const set = (...parts: readonly Der[]): Der => tagged(0x31, ...parts);
export const bits = (bytes: Der, unused = 0): Der => tagged(0x03, Uint8Array.of(unused), bytes);
export const octets = (...parts: readonly Der[]): Der => tagged(0x04, ...parts);
export const nothing = (): Der => tagged(0x05);
export const yes = (): Der => tagged(0x01, Uint8Array.of(0xff));
export const utf8 = (text: string): Der => tagged(0x0c, Buffer.from(text, "utf8"));
/** A field with a number of its own, around others. */
export const field = (number: number, ...parts: readonly Der[]): Der => tagged(0xa0 | number, ...parts);
/** A field with a number of its own in the place of its tag. */
export const plain = (number: number, bytes: Der): Der => tagged(0x80 | number, bytes);

/** A number that is not negative, highest byte first. */
export function integer(bytes: Der): Der {
  const first = bytes.findIndex((byte) => byte !== 0);
  const digits = first === -1 ? Uint8Array.of(0) : bytes.subarray(first);
  // The highest bit would be a sign.
  return tagged(0x02, ...(digits[0]! >= 0x80 ? [Uint8Array.of(0)] : []), digits);
}

export function oid(text: string): Der {
  const [first = 0, second = 0, ...rest] = text.split(".").map(Number);
  const bytes = [first * 40 + second, ...rest].flatMap((part) => {
    const digits = [part & 0x7f];
    for (let left = part >>> 7; left > 0; left >>>= 7) digits.unshift(0x80 | (left & 0x7f));
    return digits;
  });
  return tagged(0x06, Uint8Array.from(bytes));
}

/** Two digits of the year up to 2049, four from then on. */
export function time(date: Date): Der {
  const digits = date.toISOString().replace(/\.\d+|[-:T]/g, "");
  const short = date.getUTCFullYear() < 2050;
  return tagged(short ? 0x17 : 0x18, Buffer.from(short ? digits.slice(2) : digits, "latin1"));
}
