/** Parameters and rules that the states of users and groups have in common. */
import { BomaError } from "@boma/protocol";
import { z } from "zod";

import { PLACEHOLDER } from "../../check-params.ts";
import type { Account, Group } from "../../host/accounts.ts";

/** What Debian's useradd takes, without a dollar at the end. */
const NAME = /^[a-z_][a-z0-9_-]{0,31}$/;
export const Name = z
  .string()
  .regex(NAME, "a name has a-z, 0-9, _ and -, begins with a letter or _, and has at most 32");
/** 65535 and 4294967295 mean "no id" to the kernel. */
export const Id = z
  .int()
  .min(0)
  .max(4_294_967_294)
  .refine((id) => id !== 65_535, "65535 means that there is no id");

/** yescrypt, gost-yescrypt, scrypt, bcrypt, SHA-512 and SHA-256 in the form of crypt(5). */
const HASH = /^\$(y|gy|7|2[aby]|6|5)\$[./A-Za-z0-9$=,]{20,250}$/;
const NO_PASSWORD: readonly string[] = ["!", "*"];
const HASH_WORDS =
  "a password is given as its hash; `mkpasswd -m yescrypt` or `openssl passwd -6` makes one, and `!` locks it";
const isHash = (text: string): boolean => NO_PASSWORD.includes(text) || HASH.test(text);

export const PasswordHash = z
  .string()
  .refine((text) => text === PLACEHOLDER || isHash(text), HASH_WORDS)
  .describe("The hash of the password as crypt(5) writes it, or `!` for none that works. Keys still do.");

/** What stood for a secret on the master is a value on the node, and may be anything. */
export function assertHash(name: string, password: string | undefined): void {
  if (password === undefined || isHash(password)) return;
  throw new BomaError("state/params", `the password of ${name} is not a hash`, { hint: HASH_WORDS });
}

export const blocked = (message: string, hint?: string): BomaError =>
  new BomaError("state/blocked", message, hint === undefined ? {} : { hint });

/** An account that a directory knows must not be shadowed by a local one of the same name. */
export function assertLocal(kind: "user" | "group", found: Account | Group | undefined): void {
  if (found && !found.local)
    throw blocked(
      `the ${kind} ${found.name} comes from a directory, not from the files of this machine`,
      "Change it in the directory, or give the local one another name.",
    );
}
