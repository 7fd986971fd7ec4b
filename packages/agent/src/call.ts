/**
 * An order that was called out to every node at once. It is kept nowhere: a node that does not hear it finds it in
 * its mailbox a moment later, and one that hears it twice runs it once.
 */
import { asBomaError, BomaError, Call, EVERYBODY, type JobOrder, open, subjects } from "@boma/protocol";

import type { MailboxPorts } from "./mailbox.ts";

/** What runs out while it is read would be the node's last word on a job that its mailbox is about to have. */
const BEGIN_MS = 100;

export function receiveCall(data: Uint8Array, ports: Omit<MailboxPorts, "key" | "outbox">): void {
  const order = openCall(data, ports);
  if (!order || ports.jobs.has(order.job) || ports.journal.stateOf(order.job) !== undefined) return;
  ports.jobs.accept(order);
}

function openCall(
  data: Uint8Array,
  { trust, time, jobs, refused }: Omit<MailboxPorts, "key" | "outbox">,
): JobOrder | undefined {
  try {
    const { body } = open(Call, data, { trusts: trust.trusts, to: EVERYBODY, now: time.now() });
    // A snapshot has a number that only rises, a call has none: so it may be heard again after a disk was put back.
    if (!jobs.onlyLooks(body))
      throw new BomaError("wire/schema", `${body.function} changes nodes: no such order is called out`);
    if (body.expiresAt - time.now() < BEGIN_MS)
      throw new BomaError("wire/expired", `job ${body.job} was heard too late to begin`);
    return body;
  } catch (thrown) {
    refused(asBomaError(thrown), subjects.call);
    return undefined;
  }
}
