import { z } from "zod";

import { Bytes } from "./codec.ts";
import { BomaError } from "./errors.ts";
import { someBytes } from "./random.ts";

const NODE_ID = /^[a-z0-9][a-z0-9._-]{0,62}$/;

/** The name of a node. It becomes part of paths and screens, so its form is checked at every door. */
export const NodeId = z.string().regex(NODE_ID, "an id matches [a-z0-9][a-z0-9._-]{0,62}");

export function parseNodeId(text: string): string {
  if (NODE_ID.test(text)) return text;
  throw new BomaError("node/id", `${JSON.stringify(text.slice(0, 80))} cannot be a node id`);
}

/** A host name made fit to be proposed as an id: `Web_01.Example.ORG` proposes `web-01.example.org`. */
export function proposeNodeId(hostname: string): string {
  const id = hostname
    .toLowerCase()
    .replace(/[^a-z0-9._-]+/g, "-")
    .replace(/^[^a-z0-9]+/, "")
    .slice(0, 63);
  return NODE_ID.test(id) ? id : "node";
}

/** The public nkey of a node or an operator, as NATS spells it. */
export const NodeKey = z.string().regex(/^U[A-Z2-7]{55}$/, "a public user nkey");

/** Crockford's base32: no I, L, O, U, so that it can be read aloud. */
export const CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
const JOB_ID = /^[0-9A-HJKMNP-TV-Z]{26}$/;
export const JobId = z.string().regex(JOB_ID, "a job id");
export const isJobId = (text: string): boolean => JOB_ID.test(text);

/** 26 characters: 48 bits of time, then 80 of chance. They sort by age. */
export const newJobId = (now = Date.now()): string => jobIdOf(now, someBytes(10));

/** The id that always comes of the same moment and the same ten bytes. */
export function jobIdOf(at: number, bytes: Uint8Array): string {
  let time = "";
  for (let rest = at, i = 0; i < 10; i++, rest = Math.floor(rest / 32)) time = CROCKFORD[rest % 32] + time;
  return time + crockford(bytes.subarray(0, 10));
}

/** When it was made, by the clock of whoever made it. */
export function jobIdTime(id: string): number {
  let at = 0;
  for (const digit of id.slice(0, 10)) at = at * 32 + CROCKFORD.indexOf(digit);
  return at;
}

/** Bytes in Crockford's base32, most significant bit first; what is left over is padded with zero bits. */
export function crockford(bytes: Uint8Array): string {
  let text = "";
  let held = 0;
  let bits = 0;
  for (const byte of bytes) {
    held = (held << 8) | byte;
    bits += 8;
    for (; bits >= 5; bits -= 5) text += CROCKFORD[(held >>> (bits - 5)) & 31];
    held &= (1 << bits) - 1;
  }
  return bits > 0 ? text + CROCKFORD[(held << (5 - bits)) & 31] : text;
}

export const Nonce = Bytes.refine((bytes) => bytes.length === 16, "a nonce has 16 bytes");
export const newNonce = (): Uint8Array => someBytes(16);
/** A short random word for things that live only in memory: sessions, feeds. */
export const Session = z
  .string()
  .regex(/^[0-9A-Za-z]{1,32}$/, "a session is one word of letters and digits: it becomes part of a subject");
export const newSession = (): string => crockford(someBytes(10));
