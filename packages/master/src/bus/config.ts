/** The nats-server's configuration, written by boma for its own server or printed for somebody else's. */
import { PAYLOAD_BYTES_MAX } from "@boma/protocol";

import type { ServerTrust } from "./accounts.ts";
import { atLeast, type Version } from "./program.ts";

/** Files that the server reads; the paths are absolute. */
export interface ServerTls {
  readonly certificateFile: string;
  readonly keyFile: string;
}

export interface ServerSettings {
  readonly name: string;
  readonly host: string;
  /** -1 lets the system choose. */
  readonly port: number;
  /** The server keeps its accounts, streams and log below this directory. */
  readonly dir: string;
  readonly trust: ServerTrust;
  readonly storageBytesMax: number;
  readonly tls?: ServerTls | undefined;
  /** Where servers of sites connect, `host:port`; nobody may where this is absent. */
  readonly sites?: string | undefined;
  readonly connectionsMax?: number | undefined;
  /** How often the disk is synced (2.10 and newer): by default before each acknowledgement. */
  readonly syncInterval?: "always" | `${number}s` | undefined;
}

/** What a stopping server is given to let its clients go; servers refuse less than 30 s. */
const LAME_DUCK = "30s";
const MEMORY_BYTES_MAX = 256 * 1024 ** 2;
const CONNECTIONS_MAX = 20_000;
const LOG_BYTES_MAX = 8 * 1024 ** 2;

// A path may hold quotes; JSON's escapes are also NATS's.
const quote = (text: string): string => JSON.stringify(text);

const trustLines = (trust: ServerTrust): readonly string[] => [
  `operator: ${quote(trust.operator)}`,
  `system_account: ${trust.systemAccount}`,
];

const preloadLines = (trust: ServerTrust): readonly string[] => [
  "resolver_preload {",
  ...trust.accounts.map(({ name, publicKey, jwt }) => `  # ${name}\n  ${publicKey}: ${quote(jwt)}`),
  "}",
];

// The short interval: a server that was down while a node was revoked takes the node back until it has compared.
const resolverLine = (dir: string): string =>
  `resolver { type: full, dir: ${quote(dir)}, allow_delete: false, interval: "5s" }`;

function tlsLines(tls: ServerTls, version: Version): readonly string[] {
  return [
    "tls {",
    `  cert_file: ${quote(tls.certificateFile)}`,
    `  key_file: ${quote(tls.keyFile)}`,
    "  timeout: 5",
    // A fleet that comes back at once is let in by degrees.
    "  connection_rate_limit: 500",
    // 2.9 does not know the word; Go's own minimum there is 1.2.
    ...(atLeast(version, [2, 10]) ? ['  min_version: "1.3"'] : []),
    "}",
  ];
}

const sitesLines = (listen: string, tls?: ServerTls): readonly string[] => [
  "leafnodes {",
  `  listen: ${quote(listen)}`,
  ...(tls ? [`  tls { cert_file: ${quote(tls.certificateFile)}, key_file: ${quote(tls.keyFile)} }`] : []),
  "}",
];

const storageLines = (settings: ServerSettings, version: Version): readonly string[] => [
  "jetstream {",
  `  store_dir: ${quote(`${settings.dir}/streams`)}`,
  `  max_memory_store: ${MEMORY_BYTES_MAX}`,
  `  max_file_store: ${settings.storageBytesMax}`,
  // Before 2.10 the disk is only synced every two minutes: a power cut may take acknowledged messages.
  ...(atLeast(version, [2, 10]) ? [`  sync_interval: ${settings.syncInterval ?? "always"}`] : []),
  "}",
];

export function renderServerConfig(settings: ServerSettings, version: Version): string {
  return [
    "# Written by boma-master at each start: changes here are lost.",
    `server_name: ${quote(settings.name)}`,
    `host: ${quote(settings.host)}`,
    `port: ${settings.port}`,
    ...trustLines(settings.trust),
    resolverLine(`${settings.dir}/accounts`),
    ...preloadLines(settings.trust),
    ...storageLines(settings, version),
    ...(settings.tls ? tlsLines(settings.tls, version) : []),
    ...(settings.sites === undefined ? [] : sitesLines(settings.sites, settings.tls)),
    "authorization { timeout: 5 }",
    `max_payload: ${PAYLOAD_BYTES_MAX}`,
    "max_pending: 67108864",
    `max_connections: ${settings.connectionsMax ?? CONNECTIONS_MAX}`,
    'write_deadline: "10s"',
    'ping_interval: "30s"',
    "ping_max: 2",
    `lame_duck_duration: "${LAME_DUCK}"`,
    'lame_duck_grace_period: "1s"',
    `ports_file_dir: ${quote(settings.dir)}`,
    `log_file: ${quote(`${settings.dir}/server.log`)}`,
    `logfile_size_limit: ${LOG_BYTES_MAX}`,
    "",
  ].join("\n");
}

/** What has to be in the configuration of a server or cluster that is not boma's own. */
export function renderExternalConfig(trust: ServerTrust): string {
  return [
    "# boma on a nats-server of your own: these lines belong into the configuration of each server.",
    "#",
    "# Besides, each server needs:",
    "#   - JetStream: `jetstream { store_dir: ... }` with room for boma's streams",
    "#   - TLS, if anything but loopback can reach it, with a certificate that the agents' pin covers",
    `#   - max_payload of at least ${PAYLOAD_BYTES_MAX}`,
    "#   - a directory of its own for the resolver below, which keeps revocations over restarts",
    "#   - no other `operator`, no `no_auth_user`, no `authorization { users }`: boma's operator is the only authority",
    "# Server 2.9.10 or newer; 2.10.27, 2.11.16 or 2.12.7 and up of their lines have the known security fixes.",
    ...trustLines(trust),
    resolverLine("./boma-accounts"),
    ...preloadLines(trust),
    "authorization { timeout: 5 }",
    "",
  ].join("\n");
}

export interface SiteConfig {
  readonly name: string;
  readonly trust: ServerTrust;
  /** The site's own account, by public key. */
  readonly account: string;
  /** `host:port` */
  readonly listen: string;
  /** Where the centre takes servers of sites. */
  readonly centre: readonly string[];
  /** It speaks TLS, and so does the centre, with certificates of the master's own authority. */
  readonly tls: boolean;
}

/** A whole configuration, for a directory in which its credentials and its certificate lie. */
export function renderSiteConfig({ name, trust, account, listen, centre, tls }: SiteConfig): string {
  const remote = (local: string, credentials: string): string =>
    `    { urls: [${centre.map(quote).join(", ")}], account: ${local}, credentials: ${quote(credentials)}${
      tls ? ', tls: { ca_file: "ca.pem" }' : ""
    } }`;
  const known = new Set([account, trust.systemAccount]);
  return [
    `# boma: the bus of the site ${name}. Start it in its own directory: nats-server -c nats-server.conf`,
    `server_name: ${quote(`site-${name}`)}`,
    `listen: ${quote(listen)}`,
    ...(tls ? ['tls { cert_file: "server.pem", key_file: "server.key", timeout: 5 }'] : []),
    ...trustLines(trust),
    resolverLine("accounts"),
    ...preloadLines({ ...trust, accounts: trust.accounts.filter(({ publicKey }) => known.has(publicKey)) }),
    "leafnodes {",
    "  remotes: [",
    remote(account, "way.creds"),
    remote(trust.systemAccount, "system.creds"),
    "  ]",
    "}",
    "authorization { timeout: 5 }",
    `max_payload: ${PAYLOAD_BYTES_MAX}`,
    "",
  ].join("\n");
}
