/** Keys that may never connect again, told to the bus as part of its accounts. */
import { NodeKey } from "@boma/protocol";
import type { NatsConnection } from "nats";
import { z } from "zod";

import { accountJwts } from "../bus/accounts.ts";
import { pushAccount } from "../bus/claims.ts";
import type { BusTrust, RevokedKeys } from "../bus/trust.ts";
import type { JoinKeys } from "../enrol/join-keys.ts";
import type { Store } from "../store/store.ts";
import { Table } from "../store/table.ts";

const Revocation = z.strictObject({ key: NodeKey, of: z.enum(["agent", "operator"]), at: z.number() });
type Revocation = z.output<typeof Revocation>;

/** Which accounts are pushed, by their names. */
type Chosen = (account: string) => boolean;

interface Parts {
  readonly trust: BusTrust;
  readonly system: NatsConnection;
  /** Processes that led before this one. */
  readonly masters: RevokedKeys;
  readonly joinKeys: Pick<JoinKeys, "good">;
}

export class Revocations {
  readonly #table: Table<Revocation>;
  readonly #trust: BusTrust;
  readonly #system: NatsConnection;
  readonly #masters: RevokedKeys;
  readonly #joinKeys: Pick<JoinKeys, "good">;
  /** Pushes go one after the other, each with all that was revoked by then. */
  #pushing: Promise<void> = Promise.resolve();

  private constructor(table: Table<Revocation>, { trust, system, masters, joinKeys }: Parts) {
    this.#table = table;
    this.#trust = trust;
    this.#system = system;
    this.#masters = masters;
    this.#joinKeys = joinKeys;
  }

  static async open(store: Store, parts: Parts): Promise<Revocations> {
    return new Revocations(await Table.open(store, "revoked", Revocation), parts);
  }

  isRevoked(key: string): boolean {
    return this.#table.get(key) !== undefined;
  }

  /** Resolves when every server that answers has cut the key's connections and refuses new ones. */
  async revoke(key: string, of: Revocation["of"]): Promise<void> {
    await this.#table.update(key, (known) => known ?? { key, of, at: Date.now() });
    await this.#push(ACCOUNTS[of]);
  }

  /** Gives the bus all accounts as they are now: what was revoked, and roles of this release. For the start. */
  push(): Promise<void> {
    return this.#push(EVERY);
  }

  /** The keys by which machines knock are others: who came with one that is void is cut. */
  pushJoinKeys(): Promise<void> {
    const atSites = this.#trust.agents.flatMap(({ site, server }) => (server ? [`AGENTS-${site}`] : []));
    return this.#push((name) => name === "ENROL" || atSites.includes(name));
  }

  #push(accounts: Chosen): Promise<void> {
    const mine = this.#pushing.catch(() => undefined).then(() => this.#pushNow(accounts));
    this.#pushing = mine;
    return mine;
  }

  async #pushNow(accounts: Chosen): Promise<void> {
    const by = (of: Revocation["of"]) =>
      Object.fromEntries(
        [...this.#table.values()].filter((row) => row.of === of).map(({ key, at }) => [key, at]),
      );
    const jwts = await accountJwts(this.#trust, {
      agents: by("agent"),
      operators: by("operator"),
      masters: this.#masters,
      joinKeys: this.#joinKeys.good(),
    });
    // Side by side: a server that has just died is waited for with each.
    const pushed = jwts.filter(({ name }) => accounts(name));
    await Promise.all(pushed.map(({ jwt }) => pushAccount(this.#system, jwt)));
  }
}

/** A pushed account loses the answers that are on their way to it, so that a revocation pushes its own only. */
const ACCOUNTS: Readonly<Record<Revocation["of"], Chosen>> = {
  agent: (name) => name.startsWith("AGENTS-"),
  operator: (name) => name === "OPERATORS",
};
const EVERY: Chosen = () => true;
