/** Three servers of Nomad and a client, which speak TLS only: the site that tests declare them by, with its certificates. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import type { Authority } from "./cluster-certificates.ts";
import type { Fleet } from "./fleet.ts";
import type { InfraRepo } from "./infra/repo.ts";

export const SERVERS = ["n1", "n2", "n3"];
export const CLIENT = "w1";
export const NAMES = [...SERVERS, CLIENT];

export interface Knobs {
  /** In which order the servers are named: another one is another configuration, which a restart takes up. */
  readonly servers: readonly string[];
  /** How long a gate waits. */
  readonly within: string;
}

export interface SiteParts {
  readonly fleet: Fleet;
  readonly repo: InfraRepo;
  readonly authority: Authority;
  readonly addresses: Readonly<Record<string, string>>;
}

export interface Pair {
  readonly certificate: string;
  readonly privateKey: string;
}

/** A new certificate for each of them, with the name that says what it is. */
export async function issued({ authority, addresses }: SiteParts): Promise<Readonly<Record<string, Pair>>> {
  const pairs: Record<string, Pair> = {};
  for (const name of NAMES) {
    const as = SERVERS.includes(name) ? "server.global.nomad" : "client.global.nomad";
    pairs[name] = await authority.issue(as, addresses[name]!);
  }
  return pairs;
}

export function declare(parts: SiteParts, knobs: Knobs, pairs: Readonly<Record<string, Pair>>): void {
  const { home } = parts.fleet;
  mkdirSync(join(home, "secrets"), { recursive: true, mode: 0o700 });
  mkdirSync(join(home, "site"), { recursive: true });
  for (const [name, { privateKey }] of Object.entries(pairs))
    writeFileSync(join(home, "secrets", `${name}-key`), privateKey, { mode: 0o600 });
  writeFileSync(join(home, "site/top.ts"), siteOf(parts, knobs, pairs));
}

const siteOf = (
  { fleet, repo, authority, addresses }: SiteParts,
  knobs: Knobs,
  pairs: Readonly<Record<string, Pair>>,
): string => `
import { apt, file, nomad, nomadKit, secret, top, tree } from "@boma/states";
const addresses = ${JSON.stringify(addresses)};
const knobs = ${JSON.stringify(knobs)};
const ca = ${JSON.stringify(authority.certificate)};
const certificates = ${JSON.stringify(Object.fromEntries(NAMES.map((name) => [name, pairs[name]!.certificate])))};
const management = secret("gen:nomad/management?enc=uuid");
const at = (name) => "/etc/nomad-tls/" + name;
const base = tree(({ node: { id } }) => {
  const isServer = id.startsWith("n");
  const archive = apt.repo("infra", {
    uris: [${JSON.stringify(repo.uri)}],
    suites: [${JSON.stringify(repo.suite)}],
    components: [${JSON.stringify(repo.component)}],
    key: ${JSON.stringify(repo.key)},
    fingerprints: [${JSON.stringify(repo.fingerprint)}],
  });
  const pair = [
    file.managed(at("agent.pem"), { contents: certificates[id], mode: "0644", createDirs: true }),
    file.managed(at("agent-key.pem"), { contents: secret("file:${fleet.home}/secrets/" + id + "-key"), mode: "0600", createDirs: true }),
  ];
  const authority = file.managed(at("ca.pem"), { contents: ca, mode: "0644", createDirs: true });
  const kit = nomadKit({
    node: id,
    require: [archive, authority, ...pair],
    reloadOn: [authority, ...pair],
    agent: {
      bind: addresses[id],
      servers: knobs.servers.map((name) => addresses[name]),
      acl: true,
      operatorToken: management,
      ...(isServer
        ? { mode: "server", bootstrapExpect: 3, gossipKey: secret("gen:nomad/gossip") }
        : {
            mode: "client",
            plugins: { rawExec: true },
            options: { "fingerprint.denylist": "env_aws,env_gce,env_azure,env_digitalocean" },
          }),
    },
    settings: {
      ca,
      tls: { caFile: at("ca.pem"), certFile: at("agent.pem"), keyFile: at("agent-key.pem"), http: true },
    },
    gate: { within: knobs.within, ...(isServer ? { servers: 3 } : { drivers: ["raw_exec"] }) },
  });
  if (id !== "n1") return [archive, authority, pair, kit];
  const api = { api: "https://127.0.0.1:4646", ca, token: management };
  return [archive, authority, pair, kit, nomad.aclBootstrap("global", { ...api, require: kit.at(-1) })];
});
export default top({ "*": [base] });
`;
