/** What a machine must know before its first word: made anew whenever somebody asks, for addresses change. */
import type { JoinKit, Knocking } from "@boma/protocol";

import { type BusTrust, enrolKit, siteAccount } from "../bus/trust.ts";

interface Bus {
  readonly trust: BusTrust;
  readonly servers: readonly string[];
  /** PEM. */
  readonly ca?: string | undefined;
}

interface About {
  readonly root: Uint8Array;
  /** The newest key by which machines knock. */
  readonly number: number;
  readonly site?: unknown;
}

/** With what a node knocks should it have to ask anew: at the centre, and at the server of its site. */
export function knockingAt(trust: BusTrust, number: number, site: unknown): Knocking[] {
  const kits = [enrolKit(trust, { number }), enrolKit(trust, { site, number })];
  const seeds = new Map(kits.map((kit) => [kit.accountPublicKey, kit.scopedSigningSeed]));
  return [...seeds].map(([account, seed]) => ({ account, seed }));
}

/** For machines of a site, if that has a server of its own; else for all. */
export function joinKit({ trust, servers, ca }: Bus, { root, number, site }: About): JoinKit {
  const { accountPublicKey: enrolAccount, scopedSigningSeed: enrolSeed } = enrolKit(trust, { site, number });
  const der = ca?.replace(/-----[^-]+-----|\s/g, "");
  return {
    servers: [...(siteAccount(trust, site).server?.urls ?? servers)],
    root,
    enrolAccount,
    enrolSeed,
    ...(der !== undefined && { ca: new Uint8Array(Buffer.from(der, "base64")) }),
  };
}
