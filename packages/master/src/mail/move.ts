/** What lies on the bus for a node lies where the node reads it. */
import type { Whereabouts } from "../nodes/whereabouts.ts";
import type { Chunks } from "./chunks.ts";
import type { Mailboxes } from "./mailbox.ts";

interface Parts {
  readonly mailboxes: Mailboxes;
  readonly chunks: Chunks;
  readonly where: Whereabouts;
}

/** The node was reached at this address until now. */
export async function moveMail(
  { mailboxes, chunks, where }: Parts,
  key: string,
  from: string,
): Promise<void> {
  if (where.addressOf(key) === from) return;
  // Parts before the orders that name them.
  await chunks.move(key, from);
  await mailboxes.move(key, from);
}

/** At the start: sites may have got servers since, and a master may have died while it moved something. */
export async function moveAllMail(parts: Parts): Promise<void> {
  for (const { key, address } of await parts.mailboxes.addresses()) await moveMail(parts, key, address);
}
