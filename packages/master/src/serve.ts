/** `boma-master serve`: the bus, if it is ours to run, and a master on it. */
import { readFileSync } from "node:fs";
import { hostname, networkInterfaces } from "node:os";
import { join } from "node:path";

import { BomaError } from "@boma/protocol";

import type { OperatorRecord } from "./api/rights.ts";
import type { AuditSettings } from "./audit/open-audit.ts";
import { serverTrust } from "./bus/accounts.ts";
import { isLoopback, isPlainLoopback } from "./bus/loopback.ts";
import { assertMovedTo, assertNotMoved, assertWhole, noteMoved } from "./bus/moved.ts";
import { EmbeddedServer, type ServerState } from "./bus/server.ts";
import { storageBytesMax, type StreamOptions } from "./bus/streams.ts";
import { issueServerCertificate } from "./bus/tls.ts";
import { type BusTrust, issueOperatorCredential, parseBusTrust } from "./bus/trust.ts";
import { assertInitialised, assertPrivate, type Home, makeHome } from "./home.ts";
import type { LeadRecord } from "./lead/lead-record.ts";
import type { Logger } from "./log.ts";
import { Master } from "./master.ts";
import { readOperatorFile, writeOperatorFile } from "./operator-file.ts";

export interface ServeOptions {
  readonly home: Home;
  readonly site: string;
  readonly listen: string;
  /** Where servers of sites connect, to a server of our own. */
  readonly sites?: string | undefined;
  /** An existing server or cluster, instead of one of our own. */
  readonly nats?: string | undefined;
  /** Further names or addresses under which nodes reach the bus. */
  readonly names: readonly string[];
  readonly audit: AuditSettings;
  readonly streams: StreamOptions;
  readonly log: Logger;
  readonly onBusState?: (state: ServerState) => void;
  /** Another master leads, and this one waits. */
  readonly standsBy?: (leader: LeadRecord) => void;
  /** Ends the waiting. */
  readonly signal?: AbortSignal;
}

export interface Serving {
  readonly servers: readonly string[];
  /** Rejects when another master leads. */
  readonly lost: Promise<never>;
  stop(): Promise<void>;
}

/** Resolves when this master leads; with `undefined` when it was stopped while it stood by. */
export async function serve(options: ServeOptions): Promise<Serving | undefined> {
  const { home, log } = options;
  assertWhole(home);
  assertInitialised(home);
  // A home to which only keys were brought has no others yet.
  makeHome(home);
  const file = join(home.keys, "bus.json");
  assertPrivate(file);
  const trust = parseBusTrust(readFileSync(file, "utf8"));
  const ca = readFileSync(join(home.keys, "ca.pem"), "utf8");
  if (options.nats !== undefined) {
    const servers = options.nats.split(",").map((url) => url.trim());
    // What is not on this machine is spoken to in TLS only, by nodes as by us.
    const tls = servers.every(isPlainLoopback) ? {} : { ca };
    await assertMovedTo(home, { url: options.nats, trust, ...tls });
    const master = await startMaster(options, { trust, url: options.nats, servers, ...tls });
    if (!master) return undefined;
    noteMoved(home, options.nats);
    return { servers, lost: lostBy(master), stop: () => master.stop() };
  }
  assertNotMoved(home);
  const { host, port } = readListen(options.listen);
  const bus = await startBus(options, trust, { host, port, ca });
  try {
    const servers = reachableAt(host, bus.port, options.names);
    const tls = isLoopback(host) ? {} : { ca };
    const master = await startMaster(options, { trust, url: bus.url, servers, server: bus, ...tls });
    const stop = async () => {
      await master?.stop();
      await bus.stop();
    };
    if (master) return { servers, lost: lostBy(master), stop };
    await stop();
    return undefined;
  } catch (error) {
    await bus.stop();
    log.error({ error: String(error) }, "stopping the bus again");
    throw error;
  }
}

/** The server of a master that was killed ends by itself; with thousands of connections that takes seconds. */
const FORMER_BUS_MS_MAX = 20_000;
/** For its last words to be printed. */
const LAST_WORDS_MS = 1_000;

