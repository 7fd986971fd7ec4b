/** What goes on while things are killed: an operator who asks for jobs, and a node that tells of itself. Both keep count. */
import { join } from "node:path";

import { answerNonce, NodeEvent, seal, subjects } from "@boma/protocol";
import { connect, headers } from "nats";

import { Identity } from "../../packages/agent/src/identity.ts";
import { Client } from "../../packages/master/src/client/client.ts";
import { homeAt } from "../../packages/master/src/home.ts";
import { readOperatorFile } from "../../packages/master/src/operator-file.ts";
import type { Fleet } from "./fleet.ts";
import { inboxLeft } from "./kept.ts";
import { pause } from "./pause.ts";

const ANSWER_MS = 3_000;
const HOUR_MS = 3_600_000;

export const clientOf = (fleet: Fleet): Promise<Client> =>
  Client.connect(readOperatorFile(homeAt(fleet.home)));

/** Asks for one job after the other, and notes those that the master said it has. */
export async function askForJobs(
  fleet: Fleet,
  target: string,
  acknowledged: Set<string>,
  signal: AbortSignal,
): Promise<void> {
  const args = { target, function: "test.echo", args: { text: "x" }, timeoutMs: 5_000 };
  const asked = { ...args, test: false, allowEmpty: false, watch: false };
  while (!signal.aborted)
    try {
      await using client = await clientOf(fleet);
      while (!signal.aborted) {
        const [item] = await client.ask<{ record: { job: string } }[]>("job.start", asked, ANSWER_MS);
        acknowledged.add(item!.record.job);
        await pause(10);
      }
    } catch {
      await pause(20); // Nothing was acknowledged; it asks again, as a person would.
    }
}

/** Speaks for a node whose agent does not run: each thing is said, in the same words, until the bus has it. */
export async function tellOfNode(
  fleet: Fleet,
  prefix: string,
  acknowledged: Set<string>,
  signal: AbortSignal,
): Promise<void> {
  const dir = join(fleet.dir, prefix, "agent", "emulated", `${prefix}-0001`, "agent");
  const { keys, approved } = (await Identity.read(dir))!;
  const connection = await connect({
    servers: [...fleet.servers],
    authenticator: answerNonce(keys.nkey, () => approved!.credential),
    inboxPrefix: `_INBOX.${keys.nkey.publicKey}`,
    maxReconnectAttempts: -1,
    reconnectTimeWait: 50,
    ignoreAuthErrorAbort: true,
  });
  const subject = subjects.inbox(keys.nkey.publicKey, "event");
  for (let at = 0; !signal.aborted; at++) {
    const message = `said ${at}`;
    const data = { code: "wire/frame", subject: "-", message, unreported: 0 };
    const now = Date.now();
    const sealed = { to: "master", key: keys.sign, now, expires: now + HOUR_MS } as const;
    const frame = seal(NodeEvent, { kind: "node.message-refused", data }, sealed);
    const named = headers();
    named.set("Nats-Msg-Id", crypto.randomUUID());
    for (let isKept = false; !isKept;)
      try {
        const ack = await connection.request(subject, frame, { timeout: 500, headers: named });
        // A refusal names the stream as well.
        isKept = ack.json<{ error?: unknown }>().error === undefined;
        if (!isKept) await pause(20);
      } catch {
        await pause(20);
      }
    acknowledged.add(message);
    await pause(15);
  }
  await connection.close();
}

/** Resolves when every job is closed and the inbox is empty. */
export async function atRest(fleet: Fleet, msMax = 60_000): Promise<void> {
  const end = Date.now() + msMax;
  for (let left = await leftOf(fleet); left !== 0; left = await leftOf(fleet)) {
    if (Date.now() > end) throw new Error(`${left} jobs or messages are still open after ${msMax} ms`);
    await pause(500);
  }
}

async function leftOf(fleet: Fleet): Promise<number> {
  try {
    await using client = await clientOf(fleet);
    const list = await client.ask<{ closedAt?: number }[]>("job.list", { limit: 10_000 });
    const left = await inboxLeft(fleet.home, fleet.servers[0]!);
    return list.filter(({ closedAt }) => closedAt === undefined).length + left;
  } catch {
    return -1; // The bus is on its way back.
  }
}
