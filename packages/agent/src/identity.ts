/**
 * Who this node is: three key pairs made at the first boot, and what the master
 * said of them. The seeds never leave the file, and the file never becomes a
 * new identity silently: what cannot be read is an error, not a first boot.
 */
import { chmod, mkdir, rm, stat } from "node:fs/promises";
import { join } from "node:path";

import {
  type Admission,
  Assigned,
  BomaError,
  fingerprint,
  type JoinKit,
  type Knocking,
  newNkey,
  newSealingKey,
  newSigningKey,
  type Nkey,
  nkeyFromSeed,
  NodeId,
  parseToken,
  printJoinToken,
  type SealingKey,
  sealingKey,
  type SigningKey,
  signingKey,
} from "@boma/protocol";
import { z } from "zod";

import { readIfThere, writeAtomic } from "./files.ts";
import { keptObject } from "./kept-object.ts";

const Base64Key = z
  .base64()
  .refine((text) => Buffer.from(text, "base64").length === 32, "32 bytes in base64");
const StoredKeys = keptObject({
  nkey: z.string().regex(/^SU[A-Z2-7]{56}$/),
  sign: Base64Key,
  seal: Base64Key,
});
const StoredWay = keptObject({
  credential: z.string(),
  /** Which servers take it; without them those of the kit. */
  servers: z.array(z.string()).optional(),
});
const Stored = keptObject({
  version: z.literal(1),
  keys: StoredKeys,
  /** Starts of an agent on this home, this one included. */
  start: z.int().nonnegative(),
  /** What the node would like to be called, until the master decides. */
  proposed: NodeId,
  /** Servers, root pin and the enrolment seed, in the form of a join token. */
  kit: z.string().optional(),
  /** The same as it was given last: what the master said since then stands until another one is given. */
  given: z.string().optional(),
  approved: keptObject({
    id: NodeId,
    ...StoredWay.shape,
    /** How it was reached before, until it was heard where it was sent. */
    former: StoredWay.optional(),
    assigned: Assigned,
    assignedRevision: z.int(),
  }).optional(),
});
type Stored = z.output<typeof Stored>;
export type Approved = NonNullable<Stored["approved"]>;

export interface NodeKeys {
  readonly nkey: Nkey;
  readonly sign: SigningKey;
  readonly seal: SealingKey;
}

const newNodeKeys = (): NodeKeys => ({
  nkey: newNkey.user(),
  sign: newSigningKey(),
  seal: newSealingKey(),
});

export const publicKeys = (keys: NodeKeys): { nkey: string; sign: Uint8Array; seal: Uint8Array } => ({
  nkey: keys.nkey.publicKey,
  sign: keys.sign.publicKey,
  seal: keys.seal.publicKey,
});

const storeKeys = (keys: NodeKeys): z.output<typeof StoredKeys> => ({
  nkey: keys.nkey.seed,
  sign: Buffer.from(keys.sign.seed).toString("base64"),
  seal: Buffer.from(keys.seal.secretKey).toString("base64"),
});

const readKeys = (stored: z.output<typeof StoredKeys>): NodeKeys => ({
  nkey: nkeyFromSeed(stored.nkey),
  sign: signingKey(Buffer.from(stored.sign, "base64")),
  seal: sealingKey(new Uint8Array(Buffer.from(stored.seal, "base64"))),
});

const FILE = "identity.json";
const NEXT_FILE = "identity.next.json";

export class Identity {
  readonly #dir: string;
  readonly #durable: boolean;
  #stored: Stored;
  #keys: NodeKeys;
  #kit: JoinKit | undefined;
  #renew: (keys: NodeKeys) => Promise<void> = () => Promise.resolve();

  private constructor(dir: string, stored: Stored, options: { keys: NodeKeys; durable: boolean }) {
    this.#dir = dir;
    this.#durable = options.durable;
    this.#stored = stored;
    this.#keys = options.keys;
    this.#kit = stored.kit === undefined ? undefined : parseToken(stored.kit).kit;
  }

