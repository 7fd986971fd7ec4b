/** Where nodes are reached: at the centre, or behind the server of their site. */
import { addressOf } from "@boma/protocol";

import { type BusTrust, siteAccount } from "../bus/trust.ts";
import type { NodeRecord } from "../registry/node-record.ts";

export interface Whereabouts {
  /** The site behind whose server a node belongs, if its site has one. */
  readonly siteOf: (key: string) => string | undefined;
  readonly addressOf: (key: string) => string;
}

interface Nodes {
  byKey(key: string): Pick<NodeRecord, "assigned"> | undefined;
}

export function whereabouts(trust: BusTrust, nodes: Nodes): Whereabouts {
  const siteOf = (key: string): string | undefined => {
    const { site, server } = siteAccount(trust, nodes.byKey(key)?.assigned["site"]);
    return server && site;
  };
  return { siteOf, addressOf: (key) => addressOf(key, siteOf(key)) };
}
