/** What a certificate and a key say of themselves, and whether they belong together. */
import { createHash, createPrivateKey, createPublicKey, type KeyObject, X509Certificate } from "node:crypto";

import { z } from "zod";

import { PLACEHOLDER } from "../../check-params.ts";
import { blocked } from "../user/parameters.ts";
import { isAddress } from "./address.ts";

const BLOCK = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;
const CHAIN_MAX = 20;

/** A wildcard in the first place is a name of its own kind; IPv6 without a zone or a dotted tail. */
const HOST = /^(\*\.)?[a-z0-9_]([a-z0-9_-]{0,62})(\.[a-z0-9]([a-z0-9-]{0,62}))*$/i;
export const HostName = z
  .string()
  .max(253)
  .refine(
    (name) => (!isAddress(name) ? HOST.test(name) : !/[%]|:.*\./.test(name)),
    "a host name or an IP address",
  );

export const Pem = z
  .string()
  .max(262_144)
  .refine(
    (text) => text === PLACEHOLDER || text.includes("-----BEGIN "),
    "the text of a PEM file: `-----BEGIN …`",
  );

export interface Pair {
  /** The first of the chain: the one that is shown to others as this machine's. */
  readonly leaf: X509Certificate;
  readonly key: KeyObject;
}

/** Reads both, and refuses what could not serve: the message says of which pair at `path`. */
export function readPair(path: string, certificate: string, privateKey: string): Pair {
  const [leaf] = readChain(path, certificate);
  const key = readKey(path, privateKey);
  if (!leaf!.checkPrivateKey(key))
    throw blocked(`the private key for ${path} does not belong to its certificate`);
  return { leaf: leaf!, key };
}

function readChain(path: string, text: string): readonly X509Certificate[] {
  const blocks = text.match(BLOCK) ?? [];
  if (blocks.length === 0) throw blocked(`there is no certificate in what is given for ${path}`);
  if (blocks.length > CHAIN_MAX)
    throw blocked(`the chain for ${path} has more than ${CHAIN_MAX} certificates`);
  const chain = blocks.map((block) => {
    try {
      return new X509Certificate(block);
    } catch (cause) {
      throw blocked(`a certificate for ${path} cannot be read: ${(cause as Error).message}`);
    }
  });
  for (const [index, issuer] of chain.slice(1).entries())
    if (!chain[index]!.checkIssued(issuer))
      throw blocked(
        `the chain for ${path} is out of order: certificate ${index + 2} did not issue certificate ${index + 1}`,
        "The machine's own comes first, then the one that issued it.",
      );
  return chain;
}

function readKey(path: string, text: string): KeyObject {
  try {
    return createPrivateKey(text);
  } catch {
    // What the library says may repeat what it read.
    throw blocked(`the private key for ${path} cannot be read`, "It is PEM, and not encrypted.");
  }
}

export function assertValidNow(path: string, { validFromDate, validToDate }: X509Certificate): void {
  const now = new Date();
  if (validToDate < now) throw blocked(`the certificate for ${path} expired on ${day(validToDate)}`);
  if (validFromDate > now)
    throw blocked(
      `the certificate for ${path} is not valid before ${day(validFromDate)}`,
      `The clock of this machine says ${now.toISOString()}: is it right?`,
    );
}

export const day = (date: Date): string => date.toISOString().slice(0, 10);

export const missingNames = (leaf: X509Certificate, names: readonly string[]): readonly string[] =>
  names.filter((name) => !covers(leaf, name));

/** A wildcard must stand in the certificate itself; other names may be covered by one. */
function covers(leaf: X509Certificate, name: string): boolean {
  if (isAddress(name)) return leaf.checkIP(name) !== undefined;
  if (name.startsWith("*."))
    return (leaf.subjectAltName ?? "").toLowerCase().split(", ").includes(`dns:${name.toLowerCase()}`);
  return leaf.checkHost(name, { subject: "never" }) !== undefined;
}

/** A certificate in one line: until when, and which. */
export const summaryOf = (leaf: X509Certificate): string =>
  `until ${day(leaf.validToDate)}, SHA256 ${leaf.fingerprint256.replaceAll(":", "").toLowerCase()}`;

/** A key by its public half: it says which, and nothing of what is secret. */
export const keySummary = (key: KeyObject): string =>
  `SHA256 ${createHash("sha256")
    .update(createPublicKey(key).export({ type: "spki", format: "der" }))
    .digest("hex")}`;
