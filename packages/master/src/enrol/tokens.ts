/** Boot tokens as the master keeps them: enough to check a proof, and what the bearer gets. */
import {
  Assigned,
  BomaError,
  Bytes,
  type BootToken,
  checkProof,
  type HardwareClaims,
  newBootToken,
  NodeKey,
  type ProofSubject,
  tokenKey,
} from "@boma/protocol";
import { z } from "zod";

import type { Store } from "../store/store.ts";
import { Table } from "../store/table.ts";

const TokenRecord = z.strictObject({
  id: z.string(),
  key: Bytes,
  assigned: Assigned,
  /** Only for a machine that claims this address. */
  mac: z.string().optional(),
  /** Of the machine that it was made for: one that claims another is refused. */
  uuid: z.string().optional(),
  /** Whoever comes with it keeps no keys, and may come back with new ones. */
  diskless: z.boolean().optional(),
  uses: z.number().int().positive(),
  /** The machines that used it: the same one may ask again, another one needs a use that is left. */
  usedBy: z.array(NodeKey),
  expiresAt: z.number(),
  createdBy: z.string(),
  createdAt: z.number(),
});
export type TokenRecord = z.output<typeof TokenRecord>;

export class Tokens {
  readonly #table: Table<TokenRecord>;

  private constructor(table: Table<TokenRecord>) {
    this.#table = table;
  }

  static async open(store: Store): Promise<Tokens> {
    return new Tokens(await Table.open(store, "token", TokenRecord));
  }

  async create(
    options: Pick<TokenRecord, "assigned" | "mac" | "uuid" | "diskless" | "uses" | "createdBy"> & {
      ttlMs: number;
    },
  ): Promise<BootToken> {
    const { ttlMs, ...rest } = options;
    const token = newBootToken();
    const now = Date.now();
    await this.#sweep(now);
    await this.#table.update(token.id, () => ({
      ...rest,
      id: token.id,
      key: tokenKey(token.secret),
      usedBy: [],
      createdAt: now,
      expiresAt: now + ttlMs,
    }));
    return token;
  }

  list(): TokenRecord[] {
    return [...this.#table.values()].sort((a, b) => a.createdAt - b.createdAt);
  }

  async revoke(id: string): Promise<void> {
    if (!this.#table.get(id)) throw new BomaError("token/invalid", `there is no token ${id}`);
    await this.#table.update(id, () => undefined);
  }

  get(id: string): TokenRecord | undefined {
    return this.#table.get(id);
  }

  /** Makes a token void that nobody has used yet; what was used stays listed. */
  async withdraw(id: string): Promise<void> {
    await this.#table.update(id, (record) => (record?.usedBy.length === 0 ? undefined : record));
  }

  /** Checks a machine's proof and takes one use. Throws with the reason; what a stranger is told is decided elsewhere. */
  async redeem(
    id: string,
    subject: ProofSubject,
    proof: Uint8Array,
    { macs, uuid }: Pick<HardwareClaims, "macs" | "uuid">,
  ): Promise<TokenRecord> {
    const token = await this.#table.update(id, (record) => {
      if (!record) throw refused(`the token ${id} is not known`);
      if (!checkProof(record.key, subject, proof)) throw refused(`the proof for token ${id} does not hold`);
      if (record.expiresAt < Date.now()) throw refused(`the token ${id} has expired`);
      const { mac } = record;
      if (mac !== undefined && !macs.some((claimed) => claimed.toLowerCase() === mac.toLowerCase()))
        throw refused(`the token ${id} is for the machine with ${mac}`);
      if (record.uuid !== undefined && uuid !== undefined && record.uuid.toLowerCase() !== uuid.toLowerCase())
        throw refused(`the token ${id} is for the machine ${record.uuid}`);
      if (record.usedBy.includes(subject.nkey)) return record;
      if (record.usedBy.length >= record.uses) throw refused(`the token ${id} is spent`);
      return { ...record, usedBy: [...record.usedBy, subject.nkey] };
    });
    return token!;
  }

  async #sweep(now: number): Promise<void> {
    for (const { id, expiresAt } of this.#table.values())
      if (expiresAt + KEPT_MS < now) await this.#table.update(id, () => undefined);
  }
}

/** Spent and expired tokens stay listed for a day, so that a refusal can be understood. */
const KEPT_MS = 24 * 3_600_000;

const refused = (message: string): BomaError => new BomaError("token/invalid", message);
