/** The accounts of the bus as its operator signs them: who issues their users, what they see of each other, who is void. */
import { CREDENTIAL_MS, type Nkey } from "@boma/protocol";
import { encodeAccount, encodeOperator, newScopedSigner, type Account } from "@nats-io/jwt";

import { agentRole, enrolRole, exported, operatorRole, type Role, type Way, ways } from "./roles.ts";
import { type BusAccount, type BusTrust, joinKey, type RevokedKeys, type SiteAccount } from "./trust.ts";

const ENROL_CONNECTIONS_MAX = 256;
const NO_LIMIT = -1;

export interface Revocations {
  readonly agents?: RevokedKeys;
  readonly operators?: RevokedKeys;
  /** Processes that led before. */
  readonly masters?: RevokedKeys;
  /** The numbers of those by which machines may knock; without a word of it, the first. */
  readonly joinKeys?: readonly number[];
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

const leafLimits = { ...openLimits, leaf: NO_LIMIT };

// Without JetStream's limits an account has none of it.
const streamLimits = { mem_storage: 0, disk_storage: NO_LIMIT, streams: NO_LIMIT, consumer: NO_LIMIT };

/** The importing side's own names for the wildcards of a subject. */
function placeholders(subject: string): string {
  let count = 0;
  return subject.replaceAll("*", () => `$${++count}`);
}

const imports = (
  trust: BusTrust,
  seen: readonly Way[],
  { share = false }: { readonly share?: boolean } = {},
): NonNullable<Account["imports"]> =>
  seen.map(({ name, subject, type, local }) => ({
    name,
    subject,
    account: trust.control.account.publicKey,
    type,
    local_subject: local === undefined || local === placeholders(subject) ? subject : local,
    // The server then names the connection in each request. Of agents it is known from presence, and their
    // messages are stored: there it would only cost space.
    ...(type === "service" && share && { share }),
  }));

const exports_: NonNullable<Account["exports"]> = exported.map(({ name, subject, type }) =>
  type === "stream" ? { name, subject, type } : { name, subject, type, response_type: "Singleton" },
);

const scoped = (signer: Nkey, name: string, role: Role) => newScopedSigner(signer.publicKey, name, role);

const FIRST_JOIN_KEY = 1;
const knockers = (at: BusAccount, numbers: readonly number[]) =>
  numbers.map((number) => scoped(joinKey(at, number), "enrol", enrolRole));

interface AccountPlan {
  readonly name: string;
  readonly key: Nkey;
  readonly claims: Partial<Account>;
}

/** At a server of its own a site's nodes have an account without a way to CTRL: what they say goes through its leaf. */
function agentPlans(
  trust: BusTrust,
  { site, account, signer, server }: SiteAccount,
  { revoked, joinKeys }: { readonly revoked: Record<string, number>; readonly joinKeys: readonly number[] },
): readonly AccountPlan[] {
  const name = `AGENTS-${site}`;
  const nodes = { limits: openLimits, revocations: revoked };
  const agents = scoped(signer, "agent", agentRole);
  if (!server)
    return [
      {
        name,
        key: account,
        claims: { ...nodes, signing_keys: [agents], imports: imports(trust, ways.agents) },
      },
    ];
  const { centre, enrol, former } = server;
  const leaf = { signing_keys: [centre.signer.publicKey], revocations: revocationClaims(former) };
  const way = { imports: imports(trust, ways.site(site)) };
  const knocking = knockers({ account, signer: enrol }, joinKeys);
  return [
    // At the site's server its line to the centre is one of this account's; none of its users may be one.
    { name, key: account, claims: { ...nodes, limits: leafLimits, signing_keys: [agents, ...knocking] } },
    { name: `SITE-${site}`, key: centre.account, claims: { limits: leafLimits, ...leaf, ...way } },
  ];
}

function plans(trust: BusTrust, revocations: Revocations): readonly AccountPlan[] {
  const { system, control, enrol, operators } = trust;
  const { joinKeys = [FIRST_JOIN_KEY] } = revocations;
  const shutOut = { revocations: revocationClaims(revocations.masters) };
  const siteServers = trust.agents.flatMap(({ server }) => server ?? []);
  const formerServers = Object.assign({}, ...siteServers.map(({ former }) => former)) as RevokedKeys;
  return [
    {
      name: "SYS",
      key: system,
      claims: {
        limits: siteServers.length > 0 ? leafLimits : openLimits,
        revocations: revocationClaims({ ...revocations.masters, ...formerServers }),
      },
    },
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
    ...trust.agents.flatMap((entry) =>
      agentPlans(trust, entry, { revoked: revocationClaims(revocations.agents), joinKeys }),
    ),
    {
      name: "ENROL",
      key: enrol.account,
      claims: {
        limits: { ...openLimits, conn: ENROL_CONNECTIONS_MAX },
        signing_keys: knockers(enrol, joinKeys),
        imports: imports(trust, ways.enrol, { share: true }),
      },
    },
    {
      name: "OPERATORS",
      key: operators.account,
      claims: {
        limits: openLimits,
        signing_keys: [scoped(operators.signer, "operator", operatorRole)],
        imports: imports(trust, ways.operators, { share: true }),
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
