/** Addresses and networks as numbers, and back. */
import type { Span } from "./spans.ts";
import { union } from "./spans.ts";

export type Version = 4 | 6;

/** Addresses of one version of IP. */
export interface Addresses {
  readonly version: Version;
  readonly spans: readonly Span[];
}

const BITS: Readonly<Record<Version, number>> = { 4: 32, 6: 128 };

export const everywhere = (version: Version): Span => [0n, (1n << BigInt(BITS[version])) - 1n];

/** `10.0.0.0/8`, `fd00::/8`, or one address. What the schema let through is not looked at again. */
export function networkOf(text: string): { readonly version: Version; readonly span: Span } {
  const [address, length] = text.split("/") as [string, string?];
  const { version, value } = addressOf(address);
  const free = BigInt(BITS[version] - Number(length ?? BITS[version]));
  const first = (value >> free) << free;
  return { version, span: [first, first + (1n << free) - 1n] };
}

export function addressOf(text: string): { readonly version: Version; readonly value: bigint } {
  if (!text.includes(":")) return { version: 4, value: numberOf(text.split(".").map(Number), 8) };
  return { version: 6, value: numberOf(groupsOf(text), 16) };
}

const numberOf = (parts: readonly number[], bits: number): bigint =>
  parts.reduce((sum, part) => (sum << BigInt(bits)) | BigInt(part), 0n);

/** The eight groups of an address of IPv6; its end may be written as an address of IPv4. */
function groupsOf(text: string): readonly number[] {
  const [head = [], tail] = text.split("::").map((half) => half.split(":").flatMap(groupsIn));
  if (!tail) return head;
  return [...head, ...Array.from({ length: 8 - head.length - tail.length }, () => 0), ...tail];
}

function groupsIn(part: string): readonly number[] {
  if (part === "") return [];
  if (!part.includes(".")) return [Number.parseInt(part, 16)];
  const { value } = addressOf(part);
  return [Number(value >> 16n), Number(value & 0xffffn)];
}

export function addressText(version: Version, value: bigint): string {
  const bits = version === 4 ? 8 : 16;
  const count = BITS[version] / bits;
  const parts = Array.from({ length: count }, (_, at) =>
    Number((value >> BigInt((count - 1 - at) * bits)) & ((1n << BigInt(bits)) - 1n)),
  );
  if (version === 4) return parts.join(".");
  const groups = parts.map((part) => part.toString(16));
  const zeros = longestZeros(groups);
  if (zeros.length < 2) return groups.join(":");
  return `${groups.slice(0, zeros.at).join(":")}::${groups.slice(zeros.at + zeros.length).join(":")}`;
}

function longestZeros(groups: readonly string[]): { readonly at: number; readonly length: number } {
  let best = { at: 0, length: 0 };
  for (let at = 0; at < groups.length; at++) {
    let length = 0;
    while (groups[at + length] === "0") length++;
    if (length > best.length) best = { at, length };
  }
  return best;
}

/** As nft reads it: an address, a network, or a range that is neither. */
export function spanText(version: Version, [first, last]: Span): string {
  if (first === last) return addressText(version, first);
  const size = last - first + 1n;
  const length = BITS[version] - (size.toString(2).length - 1);
  const isNetwork = (size & (size - 1n)) === 0n && first % size === 0n;
  if (isNetwork) return `${addressText(version, first)}/${length}`;
  return `${addressText(version, first)}-${addressText(version, last)}`;
}

/** What is declared as a mix of networks, by version; without any, `undefined`. */
export function byVersion(networks: readonly string[]): readonly Addresses[] {
  const all = networks.map(networkOf);
  return ([4, 6] as const).flatMap((version) => {
    const spans = union(all.filter((one) => one.version === version).map(({ span }) => span));
    return spans.length === 0 ? [] : { version, spans };
  });
}