  /** Reads the identity of this home, or makes it where the home is new. */
  static async open(dir: string, options: { proposed: string; durable?: boolean }): Promise<Identity> {
    await mkdir(dir, { recursive: true, mode: 0o700 });
    const { durable = true } = options;
    const held = await readStored(join(dir, FILE));
    if (held) return new Identity(dir, held, { keys: readKeys(held.keys), durable });
    const keys = newNodeKeys();
    const stored: Stored = { version: 1, keys: storeKeys(keys), start: 0, proposed: options.proposed };
    const identity = new Identity(dir, stored, { keys, durable });
    await identity.#save({});
    return identity;
  }

  /** For commands that only look: `undefined` where this home has none. */
  static async read(dir: string): Promise<Identity | undefined> {
    const held = await readStored(join(dir, FILE));
    return held && new Identity(dir, held, { keys: readKeys(held.keys), durable: true });
  }

  get keys(): NodeKeys {
    return this.#keys;
  }
  get key(): string {
    return this.#keys.nkey.publicKey;
  }
  get fingerprint(): string {
    return fingerprint(publicKeys(this.#keys));
  }
  get start(): number {
    return this.#stored.start;
  }
  get kit(): JoinKit | undefined {
    return this.#kit;
  }
  /** How this node comes to its bus: as the master said last, and, until that proved good, as before. */
  get ways(): readonly Way[] {
    const { approved } = this.#stored;
    if (!approved) return [];
    return [approved, ...(approved.former ? [approved.former] : [])].map(({ credential, servers }) => ({
      credential,
      servers: servers ?? this.#kit?.servers ?? [],
    }));
  }
  /** Where this node finds its bus: what the master said last, else what it began with. */
  get servers(): readonly string[] {
    return this.ways[0]?.servers ?? this.#kit?.servers ?? [];
  }
  get approved(): Approved | undefined {
    return this.#stored.approved;
  }
  /** The id that the master gave, or else the one that this node asks for. */
  get id(): string {
    return this.#stored.approved?.id ?? this.#stored.proposed;
  }

  /** One write at each start: the counter, and what the command line says anew. */
  async begin(options: { kit?: JoinKit | undefined; proposed?: string | undefined }): Promise<void> {
    const { kit, proposed } = options;
    if (kit) this.#assertSameRoot(kit);
    const given = kit && printJoinToken(kit);
    const isNews = given !== undefined && given !== this.#stored.given;
    await this.#save({
      start: this.#stored.start + 1,
      ...(isNews && { kit: given, given }),
      ...(proposed !== undefined && { proposed }),
    });
    if (isNews) this.#kit = kit;
  }

  /** Once a master approved this node, only that master's root may speak to it. */
  #assertSameRoot(kit: JoinKit): void {
    if (!this.#stored.approved || !this.#kit || Buffer.compare(kit.root, this.#kit.root) === 0) return;
    throw new BomaError("trust/manifest", "this node belongs to a master with another root key", {
      hint: "To move it to another master, start it with an empty --home.",
    });
  }

  /** A credential comes with the servers that take it. */
  async approve({ credential, servers, ...approved }: Approval): Promise<void> {
    const before = this.#stored.approved;
    const admission = credential === undefined ? {} : { credential, servers, former: undefined };
    const next = withoutUndefined({
      assigned: {},
      assignedRevision: 0,
      ...before,
      ...approved,
      ...admission,
    });
    if (!("id" in next) || !("credential" in next)) return;
    if (before && JSON.stringify(before) === JSON.stringify(next)) return;
    await this.#save({ approved: next as Approved });
  }

  /** The key by which it came to ask may be void by the day when it must ask again. */
  async keepKnocking(now: readonly Knocking[]): Promise<void> {
    const kit = this.#kit;
    const seed = now.find(({ account }) => account === kit?.enrolAccount)?.seed;
    if (!kit || seed === undefined || seed === kit.enrolSeed) return;
    const next = { ...kit, enrolSeed: seed };
    await this.#save({ kit: printJoinToken(next) });
    this.#kit = next;
  }

  /** Another bus from now on; the way that is known to be good is kept until that one is. */
  async sendTo({ credential, servers }: Admission): Promise<void> {
    const { approved } = this.#stored;
    if (!approved) return;
    const former =
      approved.former ?? withoutUndefined({ credential: approved.credential, servers: approved.servers });
    await this.#save({ approved: withoutUndefined({ ...approved, credential, servers, former }) });
  }

