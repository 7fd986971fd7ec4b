/** What a node is let in by: a credential of its site's account, and the servers that take it. */
import type { Admission } from "@boma/protocol";

import { type BusTrust, issueAgentCredential, siteAccount } from "../bus/trust.ts";
import type { NodeRecord } from "../registry/node-record.ts";

export type Admit = (node: Pick<NodeRecord, "id" | "key" | "assigned">) => Promise<Admission>;

/** By which addresses the nodes of this one's site find their server; `undefined` where it is the centre's. */
export const siteServersBy =
  (trust: BusTrust) =>
  ({ assigned: { site } }: Pick<NodeRecord, "assigned">): readonly string[] | undefined =>
    siteAccount(trust, site).server?.urls;

export const admitBy =
  (trust: BusTrust): Admit =>
  async ({ id, key, assigned }) => {
    const { site } = assigned;
    const { server } = siteAccount(trust, site);
    return {
      credential: await issueAgentCredential(trust, { name: id, publicKey: key }, { site }),
      ...(server && { servers: [...server.urls] }),
    };
  };
