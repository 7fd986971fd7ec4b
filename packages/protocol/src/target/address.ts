import { Fault } from "./fault.ts";

/** An address or a network: 4 or 16 bytes, and how many leading bits count. */
export interface Network {
  readonly bytes: readonly number[];
  readonly bits: number;
}

const ADDRESS_LENGTH_MAX = 128;

export function parseAddress(text: string): readonly number[] | undefined {
  if (text.length > ADDRESS_LENGTH_MAX) return undefined;
  return text.includes(":") ? parseIpv6(text) : parseIpv4(text);
}

function parseIpv4(text: string): readonly number[] | undefined {
  const parts = text.split(".");
  if (parts.length !== 4 || !parts.every((part) => /^(?:0|[1-9]\d{0,2})$/.test(part))) return undefined;
  const bytes = parts.map(Number);
  return bytes.every((byte) => byte <= 255) ? bytes : undefined;
}

function parseIpv6(text: string): readonly number[] | undefined {
  const halves = text.split("::");
  if (halves.length > 2) return undefined;
  const [head, tail] = [ipv6Bytes(halves[0]!), ipv6Bytes(halves[1] ?? "")];
  if (head === undefined || tail === undefined) return undefined;
  // Digits with dots are allowed at the very end only.
  if (halves.length === 2 && halves[0]!.includes(".")) return undefined;
  const missing = 16 - head.length - tail.length;
  if (halves.length === 1 ? missing !== 0 : missing < 2) return undefined;
  return [...head, ...Array.from({ length: missing }, () => 0), ...tail];
}

function ipv6Bytes(half: string): number[] | undefined {
  if (half === "") return [];
  const bytes: number[] = [];
  const groups = half.split(":");
  for (const [i, group] of groups.entries()) {
    const dotted = group.includes(".") && i === groups.length - 1 ? parseIpv4(group) : undefined;
    if (dotted !== undefined) bytes.push(...dotted);
    else if (/^[0-9a-f]{1,4}$/i.test(group)) bytes.push(...bytesOf(Number.parseInt(group, 16)));
    else return undefined;
  }
  return bytes;
}

const bytesOf = (group: number): [number, number] => [group >> 8, group & 255];

/** `10.0.0.0/8`, `fe80::/10`, or one address. Bits below the prefix are a fault: they say two things at once. */
export function parseNetwork(text: string): Network {
  const slash = text.indexOf("/");
  const bytes = parseAddress(slash === -1 ? text : text.slice(0, slash));
  if (bytes === undefined)
    throw new Fault("expected an address or a network", 0, "for example `S@10.0.0.0/8` or `S@fe80::/10`");
  const widest = bytes.length * 8;
  if (slash === -1) return { bytes, bits: widest };
  const prefix = text.slice(slash + 1);
  if (!/^(?:0|[1-9]\d{0,2})$/.test(prefix) || Number(prefix) > widest) {
    throw new Fault(
      `expected a prefix length from 0 to ${widest}`,
      slash + 1,
      "net masks are not supported: write `/24`",
    );
  }
  const bits = Number(prefix);
  const network = bytes.map((byte, i) => byte & maskOf(i, bits));
  if (network.some((byte, i) => byte !== bytes[i])) {
    throw new Fault(
      "the address has bits set beyond its prefix",
      0,
      `the network is \`S@${showAddress(network)}/${bits}\``,
    );
  }
  return { bytes, bits };
}

/** The bits of the byte at this index that a prefix of so many bits covers. */
const maskOf = (index: number, bits: number): number =>
  (0xff << (8 - Math.max(0, Math.min(8, bits - index * 8)))) & 0xff;

export function contains(network: Network, address: readonly number[]): boolean {
  if (address.length !== network.bytes.length) return false;
  return network.bytes.every((byte, i) => ((byte ^ address[i]!) & maskOf(i, network.bits)) === 0);
}

function showAddress(bytes: readonly number[]): string {
  if (bytes.length === 4) return bytes.join(".");
  const groups = Array.from({ length: 8 }, (_, i) => ((bytes[2 * i]! << 8) | bytes[2 * i + 1]!).toString(16));
  // The longest run of zeros is the one to leave out.
  const runs = groups
    .map((_, i) => groups.slice(i).findIndex((group) => group !== "0"))
    .map((n, i) => (n === -1 ? 8 - i : n));
  const longest = Math.max(...runs);
  if (longest < 2) return groups.join(":");
  const at = runs.indexOf(longest);
  return `${groups.slice(0, at).join(":")}::${groups.slice(at + longest).join(":")}`;
}
