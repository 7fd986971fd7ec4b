/** When nodes can put nothing into the inbox: what they did meanwhile is heard late, and nobody is called silent for it. */
import type { NatsConnection } from "nats";

import type { Store } from "../store/store.ts";
import type { InboxRead } from "./inbox-read.ts";

export function followInbox(
  inboxRead: Pick<InboxRead, "shut" | "opened">,
  { bus, store }: { readonly bus: NatsConnection; readonly store: Pick<Store, "taking"> },
): void {
  store.taking.listen((trouble) =>
    trouble === undefined ? inboxRead.opened("full") : inboxRead.shut("full"),
  );
  void followLine(inboxRead, bus);
}

async function followLine(inboxRead: Pick<InboxRead, "shut" | "opened">, bus: NatsConnection): Promise<void> {
  for await (const { type } of bus.status()) {
    if (type === "disconnect") inboxRead.shut("away");
    else if (type === "reconnect") inboxRead.opened("away");
  }
}