  /** The master was reached by the way with this number, and said nothing of another one. */
  async settle(way: number): Promise<void> {
    const { approved } = this.#stored;
    if (!approved?.former) return;
    const { former, ...rest } = approved;
    await this.#save({
      approved: way === 0 ? rest : withoutUndefined({ ...rest, servers: undefined, ...former }),
    });
  }

  /** Keys that were made for a rekey and that the master may or may not know already. */
  async nextKeys(): Promise<NodeKeys | undefined> {
    const bytes = await readIfThere(join(this.#dir, NEXT_FILE));
    if (!bytes) return undefined;
    return readKeys(parseStored(StoredKeys, bytes, join(this.#dir, NEXT_FILE)));
  }

  /** They are on the disk before the master hears of them, so that a lost answer loses no node. */
  async makeNextKeys(): Promise<NodeKeys> {
    const held = await this.nextKeys();
    if (held) return held;
    const keys = newNodeKeys();
    const path = join(this.#dir, NEXT_FILE);
    await writeAtomic(path, JSON.stringify(storeKeys(keys)), { durable: this.#durable });
    return keys;
  }

  /** Whoever keeps something under the node's keys makes it good for the next ones, before the old ones go. */
  beforeNextKeys(renew: (keys: NodeKeys) => Promise<void>): void {
    this.#renew = renew;
  }

  async adoptNextKeys(keys: NodeKeys, { credential, servers }: Admission): Promise<void> {
    await this.#renew(keys);
    const before = this.#stored.approved;
    const approved = before && withoutUndefined({ ...before, credential, servers, former: undefined });
    await this.#save({ keys: storeKeys(keys), ...(approved && { approved }) });
    this.#keys = keys;
    await rm(join(this.#dir, NEXT_FILE), { force: true });
  }

  async #save(change: Partial<Stored>): Promise<void> {
    const next = { ...this.#stored, ...change };
    await writeAtomic(join(this.#dir, FILE), `${JSON.stringify(next, undefined, 2)}\n`, {
      durable: this.#durable,
    });
    this.#stored = next;
  }
}

export interface Way {
  readonly credential: string;
  readonly servers: readonly string[];
}

/** What may have been said of this node. */
type Approval = { readonly [Name in keyof Approved]?: Approved[Name] | undefined };

const withoutUndefined = <T extends object>(value: T): T =>
  Object.fromEntries(Object.entries(value).filter(([, entry]) => entry !== undefined)) as T;

async function readStored(path: string): Promise<Stored | undefined> {
  const bytes = await readIfThere(path);
  if (!bytes) return undefined;
  return parseStored(Stored, bytes, path);
}

function parseStored<S extends z.ZodType>(schema: S, bytes: Uint8Array, path: string): z.output<S> {
  try {
    return schema.parse(JSON.parse(Buffer.from(bytes).toString()));
  } catch (cause) {
    // The cause may quote the content, and the content holds seeds: only the place of the fault is told.
    const where = cause instanceof z.ZodError ? ` (at ${cause.issues[0]?.path.join(".")})` : "";
    throw new BomaError(
      "usage/file",
      `${path} is damaged${where}: the agent will not make a new identity by itself`,
      {
        hint: "Restore the file, or move it aside to enrol this machine as a new node.",
      },
    );
  }
}

/** Takes rights that others have on our files, and says which files those were. */
export async function closeHome(dir: string): Promise<string[]> {
  const open: string[] = [];
  for (const name of ["", FILE, NEXT_FILE, "journal"]) {
    const path = join(dir, name);
    const held = await stat(path).catch(() => undefined);
    if (!held || (held.mode & 0o077) === 0) continue;
    await chmod(path, held.mode & 0o700);
    open.push(path);
  }
  return open;
}

export const noMaster = (): BomaError =>
  new BomaError("usage/argument", "this machine does not know its master yet", {
    hint: "Give --token, --token-file or --join with what `boma-master token create` printed.",
  });
