/** A public key as OpenSSH writes it: checked to be one before it may open a door. */
import { createHash } from "node:crypto";

import { BomaError } from "@boma/protocol";
import { z } from "zod";

export interface PublicKey {
  readonly type: string;
  /** The body in base64: what makes it this key and no other. */
  readonly blob: string;
  readonly comment: string;
}

const TYPES = [
  "ssh-ed25519",
  "ssh-rsa",
  "ecdsa-sha2-nistp256",
  "ecdsa-sha2-nistp384",
  "ecdsa-sha2-nistp521",
  "sk-ssh-ed25519@openssh.com",
  "sk-ecdsa-sha2-nistp256@openssh.com",
];
const ED25519_BYTES = 32;
const RSA_BITS_MIN = 2048;
const KEY = /^([a-z0-9@.-]+)[ \t]+([A-Za-z0-9+/]+={0,2})(?:[ \t]+([^\r\n\0]*?))?[ \t]*$/;

export const isKeyType = (word: string): boolean => TYPES.includes(word);

/** SHA256 of the body, as `ssh-keygen -l` prints it. */
export const fingerprintOf = ({ blob }: PublicKey): string =>
  `SHA256:${createHash("sha256").update(Buffer.from(blob, "base64")).digest("base64").replace(/=+$/, "")}`;

export function readPublicKey(text: string): PublicKey {
  const refuse = (why: string): never => {
    throw new BomaError("state/params", `this is no public key that may log in: ${why}`, {
      hint: "It is the one line of a file such as id_ed25519.pub.",
    });
  };
  if (text.includes("PRIVATE KEY")) return refuse("it is a private key, which must not leave its owner");
  const [, type = "", blob = "", comment = ""] = KEY.exec(text) ?? refuse("it is not `TYPE BASE64 COMMENT`");
  if (!isKeyType(type)) return refuse(`keys of the type ${type} are not accepted`);
  const bytes = Buffer.from(blob, "base64");
  if (bytes.toString("base64") !== blob) return refuse("its base64 is damaged");
  const parts = partsOf(bytes) ?? refuse("it is cut short");
  if (parts[0]?.toString("latin1") !== type) return refuse(`its body is not of the type ${type}`);
  if (type === "ssh-ed25519" && (parts.length !== 2 || parts[1]?.length !== ED25519_BYTES))
    return refuse("it has not the size of an ed25519 key");
  if (type === "ssh-rsa" && (parts.length !== 3 || bitsOf(parts[2]!) < RSA_BITS_MIN))
    return refuse(`it is an RSA key of fewer than ${RSA_BITS_MIN} bits`);
  if (parts.length < 2) return refuse("it is cut short");
  return { type, blob, comment };
}

/** Strings with their lengths before them, and nothing after the last; `undefined` where that is not so. */
function partsOf(bytes: Buffer): Buffer[] | undefined {
  const parts: Buffer[] = [];
  for (let at = 0; at < bytes.length;) {
    if (at + 4 > bytes.length) return undefined;
    const end = at + 4 + bytes.readUInt32BE(at);
    if (end > bytes.length) return undefined;
    parts.push(bytes.subarray(at + 4, end));
    at = end;
  }
  return parts;
}

function bitsOf(number: Buffer): number {
  const first = number.findIndex((byte) => byte !== 0);
  return first === -1 ? 0 : (number.length - first) * 8 - (Math.clz32(number[first]!) - 24);
}

const isRight = (text: string): string | undefined => {
  try {
    readPublicKey(text);
    return undefined;
  } catch (thrown) {
    return (thrown as Error).message;
  }
};

export const KeyText = z
  .string()
  .max(8192)
  .superRefine((text, context) => {
    const wrong = isRight(text);
    if (wrong !== undefined) context.addIssue({ code: "custom", message: wrong });
  });
