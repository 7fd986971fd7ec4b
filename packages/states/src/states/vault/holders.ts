/** Those who hold a share of what opens Vault, by their PGP keys: without a key of each there is no initialisation. */
import { BomaError } from "@boma/protocol";
import { z } from "zod";

import { fingerprintsOf, keyringBytes } from "../apt/openpgp-keys.ts";

const PKESK = 1;

/** One public key, armoured or in base64. */
export const PgpKey = z.string().superRefine((text, context) => {
  try {
    const found = fingerprintsOf(keyringBytes(text));
    if (found.length !== 1)
      context.addIssue({ code: "custom", message: `one key, not ${found.length} of them` });
  } catch (thrown) {
    context.addIssue({ code: "custom", message: (thrown as Error).message });
  }
});

export const Holder = z.strictObject({
  name: z.string().regex(/^[\w.@ -]{1,100}$/, "a name"),
  pgpKey: PgpKey,
});
export type Holder = z.output<typeof Holder>;

export const fingerprintOf = (pgpKey: string): string => fingerprintsOf(keyringBytes(pgpKey))[0]!;

/** As Vault takes it: the bytes in base64. */
export const bytesOf = (pgpKey: string): string => Buffer.from(keyringBytes(pgpKey)).toString("base64");

const BASE64 = /^[A-Za-z0-9+/]+={0,2}$/;
/** Versions of a packet that holds a key for a holder's key. */
const VERSIONS = [3, 6];

/**
 * What Vault gave for a key must be a message to a key: what is not encrypted is not kept, and not told. To look at its
 * first byte would not do: `hvs`, with which a plain token begins, reads as one in base64.
 */
export function assertEncrypted(base64: string): void {
  if (BASE64.test(base64) && VERSIONS.includes(versionOf(Buffer.from(base64, "base64")) ?? 0)) return;
  throw new BomaError(
    "vault/init",
    "Vault answered with something that is not encrypted to its holder; it was not kept",
    { hint: "What it gave is lost, and that is good: discard its storage and initialise it anew." },
  );
}

/** Of the packet with which a message to a key begins, where it does and something follows it. */
function versionOf(bytes: Uint8Array): number | undefined {
  const [first = 0, second = 0] = bytes;
  const isOld = (first & 0xc0) === 0x80;
  const tag = isOld ? (first >> 2) & 0x0f : first & 0x3f;
  if ((first & 0x80) === 0 || tag !== PKESK) return undefined;
  const start = isOld ? 1 + [1, 2, 4, 0][first & 0x03]! : second < 192 ? 2 : second < 224 ? 3 : 6;
  const length = Buffer.from(bytes.subarray(1, 3));
  const size = isOld && (first & 0x03) === 1 ? length.readUInt16BE() : second < 192 ? second : 0;
  return start + size < bytes.length ? bytes[start] : undefined;
}
