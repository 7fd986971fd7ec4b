/**
 * A token for one destruction: what may be done, to what, on which node, and how
 * that looked when it was allowed. It is signed as any message of the master, and
 * no secret: it does one thing, once, on one machine.
 */
import { z } from "zod";

import { defineMessage, open, seal } from "../envelope.ts";
import { asBomaError, BomaError } from "../errors.ts";
import { JobId } from "../ids.ts";
import type { SigningKey } from "../keys.ts";

/** As text it is part of the arguments of a job. */
const PERMIT_BYTES_MAX = 16 * 1024;
export const PERMIT_TEXT_MAX = 24 * 1024;
export const PERMIT_TTL_MS_MAX = 24 * 3_600_000;

export const DestructivePermit = defineMessage({
  kind: "permit",
  schema: 1,
  bytesMax: PERMIT_BYTES_MAX,
  body: z.strictObject({
    /** It is spent under this name. */
    id: z.string().regex(/^[0-9a-f]{32}$/),
    /** The function that it allows. */
    action: z.string().max(128),
    resource: z.string().max(4096),
    /** Of all that was found on it. */
    digest: z.string().regex(/^[0-9a-f]{64}$/),
    /** A few words of that, for whoever reads it. */
    serial: z.string().max(255).nullable(),
    bytes: z.number().int().nonnegative(),
    operator: z.string().max(64),
    reason: z.string().max(500),
    /** The job whose return was shown to the operator. */
    job: JobId,
  }),
});
export type PermitBody = z.output<typeof DestructivePermit.body>;

const PREFIX = "boma-permit-";

interface Signing {
  /** The key of the node that it is for. */
  readonly node: string;
  readonly key: SigningKey;
  readonly now: number;
  readonly expires: number;
}

export function signPermit(body: PermitBody, { node, key, now, expires }: Signing): string {
  const frame = seal(DestructivePermit, body, { to: node, key, now, expires });
  return PREFIX + Buffer.from(frame).toString("base64url");
}

interface Reading {
  readonly node: string;
  readonly trusts: (sender: Uint8Array) => boolean;
  /** By the master's time. */
  readonly now: number;
}

export interface Permit extends PermitBody {
  readonly expires: number;
}

/** Throws `permit/refused` for whatever the master did not sign for this node and this time. */
export function readPermit(text: string, { node, trusts, now }: Reading): Permit {
  if (!text.startsWith(PREFIX) || text.length > PERMIT_TEXT_MAX)
    throw new BomaError(
      "permit/refused",
      `this is no token of \`boma-master allow\`: those begin with ${PREFIX}`,
    );
  try {
    const frame = Buffer.from(text.slice(PREFIX.length), "base64url");
    const { body, expires } = open(DestructivePermit, frame, { trusts, to: node, now });
    return { ...body, expires };
  } catch (cause) {
    throw new BomaError(
      "permit/refused",
      `the token does not hold on this node: ${asBomaError(cause).message}`,
      {
        cause,
      },
    );
  }
}
