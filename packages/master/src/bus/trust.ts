/**
 * The bus's own trust: one operator, five kinds of account, and who may issue
 * users of them. It says who may connect and speak where; what a message is
 * worth is decided by the signatures inside, which none of these keys can make.
 */
import {
  BomaError,
  CREDENTIAL_MS,
  derivedAccountKey,
  issueScopedUser,
  newNkey,
  nkeyFromSeed,
  type Nkey,
} from "@boma/protocol";
import { encodeUser } from "@nats-io/jwt";
import { z } from "zod";

import type { WatchedAccount } from "./connection-list.ts";

/** By public nkey, when: credentials issued up to that second are void. Milliseconds since 1970. */
export type RevokedKeys = Readonly<Record<string, number>>;

/** An account, and the key that issues its users. */
export interface BusAccount {
  readonly account: Nkey;
  readonly signer: Nkey;
}

/** Agents live in accounts by site, so that one site's trouble can be cut off. */
export interface SiteAccount extends BusAccount {
  readonly site: string;
  /** A site with a server of its own: only there is `account` good for anything. */
  readonly server?: SiteServer | undefined;
}

/** A server at a site, through which its nodes speak to the centre. */
export interface SiteServer {
  /** Where the site's nodes find it. */
  readonly urls: readonly string[];
  /** Issues users of the site's account to machines that ask there to be let in. */
  readonly enrol: Nkey;
  /** The account at the centre that it speaks for: a leaf is trusted for all of one, and so has one of its own. */
  readonly centre: BusAccount;
  /** The users by which it is connected, by public nkey. */
  readonly users: readonly string[];
  /** Users that it had before, and since when they are void. */
  readonly former: RevokedKeys;
}

export interface BusTrust {
  readonly operator: Nkey;
  readonly operatorSigner: Nkey;
  readonly system: Nkey;
  readonly control: BusAccount;
  readonly agents: readonly SiteAccount[];
  /** Its signer is the first of the keys by which machines knock; the others are made of the account's own. */
  readonly enrol: BusAccount;
  readonly operators: BusAccount;
}

const DEFAULT_SITE = "default";

export const newBusAccount = (): BusAccount => ({ account: newNkey.account(), signer: newNkey.account() });

export function createBusTrust(): BusTrust {
  return {
    operator: newNkey.operator(),
    operatorSigner: newNkey.operator(),
    system: newNkey.account(),
    control: newBusAccount(),
    agents: [{ site: DEFAULT_SITE, ...newBusAccount() }],
    enrol: newBusAccount(),
    operators: newBusAccount(),
  };
}

const OperatorSeed = z.string().regex(/^SO[A-Z2-7]{56}$/);
const AccountSeed = z.string().regex(/^SA[A-Z2-7]{56}$/);
const AccountSeeds = z.strictObject({ account: AccountSeed, signer: AccountSeed });

/** The name by which nodes are assigned to it. */
export const SiteName = z.string().regex(/^[a-z0-9][a-z0-9-]{0,62}$/, "a site is named [a-z0-9][a-z0-9-]*");
const SiteServerFile = z.strictObject({
  urls: z.array(z.string()).min(1),
  enrol: AccountSeed,
  centre: AccountSeeds,
  users: z.array(z.string()),
  former: z.record(z.string(), z.number()),
});

const BusTrustFile = z.strictObject({
  version: z.literal(1),
  operator: OperatorSeed,
  operatorSigner: OperatorSeed,
  system: AccountSeed,
  control: AccountSeeds,
  agents: z
    .array(AccountSeeds.extend({ site: SiteName, server: SiteServerFile.optional() }))
    .min(1)
    .readonly(),
  enrol: z.strictObject({ account: AccountSeed, signers: z.array(AccountSeed).min(1).readonly() }),
  operators: AccountSeeds,
});

const seeds = ({ account, signer }: BusAccount) => ({ account: account.seed, signer: signer.seed });

const serverSeeds = ({ urls, enrol, centre, users, former }: SiteServer) => ({
  urls: [...urls],
  enrol: enrol.seed,
  centre: seeds(centre),
  users: [...users],
  former: { ...former },
});

/** JSON that holds every seed: for a file that only the master's user may read. */
export function serializeBusTrust(trust: BusTrust): string {
  const file: z.input<typeof BusTrustFile> = {
    version: 1,
    operator: trust.operator.seed,
    operatorSigner: trust.operatorSigner.seed,
    system: trust.system.seed,
    control: seeds(trust.control),
    agents: trust.agents.map(({ site, server, ...entry }) => ({
      site,
      ...seeds(entry),
      ...(server && { server: serverSeeds(server) }),
    })),
    enrol: { account: trust.enrol.account.seed, signers: [trust.enrol.signer.seed] },
    operators: seeds(trust.operators),
  };
  return `${JSON.stringify(file, null, 2)}\n`;
}

