/** What a machine must know before its first word: made anew whenever somebody asks, for addresses change. */
import type { JoinKit } from "@boma/protocol";

import { type BusTrust, enrolKit, siteAccount } from "../bus/trust.ts";

interface Bus {
  readonly trust: BusTrust;
  readonly servers: readonly string[];
  /** PEM. */
  readonly ca?: string | undefined;
}

/** For machines of a site, if that has a server of its own; else for all. */
export function joinKit({ trust, servers, ca }: Bus, root: Uint8Array, site?: unknown): JoinKit {
  const { accountPublicKey: enrolAccount, scopedSigningSeed: enrolSeed } = enrolKit(trust, site);
  const der = ca?.replace(/-----[^-]+-----|\s/g, "");
  return {
    servers: [...(siteAccount(trust, site).server?.urls ?? servers)],
    root,
    enrolAccount,
    enrolSeed,
    ...(der !== undefined && { ca: new Uint8Array(Buffer.from(der, "base64")) }),
  };
}
