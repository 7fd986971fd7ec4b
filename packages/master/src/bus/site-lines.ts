/** Which servers of sites have their line to the centre, as the bus tells it. */
import type { NatsConnection } from "nats";

import type { BusTrust } from "./trust.ts";

interface Heard {
  /** Its nodes can be reached, again or for the first time. */
  readonly onLine: (site: string) => void;
  readonly onCut: (site: string) => void;
  /** Its server can be asked who is there, or cannot be asked any more. */
  readonly onServer: () => void;
}

export interface SiteLine {
  readonly site: string;
  /** `undefined`: nothing was heard of it since this master leads. */
  readonly connected: boolean | undefined;
  readonly since: number | undefined;
}

export class SiteLines {
  readonly #lines = new Map<string, SiteLine>();

  constructor(system: NatsConnection, trust: BusTrust, { onLine, onCut, onServer }: Heard) {
    const sites = trust.agents.flatMap(({ site, server }) => (server ? [{ site, server }] : []));
    const hear = (account: string, kind: "CONNECT" | "DISCONNECT", act: () => void) =>
      system.subscribe(`$SYS.ACCOUNT.${account}.${kind}`, { callback: (error) => void (error ?? act()) });
    const turn = (site: string, connected: boolean, tell: (site: string) => void) => () => {
      this.#lines.set(site, { site, connected, since: Date.now() });
      tell(site);
    };
    for (const { site, server } of sites) {
      this.#lines.set(site, { site, connected: undefined, since: undefined });
      // Nobody else has users of this account.
      const account = server.centre.account.publicKey;
      hear(account, "CONNECT", turn(site, true, onLine));
      hear(account, "DISCONNECT", turn(site, false, onCut));
    }
    if (sites.length === 0) return;
    // Besides sites, this master's own line is one of these.
    hear(trust.system.publicKey, "CONNECT", onServer);
    hear(trust.system.publicKey, "DISCONNECT", onServer);
  }

  list(): readonly SiteLine[] {
    return [...this.#lines.values()];
  }
}