const keyPairs = (entry: { readonly account: string; readonly signer: string }): BusAccount => ({
  account: nkeyFromSeed(entry.account),
  signer: nkeyFromSeed(entry.signer),
});

export function parseBusTrust(text: string): BusTrust {
  try {
    const file = BusTrustFile.parse(JSON.parse(text));
    return {
      operator: nkeyFromSeed(file.operator),
      operatorSigner: nkeyFromSeed(file.operatorSigner),
      system: nkeyFromSeed(file.system),
      control: keyPairs(file.control),
      agents: file.agents.map(({ site, server, ...entry }) => ({
        site,
        ...keyPairs(entry),
        ...(server && {
          server: { ...server, enrol: nkeyFromSeed(server.enrol), centre: keyPairs(server.centre) },
        }),
      })),
      enrol: keyPairs({ account: file.enrol.account, signer: file.enrol.signers[0]! }),
      operators: keyPairs(file.operators),
    };
  } catch (cause) {
    // The cause may quote what it read, which is seeds: only its kind is told.
    const kind = cause instanceof Error ? cause.name : "error";
    throw new BomaError("usage/file", `the bus trust cannot be read (${kind})`);
  }
}

/** A user with its seed: what a connection of the master's own takes. */
export interface BusUser {
  readonly nkey: Nkey;
  readonly jwt: string;
}

/** The master's own user of CTRL, where it may do everything. Made anew at each start. */
export async function issueMasterUser(trust: BusTrust, name = "master"): Promise<BusUser> {
  const nkey = newNkey.user();
  const { account, signer } = trust.control;
  const rights = { allowed_connection_types: ["STANDARD" as const] };
  const jwt = await encodeUser(name, nkey.pair, account.publicKey, rights, { signer: signer.pair });
  return { nkey, jwt };
}

/** A user of the system account: it pushes accounts and hears who connects. */
export async function issueSystemUser(trust: BusTrust, name = "master"): Promise<BusUser> {
  const nkey = newNkey.user();
  const rights = { allowed_connection_types: ["STANDARD" as const] };
  return { nkey, jwt: await encodeUser(name, nkey.pair, trust.system.pair, rights) };
}

export interface UserName {
  readonly name: string;
  readonly publicKey: string;
}

const issue = (user: UserName, { account, signer }: BusAccount, lifetimeMs = CREDENTIAL_MS) =>
  // No longer than a revocation is remembered.
  issueScopedUser(user, { publicKey: account.publicKey, signer }, Math.min(lifetimeMs, CREDENTIAL_MS));

/** The account of the nodes that are assigned to a site; those of sites without one of their own share one. */
export const siteAccount = (trust: BusTrust, site?: unknown): SiteAccount =>
  trust.agents.find((entry) => entry.site === site) ??
  trust.agents.find((entry) => entry.site === DEFAULT_SITE)!;

/** Whose connections are nodes. */
export const watchedAccounts = (trust: BusTrust): readonly WatchedAccount[] =>
  trust.agents.map(({ site, account, signer, server }) => ({
    publicKey: account.publicKey,
    signer: signer.publicKey,
    site: server && site,
  }));

export const issueAgentCredential = (
  trust: BusTrust,
  user: UserName,
  options: { readonly site?: unknown; readonly lifetimeMs?: number } = {},
): Promise<string> => issue(user, siteAccount(trust, options.site), options.lifetimeMs);

export const issueOperatorCredential = (
  trust: BusTrust,
  user: UserName,
  lifetimeMs?: number,
): Promise<string> => issue(user, trust.operators, lifetimeMs);

/** What an image carries so that a stranger may ask to join: each node issues its own user with it. */
export interface EnrolKit {
  readonly accountPublicKey: string;
  readonly scopedSigningSeed: string;
}

/** The key by which machines knock at an account: its first, or one after it. Every master makes the same ones. */
export function joinKey({ account, signer }: BusAccount, number: number): Nkey {
  if (number === 1) return signer;
  const name = `${account.publicKey} ${number}`;
  const key = laterJoinKeys.get(name) ?? derivedAccountKey(account, `join-key-${number}`);
  laterJoinKeys.set(name, key);
  return key;
}
// Each hello is answered with one, and making it costs more than the rest of the answer.
const laterJoinKeys = new Map<string, Nkey>();

/** Where machines knock: all at one account, and those of a site with a server of its own there. */
const knockedAt = (trust: BusTrust, site?: unknown): BusAccount => {
  const { account, server } = siteAccount(trust, site);
  return server ? { account, signer: server.enrol } : trust.enrol;
};

interface Knocking {
  readonly site?: unknown;
  /** With which of the keys. */
  readonly number?: number | undefined;
}

export function enrolKit(trust: BusTrust, { site, number = 1 }: Knocking = {}): EnrolKit {
  const at = knockedAt(trust, site);
  return { accountPublicKey: at.account.publicKey, scopedSigningSeed: joinKey(at, number).seed };
}
