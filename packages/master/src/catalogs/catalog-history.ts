/** Catalogs by their hash, as nodes were sent them: what changed between two runs can be shown. Secrets are not in them. */
import { BomaError, pack, unpack } from "@boma/protocol";
import { Catalog } from "@boma/states/core";
import { z } from "zod";

import type { Table } from "../store/table.ts";

/** So many of each node; older ones go. */
const KEPT_PER_NODE = 20;
/** One that is larger is sent, but not kept: it would not fit into a record. */
const BYTES_MAX = 700 * 1024;

export const CatalogRecord = z.strictObject({
  key: z.string(),
  hash: z.string(),
  at: z.number(),
  bytes: z.custom<Uint8Array>((value) => value instanceof Uint8Array),
});
export type CatalogRecord = z.output<typeof CatalogRecord>;

export class CatalogHistory {
  readonly #table: Table<CatalogRecord>;

  constructor(table: Table<CatalogRecord>) {
    this.#table = table;
  }

  async keep(key: string, hash: string, catalog: Catalog): Promise<void> {
    if (this.#table.get(nameOf(key, hash))) return;
    const bytes = pack(catalog);
    if (bytes.length > BYTES_MAX) return;
    await this.#table.update(nameOf(key, hash), () => ({ key, hash, at: Date.now(), bytes }));
    for (const { hash: old } of this.list(key).slice(KEPT_PER_NODE))
      await this.#table.update(nameOf(key, old), () => undefined);
  }

  /** The newest first. */
  list(key: string): readonly { readonly hash: string; readonly at: number }[] {
    const mine = [...this.#table.values()].filter((record) => record.key === key);
    return mine.sort((a, b) => b.at - a.at).map(({ hash, at }) => ({ hash, at }));
  }

  /** By hash or its beginning. */
  find(key: string, hash: string): Catalog {
    const found = this.list(key).filter((record) => record.hash.startsWith(hash));
    const [one] = found;
    if (!one || found.length > 1)
      throw new BomaError(
        "usage/argument",
        `${found.length === 0 ? "no catalog" : "more than one catalog"} of this node begins with ${hash}`,
        {
          hint: "`boma-master catalog list NODE` shows those that are kept.",
        },
      );
    return Catalog.parse(unpack(this.#table.get(nameOf(key, one.hash))!.bytes));
  }
}

/** A subject takes no more than the beginning of the hash beside the key; 24 hex digits do not collide by chance. */
const nameOf = (key: string, hash: string): string => `${key}-${hash.slice(0, 24)}`;
