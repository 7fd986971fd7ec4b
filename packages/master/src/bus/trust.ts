/**
 * The bus's own trust: one operator, five kinds of account, and who may issue
 * users of them. It says who may connect and speak where; what a message is
 * worth is decided by the signatures inside, which none of these keys can make.
 */
import { BomaError, CREDENTIAL_MS, issueScopedUser, newNkey, nkeyFromSeed, type Nkey } from "@boma/protocol";
import { encodeAccount, encodeOperator, encodeUser, newScopedSigner, type Account } from "@nats-io/jwt";
import { z } from "zod";

import { agentRole, busExports, enrolRole, operatorRole, type Outside, type Role } from "./roles.ts";

/** An account, and the key that issues its users. */
export interface BusAccount {
  readonly account: Nkey;
  readonly signer: Nkey;
}

/** Agents live in accounts by site, so that one site's trouble can be cut off; there is one for now. */
export interface SiteAccount extends BusAccount {
  readonly site: string;
}

export interface BusTrust {
  readonly operator: Nkey;
  readonly operatorSigner: Nkey;
  readonly system: Nkey;
  readonly control: BusAccount;
  readonly agents: readonly SiteAccount[];
  /** One signing key an image version, the newest last: an old image is shut out by dropping its key. */
  readonly enrol: { readonly account: Nkey; readonly signers: readonly Nkey[] };
  readonly operators: BusAccount;
}

const DEFAULT_SITE = "default";
const ENROL_CONNECTIONS_MAX = 256;
const NO_LIMIT = -1;

const newAccount = (): BusAccount => ({ account: newNkey.account(), signer: newNkey.account() });

export function createBusTrust(): BusTrust {
  return {
    operator: newNkey.operator(),
    operatorSigner: newNkey.operator(),
    system: newNkey.account(),
    control: newAccount(),
    agents: [{ site: DEFAULT_SITE, ...newAccount() }],
    enrol: { account: newNkey.account(), signers: [newNkey.account()] },
    operators: newAccount(),
  };
}

const OperatorSeed = z.string().regex(/^SO[A-Z2-7]{56}$/);
const AccountSeed = z.string().regex(/^SA[A-Z2-7]{56}$/);
const AccountSeeds = z.strictObject({ account: AccountSeed, signer: AccountSeed });

const BusTrustFile = z.strictObject({
  version: z.literal(1),
  operator: OperatorSeed,
  operatorSigner: OperatorSeed,
  system: AccountSeed,
  control: AccountSeeds,
  agents: z
    .array(AccountSeeds.extend({ site: z.string().regex(/^[a-z0-9][a-z0-9-]{0,62}$/) }))
    .min(1)
    .readonly(),
  enrol: z.strictObject({ account: AccountSeed, signers: z.array(AccountSeed).min(1).readonly() }),
  operators: AccountSeeds,
});

const seeds = ({ account, signer }: BusAccount) => ({ account: account.seed, signer: signer.seed });

/** JSON that holds every seed: for a file that only the master's user may read. */
export function serializeBusTrust(trust: BusTrust): string {
  const file: z.input<typeof BusTrustFile> = {
    version: 1,
    operator: trust.operator.seed,
    operatorSigner: trust.operatorSigner.seed,
    system: trust.system.seed,
    control: seeds(trust.control),
    agents: trust.agents.map((entry) => ({ site: entry.site, ...seeds(entry) })),
    enrol: { account: trust.enrol.account.seed, signers: trust.enrol.signers.map(({ seed }) => seed) },
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
      agents: file.agents.map((entry) => ({ site: entry.site, ...keyPairs(entry) })),
      enrol: { account: nkeyFromSeed(file.enrol.account), signers: file.enrol.signers.map(nkeyFromSeed) },
      operators: keyPairs(file.operators),
    };
  } catch (cause) {
    // The cause may quote what it read, which is seeds: only its kind is told.
    const kind = cause instanceof Error ? cause.name : "error";
    throw new BomaError("usage/file", `the bus trust cannot be read (${kind})`);
  }
}

/** By public nkey, when: credentials issued up to that second are void. Milliseconds since 1970. */
export type RevokedKeys = Readonly<Record<string, number>>;

export interface Revocations {
  readonly agents?: RevokedKeys;
  readonly operators?: RevokedKeys;
  /** Processes that led before. */
  readonly masters?: RevokedKeys;
}

export interface AccountJwt {
  readonly name: string;
  readonly publicKey: string;
  readonly jwt: string;
}

// An account's JWT travels as one message. What a revocation forbids has expired by itself after this time.
const REVOCATION_KEPT_MS = CREDENTIAL_MS + 24 * 3_600_000;

function revocationClaims(revoked: RevokedKeys = {}): Record<string, number> {
  const oldest = Date.now() - REVOCATION_KEPT_MS;
  const kept = Object.entries(revoked).filter(([, at]) => at > oldest);
  return Object.fromEntries(kept.map(([key, at]) => [key, Math.floor(at / 1000)]));
}

const openLimits = {
  subs: NO_LIMIT,
  data: NO_LIMIT,
  payload: NO_LIMIT,
  imports: NO_LIMIT,
  exports: NO_LIMIT,
  wildcards: true,
  conn: NO_LIMIT,
  leaf: 0,
  disallow_bearer: true,
};

