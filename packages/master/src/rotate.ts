/** Another working key: shared with the other masters, kept, and brought to whoever listens. */
import type { Presence } from "./bus/presence.ts";
import type { Control } from "./control.ts";
import type { Home } from "./home.ts";
import { keepWorkingKey, nextWorkingKey } from "./keyring.ts";
import { shareKey } from "./lead/shared-key.ts";
import type { Mailboxes } from "./mail/mailbox.ts";
import type { Sessions } from "./nodes/sessions.ts";
import type { Registry } from "./registry/registry.ts";
import type { Store } from "./store/store.ts";

interface Spreading {
  readonly mailboxes: Mailboxes;
  readonly registry: Registry;
  readonly presence: Presence;
  readonly sessions: Sessions;
}

interface Rotating extends Spreading {
  readonly home: Home;
  readonly store: Store;
  readonly reread: () => void;
}

export async function rotate(
  { home, store, reread, ...spreading }: Rotating,
  ...how: Parameters<Control["rotate"]>
): ReturnType<Control["rotate"]> {
  const next = nextWorkingKey(home, ...how);
  // Before any node can hear of it: a master that takes over now must speak with it.
  await shareKey(store, next);
  keepWorkingKey(home, next);
  reread();
  await spreadKeys(spreading);
  return { serial: next.serial };
}

/** The working key is another one: what lies in mailboxes is signed anew, and who is connected hears of it. */
async function spreadKeys({ mailboxes, registry, presence, sessions }: Spreading): Promise<void> {
  await mailboxes.resignAll([...registry.approved()].map(({ key }) => key));
  // A question in the new key's hand sends every connected node to ask whose hand that is.
  for (const key of presence.keys()) sessions.ask(key, "who");
}
