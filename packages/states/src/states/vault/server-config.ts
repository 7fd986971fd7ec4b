/** A server's configuration as Vault reads it, in JSON: it cannot be written wrongly, only mean the wrong thing. */
import type { Listener, Peer, Seal, Storage } from "./storage.ts";

export interface Server {
  readonly storage: Storage;
  readonly listeners: readonly Listener[];
  readonly apiAddr: string;
  readonly clusterAddr?: string | undefined;
  readonly clusterName?: string | undefined;
  readonly ui: boolean;
  readonly mlock?: boolean | undefined;
  readonly defaultLeaseTtl?: string | undefined;
  readonly maxLeaseTtl?: string | undefined;
  readonly registration?: { readonly address: string; readonly service: string } | undefined;
  readonly seal: Seal;
  readonly audit?: Readonly<Record<string, Audit>> | undefined;
  readonly consulToken?: string | undefined;
  readonly transitToken?: string | undefined;
}

export interface Audit {
  readonly type: string;
  readonly description?: string | undefined;
  readonly options: Readonly<Record<string, string>>;
}

/** The keys of ours that hold secrets: what is shown of a configuration leaves their values away. */
const HIDDEN = "(secret)";
const isToken = (key: string): boolean => key === "token";

export const configOf = (server: Server): object =>
  pruned({
    storage: { [server.storage.type]: storageOf(server) },
    listener: server.listeners.map((listener) => ({ tcp: listenerOf(listener) })),
    api_addr: server.apiAddr,
    cluster_addr: server.clusterAddr,
    cluster_name: server.clusterName,
    ui: server.ui,
    // Raft maps its file into memory, which must not be locked. Since 1.20 raft does not start unless this is said.
    disable_mlock: !(server.mlock ?? server.storage.type !== "raft"),
    default_lease_ttl: server.defaultLeaseTtl,
    max_lease_ttl: server.maxLeaseTtl,
    service_registration: server.registration && { consul: registrationOf(server) },
    seal: sealOf(server),
    audit: server.audit && auditOf(server.audit),
  });

export const textOf = (config: object): string => `${JSON.stringify(config, undefined, 2)}\n`;

/** The same text with no secret in it; of a file that others have written, too. */
export function shownConfig(text: string): string {
  try {
    const config: unknown = JSON.parse(text, (key, value: unknown) => (isToken(key) ? HIDDEN : value));
    return textOf(config as object);
  } catch {
    return "(no JSON)";
  }
}

function storageOf({ storage, consulToken }: Server): object {
  switch (storage.type) {
    case "file":
      return { path: storage.path };
    case "raft":
      return {
        path: storage.path,
        node_id: storage.nodeId,
        // It does not start with an empty list.
        ...(storage.retryJoin.length > 0 && { retry_join: storage.retryJoin.map(joinOf) }),
      };
    case "consul":
      return { address: storage.address, path: storage.path, token: consulToken };
  }
}

const joinOf = ({ leaderApiAddr, caFile, serverName }: Peer): object => ({
  leader_api_addr: leaderApiAddr,
  leader_ca_cert_file: caFile,
  leader_tls_servername: serverName,
});

const listenerOf = ({ address, clusterAddress, tls }: Listener): object => ({
  address,
  cluster_address: clusterAddress,
  ...(tls
    ? {
        tls_cert_file: tls.certFile,
        tls_key_file: tls.keyFile,
        tls_min_version: "tls12",
        tls_client_ca_file: tls.clientCaFile,
        tls_require_and_verify_client_cert: tls.clientCaFile === undefined ? undefined : true,
      }
    : { tls_disable: true }),
});

const registrationOf = ({ registration, consulToken }: Server): object => ({
  ...registration,
  token: consulToken,
});

function sealOf({ seal, transitToken }: Server): object | undefined {
  if (seal.type === "shamir") return undefined;
  if (seal.type !== "transit") return { [seal.type]: seal.options };
  const { address, keyName, mountPath, caFile } = seal;
  return {
    transit: { address, key_name: keyName, mount_path: mountPath, tls_ca_cert: caFile, token: transitToken },
  };
}

const auditOf = (devices: Readonly<Record<string, Audit>>): object[] =>
  Object.entries(devices).map(([path, { type, description, options }]) => ({
    [type]: { [path]: { description, options } },
  }));

const pruned = (config: object): object => JSON.parse(JSON.stringify(config)) as object;
