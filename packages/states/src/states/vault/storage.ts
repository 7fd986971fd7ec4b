/** Where Vault keeps what it keeps, and what opens it: the parts of a server's configuration that name other machines. */
import { z } from "zod";

import { Path } from "../file/parameters.ts";

const HOST = String.raw`(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9.-]+)`;
const ADDRESS = new RegExp(`^${HOST}:\\d{1,5}$`);
const PORT_MAX = 65_535;

export const portOf = (address: string): number => Number(address.slice(address.lastIndexOf(":") + 1));
const hasPort = (address: string): boolean => portOf(address) >= 1 && portOf(address) <= PORT_MAX;

/** An address with its port, as a program listens on it. */
export const HostPort = z
  .string()
  .regex(ADDRESS, "an address with its port, such as `127.0.0.1:8200` or `[::]:8200`")
  .refine(hasPort, "a port from 1 to 65535");
export const HttpUrl = z.url({ protocol: /^https?$/ });

export const isLoopback = (hostPort: string): boolean =>
  /^(127\.\d+\.\d+\.\d+|localhost|\[::1\]):\d+$/.test(hostPort);

/** The host and the port of an address of the web; empty where it is none. */
export function hostPortOf(text: string): string {
  const url = URL.parse(text);
  return url ? `${url.hostname}:${url.port || (url.protocol === "https:" ? 443 : 80)}` : "";
}

const Peer = z.strictObject({
  leaderApiAddr: HttpUrl,
  /** The certificates that may have signed the peer's. */
  caFile: Path.optional(),
  serverName: z.string().optional(),
});
export type Peer = z.output<typeof Peer>;

const Tls = z.strictObject({ certFile: Path, keyFile: Path, clientCaFile: Path.optional() });

export const Listener = z
  .strictObject({
    address: HostPort,
    clusterAddress: HostPort.optional(),
    tls: Tls.optional(),
  })
  .refine(({ address, tls }) => tls !== undefined || isLoopback(address), {
    message: "without `tls` it listens on a loopback address only: tokens would travel in the clear",
    path: ["tls"],
  });
export type Listener = z.output<typeof Listener>;

export const Storage = z.discriminatedUnion("type", [
  z.strictObject({ type: z.literal("file"), path: Path }),
  z.strictObject({
    type: z.literal("raft"),
    path: Path,
    nodeId: z.string().min(1).max(255),
    retryJoin: z.array(Peer).max(20).default([]),
  }),
  z.strictObject({
    type: z.literal("consul"),
    address: HostPort.default("127.0.0.1:8500"),
    path: z.string().default("vault/"),
  }),
]);
export type Storage = z.output<typeof Storage>;

const Setting = z.union([z.string(), z.number(), z.boolean()]);

/** What opens Vault after a start: people with their shares, or another service. */
export const Seal = z.discriminatedUnion("type", [
  z.strictObject({ type: z.literal("shamir") }),
  z.strictObject({
    type: z.literal("transit"),
    address: HttpUrl,
    keyName: z.string().min(1),
    mountPath: z.string().default("transit/"),
    caFile: Path.optional(),
  }),
  // Their credentials are those of the machine: none of them stands in a file of ours.
  z.strictObject({
    type: z.enum(["awskms", "gcpckms", "azurekeyvault", "pkcs11"]),
    options: z.record(z.string(), Setting).default({}),
  }),
]);
export type Seal = z.output<typeof Seal>;

/** Why a Vault that opens itself would stay closed for ever: the one that is to open it is itself, or a peer of it. */
export function circle(
  seal: Seal,
  { apiAddr, listeners, storage }: { apiAddr: string; listeners: readonly Listener[]; storage: Storage },
): string | undefined {
  if (seal.type !== "transit") return undefined;
  const opener = hostPortOf(seal.address);
  const peers = storage.type === "raft" ? storage.retryJoin.map((peer) => peer.leaderApiAddr) : [];
  const own = [apiAddr, ...peers].map(hostPortOf);
  const here = listeners.map(({ address }) => address);
  const isHere =
    here.includes(opener) || (isLoopback(opener) && here.some((at) => portOf(at) === portOf(opener)));
  if (!isHere && !own.includes(opener)) return undefined;
  return `${seal.address} is this Vault or a peer of it: it would have to be open in order to be opened`;
}
