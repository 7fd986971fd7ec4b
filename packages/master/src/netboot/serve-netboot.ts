/**
 * The boot service: HTTP and TFTP on the boot LAN, an operator's connection to the
 * master behind it. It keeps nothing; what it must know is the master's.
 */
import type { Server } from "node:http";

import { BomaError, type NetbootStage } from "@boma/protocol";

import type { Client } from "../client/client.ts";
import { ImageShelf, type ShelfTrust } from "../image/image-shelf.ts";
import { bootHttp, type BootHttpParts, type BootTls } from "./boot-http.ts";
import { cloudFiles, extraOf, PACKAGES, packageSums } from "./cloud-files.ts";
import { type DhcpParts, type DhcpRequest, startDhcp } from "./dhcp-service.ts";
import { Limiter } from "./limiter.ts";
import type { AskBoot, BootAnswer } from "./netboot.ts";
import { PiFiles } from "./pi-files.ts";
import { PixieAnswers } from "./pixiecore.ts";
import { TftpServer } from "./tftp-server.ts";
import { ubuntuFiles } from "./ubuntu-files.ts";

export interface NetbootOptions {
  readonly images: string;
  readonly host: string;
  readonly httpPort: number;
  /** The same over TLS, beside it. */
  readonly https: (BootTls & { readonly port: number }) | undefined;
  /** Without one there is no TFTP. */
  readonly tftpPort: number | undefined;
  /** Boot loaders and packages, by their path. */
  readonly files: ReadonlyMap<string, Uint8Array>;
  /** Where the site's cloud-config is, a file a profile. */
  readonly userData: string | undefined;
  /** What a Raspberry Pi loads before its kernel. */
  readonly firmware: ReadonlyMap<string, Uint8Array> | undefined;
  /** Where Ubuntu's installer gets its system, where that is served. */
  readonly ubuntuIso: string | undefined;
  readonly dhcp: DhcpRequest | undefined;
  readonly console: string | undefined;
  readonly extra: string;
  readonly say: (line: string) => void;
  readonly complain: (line: string) => void;
}

export interface Serving {
  readonly httpPort: number;
  readonly httpsPort: number | undefined;
  readonly tftpPort: number | undefined;
  readonly shelf: ImageShelf;
  /** Ends with an error when a part of it has ended by itself. */
  readonly lost: Promise<never>;
  stop(): Promise<void>;
}

const DISCOVERS_PER_MINUTE_MAX = 2;
const CONSOLES: Readonly<Record<string, string>> = { amd64: "ttyS0", arm64: "ttyAMA0" };

export async function serveNetboot(client: Client, options: NetbootOptions): Promise<Serving> {
  const { images, host, files, say, complain } = options;
  const { trust, join } = await askTrust(client);
  const tell = (saw: object): void =>
    void client
      .ask("netboot.tell", { saw })
      .catch((error: unknown) => complain(`the master was not told: ${String(error)}`));
  const shelf = new ImageShelf(images, trust, (image, why) => {
    complain(`image refused: ${why}`);
    tell({ kind: "image-refused", image, why });
  });
  await shelf.refresh();
  const saw = (mac: string, stage: NetbootStage, address: string): void => {
    say(`${mac}  ${stage}  ${address}`);
    tell({ kind: "stage", mac, stage, address });
    if (stage === "initrd") pixie.loaded(mac);
  };
  const boot: AskBoot = async (asked) => {
    const answer = await client.ask<BootAnswer>("netboot.boot", asked);
    say(`${asked.mac}  ${answer.boots ? "script" : `refused: ${answer.why}`}  ${asked.address}`);
    return answer;
  };
  const words = { console: (arch: string) => options.console ?? CONSOLES[arch], extra: options.extra };
  const pixie = new PixieAnswers({ shelf, boot, ...words });
  const parts: BootHttpParts = {
    shelf,
    boot,
    saw,
    cloud: cloudFiles({ boot, join, dir: options.userData, files }),
    ubuntu: ubuntuOf(options, { boot, join }),
    pixiecore: (asked) => pixie.answer(asked),
    file: (path) => files.get(path),
    ...words,
    onError: (error) => complain(String(error)),
  };
  const lost = Promise.withResolvers<never>();
  lost.promise.catch(() => undefined);
  await using opened = new AsyncDisposableStack();
  const open = async (port: number, tls?: BootTls): Promise<number> => {
    const server = bootHttp(parts, tls);
    const bound = await listen(server, host, port);
    opened.defer(() => closed(server));
    return bound;
  };
  const httpPort = await open(options.httpPort);
  const httpsPort = options.https && (await open(options.https.port, options.https));
  const tftp = await openTftp(options, { shelf, boot, saw }, words);
  opened.defer(async () => tftp?.close());
  if (options.dhcp)
    opened.use(await startDhcp({ ...options.dhcp, httpPort }, dhcpParts(tell, options, lost.reject)));
  const serving = opened.move();
  return {
    httpPort,
    httpsPort,
    tftpPort: tftp?.port,
    shelf,
    lost: lost.promise,
    stop: () => serving.disposeAsync(),
  };
}

