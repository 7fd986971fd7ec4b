/** The credential that a command line acts with: who the operator is, where the bus is, whom to believe. */
import { chmodSync } from "node:fs";
import { existsSync } from "node:fs";

import { BomaError, nkeyFromSeed, type Nkey, type SigningKey, signingKey } from "@boma/protocol";
import { z } from "zod";

import { assertPrivate, Base64, type Home, readJson, writeSecret } from "./home.ts";

const OperatorFile = z.strictObject({
  name: z.string(),
  servers: z.array(z.string()).min(1),
  nkey: z.string(),
  sign: Base64.schema,
  credential: z.string(),
  root: Base64.schema,
  ca: z.string().optional(),
});

export interface OperatorCredential {
  readonly name: string;
  readonly servers: readonly string[];
  readonly user: Nkey;
  readonly sign: SigningKey;
  readonly credential: string;
  readonly root: Uint8Array;
  /** PEM; absent where the bus is on loopback without TLS. */
  readonly ca?: string | undefined;
}

export function writeOperatorFile(path: string, { user, sign, root, ca, ...rest }: OperatorCredential): void {
  const file = {
    ...rest,
    nkey: user.seed,
    sign: Base64.print(sign.seed),
    root: Base64.print(root),
    ...(ca !== undefined && { ca }),
  };
  writeSecret(path, `${JSON.stringify(file, null, 2)}\n`);
  chmodSync(path, 0o600);
}

/** Which credential a command acts with. */
export const operatorPath = (home: Home, option?: string): string =>
  option ?? process.env["BOMA_OPERATOR"] ?? home.operator;

export function readOperatorFile(home: Home, option?: string): OperatorCredential {
  const path = operatorPath(home, option);
  if (!existsSync(path))
    throw new BomaError("operator/missing", `there is no operator credential at ${path}`, {
      hint: `Run \`boma-master init\`, or name a credential with --operator FILE (looked in ${home.dir}).`,
    });
  assertPrivate(path);
  const { nkey, sign, ...rest } = readJson(path, OperatorFile);
  return { ...rest, user: nkeyFromSeed(nkey), sign: signingKey(sign) };
}