async function lostBy(master: Master): Promise<never> {
  const loss = await master.lost;
  await master.abandon();
  // What it still holds and waits for is let go of with the process.
  setTimeout(() => process.exit(), LAST_WORDS_MS).unref();
  throw loss;
}

async function startBus(
  options: ServeOptions,
  trust: BusTrust,
  at: { host: string; port: number; ca: string },
) {
  const { home, names, sites, onBusState } = options;
  const { host, port, ca } = at;
  const key = readFileSync(join(home.keys, "ca.key"), "utf8");
  const tls = isLoopback(host)
    ? undefined
    : await issueServerCertificate({ certificate: ca, privateKey: key }, serverNames(names));
  return EmbeddedServer.start({
    dir: home.bus,
    host,
    port,
    trust: await serverTrust(trust),
    storageBytesMax: storageBytesMax(options.streams),
    sites,
    waitMs: FORMER_BUS_MS_MAX,
    ...(tls && { tls }),
    ...(onBusState && { onState: onBusState }),
  });
}

async function startMaster(options: ServeOptions, at: MasterAt): Promise<Master | undefined> {
  const { home, log, site, audit, streams, signal } = options;
  const local = readOperatorFile({ ...home }, home.operator);
  const localOperator: OperatorRecord = {
    key: local.user.publicKey,
    name: local.name,
    sign: local.sign.publicKey,
    rights: { admin: true, read: true, run: [], events: [], audit: true },
    addedAt: Date.now(),
    addedBy: "init",
  };
  const credential = await issueOperatorCredential(at.trust, {
    name: local.name,
    publicKey: local.user.publicKey,
  });
  // The command line on this host finds the bus by this file, so it is written when there is something to find.
  const servers = at.url.split(",").map((url) => url.trim());
  const letIn = () => writeOperatorFile(home.operator, { ...local, servers, credential, ca: at.ca });
  const standsBy = (leader: LeadRecord): void => {
    letIn();
    options.standsBy?.(leader);
  };
  const master = await Master.start({
    home,
    log,
    site,
    audit,
    streams,
    localOperator,
    standsBy,
    signal,
    ...at,
  });
  if (!master) return undefined;
  letIn();
  master.control.keepJoin();
  return master;
}

interface MasterAt {
  readonly trust: BusTrust;
  readonly url: string;
  readonly servers: readonly string[];
  readonly server?: EmbeddedServer;
  readonly ca?: string;
}

function readListen(listen: string): { host: string; port: number } {
  const [, bracketed, plain, port] = /^(?:\[([0-9a-f:.]+)\]|([^:[\]]+)):(\d{1,5})$/i.exec(listen) ?? [];
  const host = bracketed ?? plain;
  if (host === undefined || Number(port) > 65_535)
    throw new BomaError("usage/argument", `--listen ${listen} is not HOST:PORT`, {
      hint: "For example 0.0.0.0:4222 or [::]:4222; port 0 takes a free one.",
    });
  return { host, port: Number(port) };
}

const ownAddresses = (): string[] =>
  Object.values(networkInterfaces()).flatMap((list) =>
    (list ?? []).filter(({ internal }) => !internal).map(({ address }) => address),
  );

const isAddress = (name: string): boolean => /^[\d.]+$|:/.test(name);

const serverNames = (names: readonly string[]) => ({
  dns: ["localhost", hostname(), ...names.filter((name) => !isAddress(name))],
  ips: [
    "127.0.0.1",
    "::1",
    ...ownAddresses().filter((address) => !address.includes("%")),
    ...names.filter(isAddress),
  ],
});

/** How nodes find the bus: by the names that were given, else by what the machine is called and has. */
function reachableAt(host: string, port: number, names: readonly string[]): string[] {
  const scheme = isLoopback(host) ? "nats" : "tls";
  const everywhere = host === "0.0.0.0" || host === "::";
  const hosts =
    names.length > 0
      ? names
      : everywhere
        ? [...ownAddresses().filter((address) => !address.startsWith("fe80")), hostname()]
        : [host];
  return hosts.map((name) => `${scheme}://${name.includes(":") ? `[${name}]` : name}:${port}`);
}