/** Whom to believe about images, and with what machines knock: asked anew each time, for the key in it may be retired. */
async function askTrust(client: Client) {
  const ask = () => client.ask<ShelfTrust & { join: string }>("netboot.trust");
  const { root, release } = await ask();
  return { trust: { root, release }, join: async () => (await ask()).join };
}

function ubuntuOf(
  { ubuntuIso: iso, files, userData }: NetbootOptions,
  parts: Pick<Parameters<typeof ubuntuFiles>[0], "boot" | "join">,
): BootHttpParts["ubuntu"] {
  if (iso === undefined) return undefined;
  const sums = packageSums(files);
  const packages = (url: string) => (sums.length > 0 ? { url: `${url}/${PACKAGES}`, sums } : undefined);
  return { iso, file: ubuntuFiles({ ...parts, packages, extra: (profile) => extraOf(userData, profile) }) };
}

/** What DHCP sees, told to the master; a machine whose line is bad asks several times a second. */
function dhcpParts(
  tell: (saw: object) => void,
  { complain, say }: NetbootOptions,
  lost: (error: BomaError) => void,
): DhcpParts {
  const limiter = new Limiter(DISCOVERS_PER_MINUTE_MAX);
  return {
    complain,
    onDiscover: (mac) => {
      if (!limiter.allows(mac)) return;
      say(`${mac}  dhcp`);
      tell({ kind: "stage", mac, stage: "dhcp" });
    },
    onRogue: (server, address) => tell({ kind: "rogue-dhcp", server, offers: address }),
    onLost: (why) => lost(new BomaError("netboot/dhcp", `dnsmasq does not serve the boot LAN: ${why}`)),
  };
}

async function openTftp(
  { host, tftpPort, files, firmware, complain }: NetbootOptions,
  images: Pick<ConstructorParameters<typeof PiFiles>[0], "shelf" | "boot" | "saw">,
  { console, extra }: Pick<BootHttpParts, "console" | "extra">,
): Promise<TftpServer | undefined> {
  if (tftpPort === undefined) return undefined;
  const pi = firmware && new PiFiles({ firmware, ...images, words: { console: console("arm64"), extra } });
  try {
    return await TftpServer.listen(host, tftpPort, {
      file: async (path, address) => files.get(path) ?? pi?.file(path, address),
      onError: (error) => complain(`tftp: ${String(error)}`),
    });
  } catch (cause) {
    throw cannotListen(`TFTP on ${host}:${tftpPort}`, cause);
  }
}

async function listen(server: Server, host: string, port: number): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.once("error", reject);
  server.listen(port, host, resolve);
  try {
    await promise;
  } catch (cause) {
    throw cannotListen(`HTTP on ${host}:${port}`, cause);
  }
  const address = server.address();
  return typeof address === "object" && address ? address.port : port;
}

const cannotListen = (what: string, cause: unknown): BomaError =>
  new BomaError("netboot/listen", `${what} cannot be served: ${(cause as Error).message}`, { cause });

async function closed(server: Server): Promise<void> {
  server.closeAllConnections();
  await new Promise<void>((resolve) => server.close(() => resolve()));
}
