/** One attempt: reads the event again, resolves the receiver's secrets, sends. */
import { type BomaError, asBomaError } from "@boma/protocol";
import { type Notification, replaceSecrets, type Sender, secretsIn } from "@boma/states/core";

import { readEvent } from "../events/events.ts";
import type { SecretResolver } from "../secrets/secret-resolver.ts";
import { type Store, STREAM } from "../store/store.ts";
import type { NewDelivery } from "./deliveries.ts";
import { digestNotice, type Notice, noticeOf } from "./notice.ts";
import { send, SendFault } from "./senders/index.ts";
import type { Opened } from "./senders/send.ts";

export type Deliver = (spec: Notification, delivery: NewDelivery, signal: AbortSignal) => Promise<void>;

export interface DeliverParts {
  readonly store: Store;
  readonly secrets: SecretResolver;
}

export const delivering =
  (parts: DeliverParts): Deliver =>
  async (spec, delivery, signal) => {
    const notice = delivery.digest
      ? digestNotice(spec, { id: delivery.id, digest: delivery.digest })
      : noticeOf(spec, { id: delivery.id, event: await eventOf(parts.store, delivery) });
    await sendNow(parts, spec, { notice, signal });
  };

export async function sendNow(
  { secrets }: Pick<DeliverParts, "secrets">,
  { to, timeoutMs }: Notification,
  { notice, signal }: { readonly notice: Notice; readonly signal: AbortSignal },
): Promise<void> {
  await send({ to: await open(to, secrets), notice, timeoutMs, signal });
}

async function open(to: Sender, secrets: SecretResolver): Promise<Opened<Sender>> {
  try {
    const values = await secrets.resolveOwn(secretsIn(to));
    return replaceSecrets(to, (reference) => values.get(reference)!) as Opened<Sender>;
  } catch (thrown) {
    // A secret's error names the reference and never the value.
    const error: BomaError = asBomaError(thrown);
    throw new SendFault(error.message);
  }
}

async function eventOf({ api }: Store, { sequence, uid }: NewDelivery) {
  const stored = await api.streams.getMessage(STREAM.events, { seq: sequence });
  const event = stored && readEvent({ data: stored.data, sequence });
  if (event?.uid === uid) return event;
  throw new SendFault("the event is older than events are kept", { isFinal: true });
}