// Without JetStream's limits an account has none of it.
const streamLimits = { mem_storage: 0, disk_storage: NO_LIMIT, streams: NO_LIMIT, consumer: NO_LIMIT };

const imports = (trust: BusTrust, to: Outside): NonNullable<Account["imports"]> =>
  busExports
    .filter((entry) => entry.to === to)
    .map((entry) => ({
      name: entry.name,
      subject: entry.subject,
      account: trust.control.account.publicKey,
      type: entry.type,
      local_subject: entry.local ?? entry.subject,
      // The server then names the connection in each request. Of agents it is known from presence, and their
      // messages are stored: there it would only cost space.
      ...(entry.type === "service" && to !== "agents" && { share: true }),
    }));

const exports_: NonNullable<Account["exports"]> = busExports.map(({ name, subject, type }) =>
  type === "stream" ? { name, subject, type } : { name, subject, type, response_type: "Singleton" },
);

const scoped = (signer: Nkey, name: string, role: Role) => newScopedSigner(signer.publicKey, name, role);

interface AccountPlan {
  readonly name: string;
  readonly key: Nkey;
  readonly claims: Partial<Account>;
}

function plans(trust: BusTrust, revocations: Revocations): readonly AccountPlan[] {
  const { system, control, enrol, operators } = trust;
  const shutOut = { revocations: revocationClaims(revocations.masters) };
  return [
    { name: "SYS", key: system, claims: { limits: openLimits, ...shutOut } },
    {
      name: "CTRL",
      key: control.account,
      claims: {
        limits: { ...openLimits, ...streamLimits },
        signing_keys: [control.signer.publicKey],
        exports: exports_,
        ...shutOut,
      },
    },
    ...trust.agents.map(({ site, account, signer }) => ({
      name: `AGENTS-${site}`,
      key: account,
      claims: {
        limits: openLimits,
        signing_keys: [scoped(signer, "agent", agentRole)],
        imports: imports(trust, "agents"),
        revocations: revocationClaims(revocations.agents),
      },
    })),
    {
      name: "ENROL",
      key: enrol.account,
      claims: {
        limits: { ...openLimits, conn: ENROL_CONNECTIONS_MAX },
        signing_keys: enrol.signers.map((signer) => scoped(signer, "enrol", enrolRole)),
        imports: imports(trust, "enrol"),
      },
    },
    {
      name: "OPERATORS",
      key: operators.account,
      claims: {
        limits: openLimits,
        signing_keys: [scoped(operators.signer, "operator", operatorRole)],
        imports: imports(trust, "operators"),
        revocations: revocationClaims(revocations.operators),
      },
    },
  ];
}

/** The accounts as they should be now, to be pushed to a running server. */
export function accountJwts(trust: BusTrust, revocations: Revocations = {}): Promise<readonly AccountJwt[]> {
  return Promise.all(
    plans(trust, revocations).map(async ({ name, key, claims }) => ({
      name,
      publicKey: key.publicKey,
      jwt: await encodeAccount(name, key.publicKey, claims, { signer: trust.operatorSigner.pair }),
    })),
  );
}

/** What a server must be told in its configuration to be this trust's bus. */
export interface ServerTrust {
  readonly operator: string;
  readonly systemAccount: string;
  readonly accounts: readonly AccountJwt[];
}

/** The same JWT as if it had been issued at the beginning of time. */
function backdate(jwt: string, signer: Nkey): string {
  const [head = "", body = ""] = jwt.split(".");
  const claims = JSON.parse(Buffer.from(body, "base64url").toString()) as object;
  const old = Buffer.from(JSON.stringify({ ...claims, iat: 1 })).toString("base64url");
  const signature = Buffer.from(signer.sign(Buffer.from(`${head}.${old}`))).toString("base64url");
  return `${head}.${old}.${signature}`;
}

/**
 * The accounts without revocations, for the first start. They are backdated:
 * of two JWTs a server keeps the later one, so that a restart can never undo a
 * revocation that was pushed, whatever the clock showed then.
 */
export async function serverTrust(trust: BusTrust): Promise<ServerTrust> {
  const accounts = await accountJwts(trust);
  return {
    operator: await encodeOperator("boma", trust.operator.pair, {
      signing_keys: [trust.operatorSigner.publicKey],
      system_account: trust.system.publicKey,
    }),
    systemAccount: trust.system.publicKey,
    accounts: accounts.map((entry) => ({ ...entry, jwt: backdate(entry.jwt, trust.operatorSigner) })),
  };
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

/** The account of a site's agents. */
export function siteAccount(trust: BusTrust, site = DEFAULT_SITE): SiteAccount {
  const found = trust.agents.find((entry) => entry.site === site);
  if (!found) throw new BomaError("usage/argument", `no site ${JSON.stringify(site)}`);
  return found;
}

export const issueAgentCredential = (
  trust: BusTrust,
  user: UserName,
  options: { readonly site?: string; readonly lifetimeMs?: number } = {},
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

export const enrolKit = (trust: BusTrust): EnrolKit => ({
  accountPublicKey: trust.enrol.account.publicKey,
  scopedSigningSeed: trust.enrol.signers.at(-1)!.seed,
});
