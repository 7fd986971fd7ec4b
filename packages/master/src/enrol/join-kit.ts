/** What a machine must know before its first word: made anew whenever somebody asks, for addresses change. */
import type { JoinKit } from "@boma/protocol";

import { type BusTrust, enrolKit } from "../bus/trust.ts";

interface Bus {
  readonly trust: BusTrust;
  readonly servers: readonly string[];
  /** PEM. */
  readonly ca?: string | undefined;
}

export function joinKit({ trust, servers, ca }: Bus, root: Uint8Array): JoinKit {
  const { accountPublicKey: enrolAccount, scopedSigningSeed: enrolSeed } = enrolKit(trust);
  const der = ca?.replace(/-----[^-]+-----|\s/g, "");
  return {
    servers: [...servers],
    root,
    enrolAccount,
    enrolSeed,
    ...(der !== undefined && { ca: new Uint8Array(Buffer.from(der, "base64")) }),
  };
}
