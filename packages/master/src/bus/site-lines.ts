/** Hears when the server of a site has its line to the centre, or has it no more. */
import type { NatsConnection } from "nats";

import type { BusTrust } from "./trust.ts";

interface Heard {
  /** Its nodes can be reached, again or for the first time. */
  readonly onLine: (site: string) => void;
  /** Its server can be asked who is there, or cannot be asked any more. */
  readonly onServer: () => void;
}

export function watchSiteLines(system: NatsConnection, trust: BusTrust, { onLine, onServer }: Heard): void {
  const sites = trust.agents.flatMap(({ site, server }) => (server ? [{ site, server }] : []));
  const hear = (account: string, kind: "CONNECT" | "DISCONNECT", act: () => void) =>
    system.subscribe(`$SYS.ACCOUNT.${account}.${kind}`, { callback: (error) => void (error ?? act()) });
  // Nobody else has users of these accounts, but for this master's own in the second.
  for (const { site, server } of sites) hear(server.centre.account.publicKey, "CONNECT", () => onLine(site));
  if (sites.length === 0) return;
  hear(trust.system.publicKey, "CONNECT", onServer);
  hear(trust.system.publicKey, "DISCONNECT", onServer);
}
