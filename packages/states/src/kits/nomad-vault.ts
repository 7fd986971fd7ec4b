/** What Vault has to know of a Nomad: who signs the identities of jobs, and what a job may read with one. */
import type { Declaration, Reference } from "../declaration.ts";
import type { MaySecret } from "../secret.ts";
import auth from "../states/vault/auth.ts";
import policy from "../states/vault/policy.ts";
import role from "../states/vault/role.ts";
import written from "../states/vault/written.ts";

type Paths = NonNullable<NonNullable<Parameters<typeof policy>[1]>["paths"]>;

export interface VaultForNomad {
  /** Where Nomad offers the keys with which it signs, as Vault reaches it: `http://127.0.0.1:4646/.well-known/jwks.json`. */
  readonly jwksUrl: string;
  /** Certificates in PEM that may sign its server's. */
  readonly jwksCa?: string;
  /** Where jobs log in; the same as `vault.jwtPath` of `nomad.agent`. */
  readonly path?: string;
  /** The role of jobs that name no other, and its policy. */
  readonly role?: string;
  /** For whom identities are made; the same as `vault.identity.aud` of `nomad.agent`. */
  readonly audience?: readonly string[];
  /** The engine in which jobs have their secrets, each below its namespace and name; one of kv with versions. */
  readonly engine?: string;
  /** What every job may do beside that. */
  readonly paths?: Paths;
  /** How Vault is reached, and as whom it is configured. */
  readonly address?: string;
  readonly ca?: string;
  readonly token?: MaySecret<string>;
  readonly tokenFile?: string;
  readonly require?: Reference | readonly Reference[];
}

export function vaultForNomad(kit: VaultForNomad): readonly Declaration[] {
  const { path = "jwt-nomad", role: name = "nomad-workloads", audience = ["vault.io"], require = [] } = kit;
  const at = accessOf(kit);
  const login = auth(path, { type: "jwt", description: "jobs of Nomad", ...at, require });
  const keys = written(`auth/${path}/config`, {
    data: {
      jwks_url: kit.jwksUrl,
      jwt_supported_algs: ["RS256", "EdDSA"],
      default_role: name,
      ...(kit.jwksCa !== undefined && { jwks_ca_pem: kit.jwksCa }),
    },
    ...at,
    require: login,
  });
  const rules = policy(name, {
    paths: { ...ownSecrets(kit.engine ?? "kv", path), ...kit.paths },
    ...at,
    require: login,
  });
  const jobs = role(name, {
    kind: "jwt",
    mount: path,
    data: {
      role_type: "jwt",
      bound_audiences: [...audience],
      user_claim: SUBJECT,
      claim_mappings: Object.fromEntries(CLAIMS.map((claim) => [claim, claim])),
      token_type: "service",
      token_policies: [name],
      token_period: "30m",
      token_explicit_max_ttl: 0,
    },
    ...at,
    require: [keys, rules],
  });
  return [login, keys, rules, jobs];
}

/**
 * Region, namespace, job, group and task. With the job's name alone, as Nomad's own guide has it, two jobs of the same
 * name in two namespaces would be one to Vault, and each would see what the other may.
 */
const SUBJECT = "sub";
const CLAIMS = ["nomad_namespace", "nomad_job_id", "nomad_task"] as const;

/** `kv/data/NAMESPACE/JOB` and what is below it. */
function ownSecrets(engine: string, path: string): Paths {
  const [namespace, job] = CLAIMS.map((claim) => `{{identity.entity.aliases.@${path}.metadata.${claim}}}`);
  return {
    [`${engine}/data/${namespace}/${job}`]: ["read"],
    [`${engine}/data/${namespace}/${job}/*`]: ["read"],
    [`${engine}/metadata/${namespace}/${job}/*`]: ["list"],
  };
}

const accessOf = ({ address, ca, token, tokenFile }: VaultForNomad) => ({
  ...(address !== undefined && { address }),
  ...(ca !== undefined && { ca }),
  ...(token !== undefined && { token }),
  ...(tokenFile !== undefined && { tokenFile }),
});
