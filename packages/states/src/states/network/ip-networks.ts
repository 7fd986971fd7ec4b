/** Addresses and networks as numbers: which network an address lies in, and one spelling for each. */

interface Network {
  readonly family: 4 | 6;
  readonly bits: bigint;
  readonly prefix: number;
}

/** The kernel's own spelling, so that texts can be compared. */
export function plainAddress(text: string): string {
  const [address, prefix] = text.split("/");
  const plain = address!.includes(":") ? new URL(`http://[${address}]`).hostname.slice(1, -1) : address!;
  return prefix === undefined ? plain : `${plain}/${prefix}`;
}

export const isV6 = (text: string): boolean => text.includes(":");

export function isWithin(address: string, network: string): boolean {
  const [one, other] = [networkOf(address), networkOf(network)];
  if (one.family !== other.family) return false;
  const shift = BigInt((other.family === 4 ? 32 : 128) - other.prefix);
  return one.bits >> shift === other.bits >> shift;
}

/** `192.168.100.0/24` of an address in it. */
export function networkTextOf(cidr: string): string {
  const { bits, prefix } = networkOf(cidr);
  const shift = BigInt(32 - prefix);
  const first = (bits >> shift) << shift;
  const bytes = [24n, 16n, 8n, 0n].map((at) => String((first >> at) & 255n));
  return `${bytes.join(".")}/${prefix}`;
}

function networkOf(text: string): Network {
  const [address, prefix] = plainAddress(text).split("/");
  if (!isV6(address!)) {
    const bits = address!.split(".").reduce((sum, byte) => (sum << 8n) | BigInt(byte), 0n);
    return { family: 4, bits, prefix: Number(prefix ?? 32) };
  }
  const [left = [], right = []] = address!.split("::").map((half) => (half === "" ? [] : half.split(":")));
  const gap = address!.includes("::") ? Array<string>(8 - left.length - right.length).fill("0") : [];
  const bits = [...left, ...gap, ...right].reduce((sum, word) => (sum << 16n) | BigInt(`0x${word}`), 0n);
  return { family: 6, bits, prefix: Number(prefix ?? 128) };
}
