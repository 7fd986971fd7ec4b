/**
 * Nodes have seen later snapshots of their mailboxes than a backup holds, and refuse it as a replay. So what waits in a
 * mailbox is signed once more: numbered by time, it is higher than anything they have seen, and they read it when they
 * next say hello. Then a node also says again how a job ended that the master lost sight of.
 */
import { subjects } from "@boma/protocol";
import type { NatsConnection } from "nats";

import type { Keyring } from "../keyring.ts";
import { Mailboxes } from "../mail/mailbox.ts";
import { Store, STREAM } from "../store/store.ts";

export async function renumberMailboxes(connection: NatsConnection, keyring: Keyring): Promise<void> {
  const store = await Store.open(connection, keyring.store);
  const { state } = await store.manager.streams.info(STREAM.mailbox, { subjects_filter: subjects.mail("*") });
  const keys = Object.keys(state.subjects ?? {}).map((subject) => subject.slice(subjects.mail("").length));
  // What is not ours is left to the master to tell of.
  const mailboxes = new Mailboxes(store, { keyring: () => keyring, refused: () => undefined });
  await mailboxes.resignAll(keys);
  // What is still there from before held nothing: nobody need refuse it.
  await store.manager.streams.purge(STREAM.mailbox, { seq: state.last_seq + 1 });
}
