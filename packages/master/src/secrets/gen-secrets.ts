/**
 * `gen:NAME`: a secret that nobody has to think up. It is made when it is first
 * asked for and kept, sealed, in the store; from then on it is the same for the
 * whole site, or with `per=node` for one node.
 */
import { randomBytes, randomInt, randomUUID } from "node:crypto";

import { BomaError, NodeId, NodeKey } from "@boma/protocol";
import { z } from "zod";

import { type Store } from "../store/store.ts";
import { Table } from "../store/table.ts";
import { CEPH_KEY_BYTES, makeCephKey } from "./ceph-key.ts";
import type { ForNode, SecretProvider } from "./provider.ts";
import { assertOptions, malformed, type Reference } from "./reference.ts";

const ENCODINGS = ["base64", "hex", "alnum", "ceph", "uuid"] as const;
const ALNUM = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
const NAME = /^[A-Za-z0-9][A-Za-z0-9._/-]{0,99}$/;
const LENGTH_MAX = 1024;
const LENGTH_USUAL = 32;
const UUID_BYTES = 16;
/** Ceph takes no other key, and a UUID has no other length. */
const LENGTHS: Readonly<Record<string, number>> = { ceph: CEPH_KEY_BYTES, uuid: UUID_BYTES };

const GenRecord = z.strictObject({
  name: z.string(),
  /** For one node only: which, and by which key it was known. */
  node: z.strictObject({ id: NodeId, key: NodeKey }).optional(),
  length: z.number(),
  encoding: z.enum(ENCODINGS),
  value: z.string(),
  madeAt: z.number(),
});
type GenRecord = z.output<typeof GenRecord>;

interface Wanted {
  readonly name: string;
  readonly perNode: boolean;
  readonly length: number;
  readonly encoding: GenRecord["encoding"];
}

/** A generated secret as it is listed: everything but its value. */
export type Listed = Pick<GenRecord, "name" | "length" | "encoding" | "madeAt"> & { readonly node?: string };

export class GenSecrets implements SecretProvider {
  readonly #table: Table<GenRecord>;

  private constructor(table: Table<GenRecord>) {
    this.#table = table;
  }

  static async open(store: Store): Promise<GenSecrets> {
    return new GenSecrets(await Table.open(store, "secret", GenRecord));
  }

  check(reference: Reference): void {
    wantedOf(reference);
  }

  async read(reference: Reference, node: ForNode): Promise<string> {
    const wanted = wantedOf(reference);
    const id = idOf(wanted.name, wanted.perNode ? node.id : undefined);
    const kept = await this.#table.update(id, (held) => {
      if (!held) return make(wanted, node);
      assertSame(reference, wanted, held);
      return wanted.perNode ? followed(reference, held, node) : held;
    });
    return kept!.value;
  }

  list(): Listed[] {
    const listed = [...this.#table.values()].map(({ value: _secret, node, ...rest }) => ({
      ...rest,
      ...(node && { node: node.id }),
    }));
    return listed.toSorted((a, b) => (`${a.name} ${a.node ?? ""}` < `${b.name} ${b.node ?? ""}` ? -1 : 1));
  }

  /** The next who asks gets a new one. */
  async forget(name: string, node?: string): Promise<boolean> {
    const id = idOf(name, node);
    if (!this.#table.get(id)) return false;
    await this.#table.update(id, () => undefined);
    return true;
  }

  /** A key has ended: what was made for its node goes on with the node's next key, or goes with the node. */
  async endKey(key: string, successor: Pick<ForNode, "id" | "key"> | undefined): Promise<void> {
    for (const { name, node } of this.#table.values()) {
      if (node?.key !== key) continue;
      await this.#table.update(
        idOf(name, node.id),
        (held) => held && successor && { ...held, node: { id: node.id, key: successor.key } },
      );
    }
  }
}

/** A record's name is one token of a subject. */
const idOf = (name: string, node: string | undefined): string =>
  Buffer.from(node === undefined ? name : `${name}\0${node}`).toString("base64url");

function wantedOf(reference: Reference): Wanted {
  const { text, path: name, key, options } = reference;
  assertOptions(reference, ["len", "enc", "per"]);
  const { enc = "base64", per = "site", ...more } = Object.fromEntries(options);
  const encoding = ENCODINGS.find((one) => one === enc);
  const only = LENGTHS[enc];
  const { len = String(only ?? LENGTH_USUAL) } = more;
  const length = /^[1-9]\d{0,3}$/.test(len) ? Number(len) : 0;
  if (
    !NAME.test(name) ||
    key !== undefined ||
    !encoding ||
    length < 8 ||
    length > LENGTH_MAX ||
    (only !== undefined && length !== only) ||
    !/^(site|node)$/.test(per)
  )
    throw malformed(
      text,
      `Write gen:NAME?len=32&enc=${ENCODINGS.join("|")}&per=site|node, with a length from 8 to ${LENGTH_MAX}.`,
    );
  return { name, perNode: per === "node", length, encoding };
}

function make({ name, perNode, length, encoding }: Wanted, { id, key }: ForNode): GenRecord {
  const value = valueOf(length, encoding);
  return { name, length, encoding, value, madeAt: Date.now(), ...(perNode && { node: { id, key } }) };
}

function valueOf(length: number, encoding: Wanted["encoding"]): string {
  if (encoding === "ceph") return makeCephKey();
  if (encoding === "uuid") return randomUUID();
  if (encoding === "alnum") return Array.from({ length }, () => ALNUM[randomInt(ALNUM.length)]).join("");
  return randomBytes(length).toString(encoding);
}

function assertSame({ text }: Reference, wanted: Wanted, held: GenRecord): void {
  if (held.length === wanted.length && held.encoding === wanted.encoding) return;
  throw new BomaError(
    "secret/unknown",
    `${text}: this secret was made with len=${held.length}&enc=${held.encoding}`,
    { hint: `Ask for it as it is, or let go of it: \`boma-master secret forget ${wanted.name}\`.` },
  );
}

/** A node that moved to new keys keeps its secrets; another machine under its name does not get them. */
function followed({ text }: Reference, held: GenRecord, node: ForNode): GenRecord {
  if (held.node?.key === node.key) return held;
  if (held.node && held.node.key === node.formerKey) return { ...held, node: { id: node.id, key: node.key } };
  throw new BomaError(
    "secret/denied",
    `${text}: it was made for another machine that was called ${node.id}`,
    {
      hint: `If this one may have a new secret: \`boma-master secret forget ${held.name} --node ${node.id}\`.`,
    },
  );
}
