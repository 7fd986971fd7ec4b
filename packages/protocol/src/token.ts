/**
 * Boot tokens. The secret half never travels: the machine proves that it knows
 * it by a MAC over its own keys and its own nonce, so what is overheard can
 * neither be replayed with other keys nor used to learn the token.
 *
 *   bt_<id>_<secret>      the short form, for a kernel command line
 *   boma1.<base64url>     the long form: the same with all that a first boot must know
 */
import { createHmac, randomBytes } from "node:crypto";

import { z } from "zod";

import { Bytes, pack, unpackHostile } from "./codec.ts";
import { BomaError } from "./errors.ts";
import { crockford } from "./ids.ts";
import { PublicKey, sameBytes, sha256 } from "./keys.ts";

export interface BootToken {
  readonly id: string;
  readonly secret: string;
}

const SHORT = /^bt_([0-9A-HJKMNP-TV-Z]{10})_([0-9A-HJKMNP-TV-Z]{26})$/;

export const newBootToken = (): BootToken => ({
  id: crockford(randomBytes(6)).slice(0, 10),
  secret: crockford(randomBytes(16)).slice(0, 26),
});

export const printBootToken = ({ id, secret }: BootToken): string => `bt_${id}_${secret}`;

/** What a machine must know before its first word to the bus: who the master is, and how a stranger may knock. */
export const JoinKit = z.strictObject({
  servers: z.array(z.string().max(255)).min(1).max(16),
  root: PublicKey,
  /** The ENROL account and its scoped signing seed: it can make users that may knock, and nothing else. */
  enrolAccount: z.string().regex(/^A[A-Z2-7]{55}$/),
  enrolSeed: z.string().regex(/^SA[A-Z2-7]{56}$/),
  /** The certificate authority of the bus, DER; absent where the bus listens on loopback only. */
  ca: Bytes.optional(),
});
export type JoinKit = z.output<typeof JoinKit>;

const LongToken = z.strictObject({ kit: JoinKit, token: z.string().regex(SHORT).optional() });
const LONG_PREFIX = "boma1.";
const LONG_LENGTH_MAX = 8192;

export const printJoinToken = (kit: JoinKit, token?: BootToken): string =>
  LONG_PREFIX + encode(pack({ kit, ...(token && { token: printBootToken(token) }) }));

export function parseToken(given: string): { kit?: JoinKit; token?: BootToken } {
  const text = given.trim();
  const short = SHORT.exec(text);
  if (short) return { token: { id: short[1]!, secret: short[2]! } };
  if (!text.startsWith(LONG_PREFIX) || text.length > LONG_LENGTH_MAX)
    throw new BomaError("token/form", "a token begins with `bt_` or `boma1.`");
  const read = LongToken.safeParse(decode(text.slice(LONG_PREFIX.length)));
  if (!read.success) throw new BomaError("token/form", "the token is damaged: it was cut or altered");
  return { kit: read.data.kit, ...(read.data.token !== undefined && parseToken(read.data.token)) };
}

/** Nobody checks a root key by eye: four bytes of hash tell a slip of the hand from another master. */
const CHECK_BYTES = 4;
const checkBytes = (packed: Uint8Array): Uint8Array => sha256(packed).subarray(0, CHECK_BYTES);

const encode = (packed: Uint8Array): string =>
  Buffer.concat([checkBytes(packed), packed]).toString("base64url");

function decode(base64: string): unknown {
  const bytes = Buffer.from(base64, "base64url");
  const packed = new Uint8Array(bytes.subarray(CHECK_BYTES));
  // The decoder passes over what is not base64; the text must say these bytes and nothing else.
  if (bytes.toString("base64url") !== base64) return undefined;
  if (!sameBytes(bytes.subarray(0, CHECK_BYTES), checkBytes(packed))) return undefined;
  try {
    return unpackHostile(packed);
  } catch {
    return undefined;
  }
}

/** What the proof covers: a machine's three keys, the nonce of its request, and the master it believes in. */
export interface ProofSubject {
  readonly nkey: string;
  readonly sign: Uint8Array;
  readonly seal: Uint8Array;
  readonly nonce: Uint8Array;
  readonly root: Uint8Array;
}

/** What the master keeps of a token's secret. It is enough to check a proof, so it is stored sealed. */
export const tokenKey = (secret: string): Uint8Array => sha256(Buffer.from(`boma/1/token-key\0${secret}`));

export function proveToken(key: Uint8Array, subject: ProofSubject): Uint8Array {
  const mac = createHmac("sha256", key).update(`boma/1/token-proof\0${subject.nkey}\0`);
  return new Uint8Array(
    mac.update(subject.sign).update(subject.seal).update(subject.nonce).update(subject.root).digest(),
  );
}

export const checkProof = (key: Uint8Array, subject: ProofSubject, proof: Uint8Array): boolean =>
  sameBytes(proveToken(key, subject), proof);
