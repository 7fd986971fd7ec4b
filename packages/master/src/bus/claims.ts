/** Pushing accounts to a running server: new rights and revocations take effect at once and survive restarts. */
import { BomaError, PAYLOAD_BYTES_MAX } from "@boma/protocol";
import type { Msg, NatsConnection } from "nats";
import { z } from "zod";

import { countServers } from "./servers.ts";

const UPDATE = "$SYS.REQ.CLAIMS.UPDATE";
const ANSWER_MS_MAX = 5_000;

// The server adds fields of its own from release to release.
const Answer = z.object({
  data: z.object({ code: z.number(), message: z.string().optional() }).optional(),
  error: z.object({ code: z.number(), description: z.string() }).optional(),
});

/**
 * Gives every server a new form of an account. When this resolves, revoked connections are being cut. `false` where a
 * server of a cluster did not say that it has it; one that comes back compares within seconds.
 */
export async function pushAccount(system: NatsConnection, jwt: string): Promise<boolean> {
  // Headers and framing need a little room beside the JWT.
  if (jwt.length > PAYLOAD_BYTES_MAX - 1024)
    throw new BomaError("wire/size", `an account of ${jwt.length} bytes is more than one message carries`, {
      hint: "Too many revocations within the life of a credential.",
    });
  const servers = await countServers(system);
  const answers = await answersOf(system, jwt, servers);
  for (const answer of answers) assertTaken(answer);
  return answers.length >= servers;
}

async function answersOf(system: NatsConnection, jwt: string, servers: number): Promise<readonly Msg[]> {
  const answers: Msg[] = [];
  try {
    const replies = await system.requestMany(UPDATE, jwt, {
      strategy: "count",
      maxMessages: servers,
      maxWait: ANSWER_MS_MAX,
    });
    for await (const reply of replies) answers.push(reply);
  } catch (cause) {
    throw new BomaError("bus/unreachable", "the server did not answer to a change of accounts", { cause });
  }
  if (answers.length === 0)
    throw new BomaError("bus/unreachable", "no server answered to a change of accounts");
  return answers;
}

function assertTaken(reply: Msg): void {
  const answer = Answer.parse(JSON.parse(reply.string()));
  if (answer.data?.code === 200) return;
  const why = answer.error?.description ?? answer.data?.message ?? "no reason given";
  throw new BomaError("bus/refused", `the server refused a change of accounts: ${why}`);
}
