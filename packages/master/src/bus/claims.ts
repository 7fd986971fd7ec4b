/** Pushing accounts to a running server: new rights and revocations take effect at once and survive restarts. */
import { BomaError, PAYLOAD_BYTES_MAX } from "@boma/protocol";
import type { NatsConnection } from "nats";
import { z } from "zod";

const UPDATE = "$SYS.REQ.CLAIMS.UPDATE";
const ANSWER_MS_MAX = 5_000;

// The server adds fields of its own from release to release.
const Answer = z.object({
  data: z.object({ code: z.number(), message: z.string().optional() }).optional(),
  error: z.object({ code: z.number(), description: z.string() }).optional(),
});

/** Gives the server a new form of an account. When this resolves, revoked connections are being cut. */
export async function pushAccount(system: NatsConnection, jwt: string): Promise<void> {
  // Headers and framing need a little room beside the JWT.
  if (jwt.length > PAYLOAD_BYTES_MAX - 1024)
    throw new BomaError("wire/size", `an account of ${jwt.length} bytes is more than one message carries`, {
      hint: "Too many revocations within the life of a credential.",
    });
  const reply = await system.request(UPDATE, jwt, { timeout: ANSWER_MS_MAX }).catch((cause: unknown) => {
    throw new BomaError("bus/unreachable", "the server did not answer to a change of accounts", { cause });
  });
  const answer = Answer.parse(JSON.parse(reply.string()));
  if (answer.data?.code === 200) return;
  const why = answer.error?.description ?? answer.data?.message ?? "no reason given";
  throw new BomaError("bus/refused", `the server refused a change of accounts: ${why}`);
}
