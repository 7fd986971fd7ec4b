/**
 * Catalogs by their hash, as nodes were sent them: what changed between two runs can be shown. Secrets are not in them.
 * What there is of each node is a record; the catalogs themselves lie beside the jobs, and go when those would.
 */
import { BomaError, pack, subjects, unpack } from "@boma/protocol";
import { Catalog } from "@boma/states/core";
import { z } from "zod";

import { hide, reveal } from "../secret-box.ts";
import { type Store, STREAM } from "../store/store.ts";
import { Table } from "../store/table.ts";

/** So many of each node; the next one takes the place of the oldest. */
const KEPT_PER_NODE = 20;
/** One that is larger is sent, but not kept: it would not fit into a message. */
const BYTES_MAX = 700 * 1024;
/** One that is sent again is written again after this time, so that it is there for as long as the job that sent it. */
const FRESH_MS = 7 * 24 * 3_600_000;

const KeptCatalog = z.strictObject({
  hash: z.string(),
  at: z.number(),
  place: z
    .int()
    .min(0)
    .max(KEPT_PER_NODE - 1),
});
type KeptCatalog = z.output<typeof KeptCatalog>;

const CatalogList = z.strictObject({
  key: z.string(),
  /** The newest first. */
  kept: z.array(KeptCatalog).max(KEPT_PER_NODE),
});
type CatalogList = z.output<typeof CatalogList>;

export class CatalogHistory {
  readonly #store: Store;
  readonly #lists: Table<CatalogList>;

  private constructor(store: Store, lists: Table<CatalogList>) {
    this.#store = store;
    this.#lists = lists;
  }

  static async open(store: Store): Promise<CatalogHistory> {
    return new CatalogHistory(store, await Table.open(store, "catalogs", CatalogList));
  }

  async keep(key: string, hash: string, catalog: Catalog): Promise<void> {
    if (this.#of(key).some((one) => one.hash === hash && isFresh(one))) return;
    const bytes = pack({ hash, catalog });
    if (bytes.length > BYTES_MAX) return;
    const list = await this.#lists.update(key, (now) => ({ key, kept: withNew(hash, now?.kept ?? []) }));
    const { place } = list!.kept.find((one) => one.hash === hash)!;
    const subject = subjects.catalog(key, place);
    await this.#store.put(subject, hide(bytes, this.#store.key, subject));
  }

  #of(key: string): readonly KeptCatalog[] {
    return this.#lists.get(key)?.kept ?? [];
  }

  /** The newest first. */
  list(key: string): readonly { readonly hash: string; readonly at: number }[] {
    return this.#of(key).map(({ hash, at }) => ({ hash, at }));
  }

  /** By hash or its beginning. */
  async find(key: string, hash: string): Promise<Catalog> {
    const found = this.#of(key).filter((one) => one.hash.startsWith(hash));
    const [one] = found;
    if (!one || found.length > 1)
      throw unknown(`${one ? "more than one catalog" : "no catalog"} of this node begins with ${hash}`);
    const subject = subjects.catalog(key, one.place);
    const stored = await this.#store.last(STREAM.jobs, subject);
    const kept = stored && Kept.parse(unpack(reveal(stored.data, this.#store.key, subject)));
    if (kept?.hash !== one.hash)
      throw unknown(`the catalog ${hash} of this node is not kept any more: jobs of that time are gone`);
    return kept.catalog;
  }

  async forget(key: string): Promise<void> {
    const kept = this.#of(key);
    await Promise.all(kept.map(({ place }) => this.#store.purge(STREAM.jobs, subjects.catalog(key, place))));
    if (kept.length > 0) await this.#lists.update(key, () => undefined);
  }
}

const Kept = z.strictObject({ hash: z.string(), catalog: Catalog });

const isFresh = ({ at }: KeptCatalog): boolean => Date.now() - at < FRESH_MS;

/** At a place of its own: one that is free, or that of the oldest. */
function withNew(hash: string, kept: readonly KeptCatalog[]): KeptCatalog[] {
  const staying = kept.filter((one) => one.hash !== hash).slice(0, KEPT_PER_NODE - 1);
  const taken = new Set(staying.map(({ place }) => place));
  let place = 0;
  while (taken.has(place)) place += 1;
  return [{ hash, at: Date.now(), place }, ...staying];
}

const unknown = (what: string): BomaError =>
  new BomaError("usage/argument", what, {
    hint: "`boma-master catalog list NODE` shows those that are kept.",
  });
