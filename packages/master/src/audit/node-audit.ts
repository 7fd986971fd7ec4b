/** Who became a node and who ceased to be one, with the keys that check what it signs. */
import type { NodeRecord } from "../registry/node-record.ts";
import type { Audit } from "./audit.ts";

export class NodeAudit {
  readonly #audit: Pick<Audit, "write">;

  constructor(audit: Pick<Audit, "write">) {
    this.#audit = audit;
  }

  async enrolled(node: NodeRecord): Promise<void> {
    const { assurance, approvedBy: by, assigned } = node;
    await this.#audit.write({ kind: "enrolled", ...keysOf(node), assurance, by, assigned });
  }

  async rekeyed(node: NodeRecord, formerKey: string): Promise<void> {
    await this.#audit.write({ kind: "rekeyed", ...keysOf(node), formerKey });
  }

  async revoked(node: NodeRecord): Promise<void> {
    await this.#audit.write({ kind: "revoked", ...keysOf(node) });
  }

  async assigned({ key, id, assigned }: Pick<NodeRecord, "key" | "id" | "assigned">): Promise<void> {
    await this.#audit.write({ kind: "assigned", node: key, id, assigned });
  }
}

const keysOf = ({ key, id, fingerprint, sign }: NodeRecord) => ({ node: key, id, fingerprint, sign });
