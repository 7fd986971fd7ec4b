/** Two Vaults that keep all they have in one Consul: the site that tests declare them by, and where its secrets are. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import type { Certificate } from "../../packages/master/src/bus/tls.ts";
import type { Fleet } from "./fleet.ts";
import type { InfraRepo } from "./infra/repo.ts";

/** The machine of Consul's server, beside one of the two Vaults. */
export const STORE = "v1";
export const OTHER = "v2";
export const NAMES = [STORE, OTHER];

export interface Knobs {
  /** A setting that a restart takes up. */
  readonly ui: boolean;
  /** How long the gate of a Vault waits. */
  readonly within: string;
}

export interface SiteParts {
  readonly fleet: Fleet;
  readonly repo: InfraRepo;
  readonly ca: string;
  readonly certificates: Readonly<Record<string, Certificate>>;
  readonly addresses: Readonly<Record<string, string>>;
  /** The public keys of those who hold the shares. */
  readonly holders: Readonly<Record<string, string>>;
}

export function declare(parts: SiteParts, knobs: Knobs): void {
  const { fleet, certificates } = parts;
  const secrets = join(fleet.home, "secrets");
  mkdirSync(secrets, { recursive: true, mode: 0o700 });
  for (const [name, { privateKey }] of Object.entries(certificates))
    writeFileSync(join(secrets, `${name}-key`), privateKey, { mode: 0o600 });
  mkdirSync(join(fleet.home, "site"), { recursive: true });
  writeFileSync(join(fleet.home, "site/top.ts"), siteOf(parts, knobs, secrets));
}

function siteOf({ repo, ca, certificates, addresses, holders }: SiteParts, knobs: Knobs, secrets: string) {
  const said = {
    archive: {
      uris: [repo.uri],
      suites: [repo.suite],
      components: [repo.component],
      key: repo.key,
      fingerprints: [repo.fingerprint],
    },
    certificates: Object.fromEntries(NAMES.map((name) => [name, certificates[name]!.certificate])),
    holders: Object.entries(holders).map(([name, pgpKey]) => ({ name, pgpKey })),
  };
  return `
import { apt, consul, consulKit, secret, top, tree, vaultKit } from "@boma/states";
const said = ${JSON.stringify(said)};
const addresses = ${JSON.stringify(addresses)};
const knobs = ${JSON.stringify(knobs)};
const ca = ${JSON.stringify(ca)};
const [management, agent, ofVault] = ["management", "agent", "vault"].map((name) => secret("gen:consul/" + name + "?enc=uuid"));
const base = tree(({ node: { id } }) => {
  const isServer = id === "${STORE}";
  const archive = apt.repo("infra", said.archive);
  const store = consulKit({
    node: id,
    require: archive,
    agent: {
      mode: isServer ? "server" : "client",
      bind: addresses[id],
      retryJoin: [addresses["${STORE}"]],
      acl: { defaultPolicy: "deny" },
      ...(isServer && { bootstrapExpect: 1, initialManagement: management }),
    },
    settings: { gossipKey: secret("gen:consul/gossip"), tokens: { agent } },
    gate: { token: agent, within: "90s", ...(isServer && { servers: 1 }) },
  });
  const ready = store.at(-1);
  const at = { token: management, require: ready };
  const agents = consul.aclPolicy("agents", {
    ...at,
    rules: { node_prefix: { "": { policy: "write" } }, service_prefix: { "": { policy: "read" } } },
  });
  const vaults = consul.aclPolicy("vault", {
    ...at,
    rules: {
      key_prefix: { "vault/": { policy: "write" } },
      service: { vault: { policy: "write" } },
      agent_prefix: { "": { policy: "read" } },
      session_prefix: { "": { policy: "write" } },
    },
  });
  const token = consul.aclToken("vault", { ...at, require: vaults, secret: ofVault, policies: ["vault"] });
  const ofCluster = [
    agents,
    vaults,
    token,
    consul.aclToken("agent", { ...at, require: agents, secret: agent, policies: ["agents"] }),
  ];
  const kit = vaultKit({
    name: id,
    require: [archive, ready, ...(isServer ? [token] : [])],
    server: {
      storage: { type: "consul" },
      registration: {},
      consulToken: ofVault,
      listeners: [{
        address: "0.0.0.0:8200",
        tls: { certFile: "/etc/vault.d/tls/fullchain.pem", keyFile: "/etc/vault.d/tls/privkey.pem" },
      }],
      apiAddr: "https://" + addresses[id] + ":8200",
      ui: knobs.ui,
    },
    tls: { certificate: said.certificates[id], privateKey: secret("file:${secrets}/" + id + "-key") },
    ...(isServer && {
      initialised: {
        cluster: "main",
        ca,
        shares: said.holders.length,
        threshold: said.holders.length,
        holders: said.holders,
        rootTokenPgpKey: said.holders[0].pgpKey,
      },
    }),
    gate: { ca, consul: true, within: knobs.within, every: "500ms" },
  });
  return [archive, store, isServer && ofCluster, kit];
});
export default top({ "*": [base] });
`;
}
