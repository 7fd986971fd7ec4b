/** Keys, certificates that sign themselves, and requests for others to sign. */
import {
  createHash,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  randomBytes,
  sign,
} from "node:crypto";

import { isAddress, isAddress4 } from "./address.ts";
import {
  bits,
  type Der,
  field,
  integer,
  nothing,
  octets,
  oid,
  plain,
  sequence,
  set,
  time,
  utf8,
  yes,
} from "./der.ts";

const ECDSA_SHA256 = "1.2.840.10045.4.3.2";
const RSA_SHA256 = "1.2.840.113549.1.1.11";
const RSA_BITS = 3072;
const SERIAL_BYTES = 16;
const COMMON_NAME_MAX = 64;

export type KeyType = "ec" | "rsa";

export const makeKey = (type: KeyType): KeyObject =>
  type === "ec"
    ? generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey
    : generateKeyPairSync("rsa", { modulusLength: RSA_BITS }).privateKey;

export const keyPem = (key: KeyObject): string => key.export({ type: "pkcs8", format: "pem" }) as string;

export interface Validity {
  readonly from: Date;
  readonly to: Date;
}

export function selfSigned(key: KeyObject, names: readonly string[], { from, to }: Validity): string {
  const subject = subjectOf(names);
  const body = sequence(
    field(0, integer(Uint8Array.of(2))),
    integer(randomBytes(SERIAL_BYTES)),
    algorithmOf(key),
    subject,
    sequence(time(from), time(to)),
    subject,
    publicOf(key),
    field(3, extensionsOf(key, names)),
  );
  return pem("CERTIFICATE", signed(body, key));
}

export const requestFor = (key: KeyObject, names: readonly string[]): string =>
  pem("CERTIFICATE REQUEST", signed(wishOf(key, names), key));

/** Whether a request that is there asks for these names for this key; only its signature differs each time. */
export function isRequestFor(text: string, key: KeyObject, names: readonly string[]): boolean {
  const [, base64 = ""] =
    /^-----BEGIN CERTIFICATE REQUEST-----\n([A-Za-z0-9+/=\n]+)-----END/.exec(text) ?? [];
  return Buffer.from(base64, "base64").includes(wishOf(key, names));
}

function wishOf(key: KeyObject, names: readonly string[]): Der {
  const wish = sequence(oid("1.2.840.113549.1.9.14"), set(extensionsOf(key, names)));
  return sequence(integer(Uint8Array.of(0)), subjectOf(names), publicOf(key), field(0, wish));
}

const signed = (body: Der, key: KeyObject): Der =>
  sequence(body, algorithmOf(key), bits(sign("sha256", body, key)));

const algorithmOf = ({ asymmetricKeyType }: KeyObject): Der =>
  asymmetricKeyType === "rsa" ? sequence(oid(RSA_SHA256), nothing()) : sequence(oid(ECDSA_SHA256));

const publicOf = (key: KeyObject): Der => createPublicKey(key).export({ type: "spki", format: "der" });

/** The name is what the extension says; the subject is for eyes, and has room for short ones only. */
function subjectOf([first = ""]: readonly string[]): Der {
  if (first.length > COMMON_NAME_MAX) return sequence();
  return sequence(set(sequence(oid("2.5.4.3"), utf8(first))));
}

function extensionsOf(key: KeyObject, names: readonly string[]): Der {
  const extension = (id: string, value: Der, critical = false): Der =>
    sequence(oid(id), ...(critical ? [yes()] : []), octets(value));
  // Signs; with RSA also takes keys that are encrypted to it.
  const usage = key.asymmetricKeyType === "rsa" ? bits(Uint8Array.of(0xa0), 5) : bits(Uint8Array.of(0x80), 7);
  const identifier = createHash("sha256").update(publicOf(key)).digest().subarray(0, 20);
  return sequence(
    extension("2.5.29.17", sequence(...names.map(nameOf)), (names[0] ?? "").length > COMMON_NAME_MAX),
    extension("2.5.29.19", sequence(), true),
    extension("2.5.29.15", usage, true),
    extension("2.5.29.37", sequence(oid("1.3.6.1.5.5.7.3.1"), oid("1.3.6.1.5.5.7.3.2"))),
    extension("2.5.29.14", octets(identifier)),
  );
}

const nameOf = (name: string): Der =>
  !isAddress(name) ? plain(2, Buffer.from(name, "latin1")) : plain(7, addressOf(name));

function addressOf(address: string): Der {
  if (isAddress4(address)) return Uint8Array.from(address.split(".").map(Number));
  const [head = "", tail] = address.split("::");
  const words = (text: string | undefined): string[] => (text ? text.split(":") : []);
  const missing = 8 - words(head).length - words(tail).length;
  const all = [...words(head), ...Array<string>(tail === undefined ? 0 : missing).fill("0"), ...words(tail)];
  return Uint8Array.from(
    all.flatMap((word) => [Number.parseInt(word, 16) >> 8, Number.parseInt(word, 16) & 0xff]),
  );
}

function pem(label: string, der: Der): string {
  const lines =
    Buffer.from(der)
      .toString("base64")
      .match(/.{1,64}/g) ?? [];
  return [`-----BEGIN ${label}-----`, ...lines, `-----END ${label}-----`, ""].join("\n");
}
