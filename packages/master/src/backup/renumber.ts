/**
 * Nodes have seen later snapshots of their mailboxes than a backup holds, and refuse it as a replay. So what waits in a
 * mailbox is signed once more: numbered by time, it is higher than anything they have seen, and they read it when they
 * next say hello. Then a node also says again how a job ended that the master lost sight of.
 */
import type { NatsConnection } from "nats";

import type { Keyring } from "../keyring.ts";
import { Mailboxes } from "../mail/mailbox.ts";
import { Store, STREAM } from "../store/store.ts";

export async function renumberMailboxes(connection: NatsConnection, keyring: Keyring): Promise<void> {
  const store = await Store.open(connection, keyring.store);
  const { state } = await store.api.streams.info(STREAM.mailbox);
  const addresses = new Map<string, string>();
  // What is not ours is left to the master to tell of.
  const trust = { keyring: () => keyring, refused: () => undefined };
  const mailboxes = new Mailboxes(store, trust, (key) => addresses.get(key)!);
  for (const { key, address } of await mailboxes.addresses()) addresses.set(key, address);
  await mailboxes.resignAll(addresses.keys());
  // What is still there from before held nothing: nobody need refuse it.
  await store.api.streams.purge(STREAM.mailbox, { seq: state.last_seq + 1 });
}
