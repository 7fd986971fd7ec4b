/** The bus of a home, for a copy: that of the running master, an external one, or its own server, started for it. */
import { readFileSync } from "node:fs";
import { join } from "node:path";

import { asBomaError } from "@boma/protocol";
import type { NatsConnection } from "nats";

import { serverTrust } from "../bus/accounts.ts";
import { connectMaster } from "../bus/connect.ts";
import { movedTo } from "../bus/moved.ts";
import { EmbeddedServer } from "../bus/server.ts";
import { storageBytesMax, STREAMS } from "../bus/streams.ts";
import { type BusTrust, issueMasterUser, parseBusTrust } from "../bus/trust.ts";
import type { Home } from "../home.ts";
import { readOperatorFile } from "../operator-file.ts";

const LOOPBACK = /^nats:\/\/(localhost|127(\.\d+){3}|\[::1\])(:\d+)?$/;
const TIB = 1024 ** 4;

export interface ReachedBus extends AsyncDisposable {
  readonly connection: NatsConnection;
  /** Where it was there already. */
  readonly url: string | undefined;
}

const readBusTrust = ({ keys }: Pick<Home, "keys">): BusTrust =>
  parseBusTrust(readFileSync(join(keys, "bus.json"), "utf8"));

export async function reachBus(home: Home): Promise<ReachedBus> {
  const outside = movedTo(home);
  if (outside !== undefined) return outsideBus(home, outside);
  try {
    return await ownBus(home);
  } catch (thrown) {
    // The master runs, and its server with it.
    if (asBomaError(thrown).code !== "home/locked") throw thrown;
    return outsideBus(home, readOperatorFile(home, home.operator).servers.join(","));
  }
}

/** What is not on this machine is spoken to in TLS only. */
export async function outsideBus(home: Home, url: string): Promise<ReachedBus> {
  const isPlain = url.split(",").every((server) => LOOPBACK.test(server.trim()));
  const ca = isPlain ? undefined : readFileSync(join(home.keys, "ca.pem"), "utf8");
  const user = await issueMasterUser(readBusTrust(home), "backup");
  const connection = await connectMaster(url, user, { ca, name: "boma-master-backup" });
  return { connection, url, [Symbol.asyncDispose]: () => connection.close() };
}

/** On a port that nobody knows: no node finds it there. */
export async function ownBus(home: Home): Promise<ReachedBus> {
  const trust = readBusTrust(home);
  const server = await EmbeddedServer.start({
    dir: home.bus,
    host: "127.0.0.1",
    port: 0,
    trust: await serverTrust(trust),
    // A server forgets streams that reserve more than it may hold: it may hold all that they can be given.
    storageBytesMax: storageBytesMax({ bytesMax: Object.fromEntries(STREAMS.map((name) => [name, TIB])) }),
  });
  try {
    const connection = await connectMaster(server.url, await issueMasterUser(trust, "backup"));
    const end = async () => {
      await connection.close();
      await server.stop();
    };
    return { connection, url: undefined, [Symbol.asyncDispose]: end };
  } catch (error) {
    await server.stop();
    throw error;
  }
}
