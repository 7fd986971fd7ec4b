/** The master's own age identity, for files that are encrypted to it. */
import { existsSync, readFileSync } from "node:fs";

import { BomaError } from "@boma/protocol";
import { generateX25519Identity, identityToRecipient } from "age-encryption";

import { assertPrivate, type Home, writeSecret } from "../home.ts";
import { readSecretSettings } from "./secrets-file.ts";

/** To whom files are to be encrypted. The identity is made where there is none. */
export async function ageRecipient(home: Home): Promise<string> {
  const { identityFile: path } = readSecretSettings(home);
  if (!existsSync(path)) writeSecret(path, `${await generateX25519Identity()}\n`);
  assertPrivate(path);
  const identity = readFileSync(path, "utf8")
    .split("\n")
    .map((line) => line.trim())
    .find((line) => line.startsWith("AGE-SECRET-KEY-"));
  if (identity === undefined) throw new BomaError("usage/file", `${path} holds no age identity`);
  return identityToRecipient(identity);
}
