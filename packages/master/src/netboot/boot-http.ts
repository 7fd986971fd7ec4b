/**
 * What machines fetch over HTTP: the entry script, their own script, and the files
 * of images that hold. It only reads, knows seven paths, and bounds whoever asks.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { createServer as createTlsServer } from "node:https";
import { TLSSocket } from "node:tls";

import type { NetbootStage } from "@boma/protocol";

import type { ImageShelf } from "../image/image-shelf.ts";
import { type Asked, readAsked } from "./asking.ts";
import { UBUNTU } from "./autoinstall.ts";
import {
  AWAY_SCRIPT,
  bootScript,
  diskScript,
  ENTRY_SCRIPT,
  ubuntuScript,
  waitScript,
} from "./boot-script.ts";
import { findBoot } from "./find-boot.ts";
import { Limiter } from "./limiter.ts";
import type { BootAnswer } from "./netboot.ts";
import type { PixieAnswer } from "./pixiecore.ts";
import { UBUNTU_PATH, type UbuntuFile } from "./ubuntu-files.ts";

const CONNECTIONS_MAX = 512;
const HEADER_BYTES_MAX = 8192;
const HEADERS_MS_MAX = 10_000;
/** A whole image over a slow line; nobody holds a connection for longer. */
const REQUEST_MS_MAX = 30 * 60_000;
const IDLE_MS_MAX = 60_000;
const PER_MINUTE_MAX = 120;
const URL_LENGTH_MAX = 1024;

export interface BootHttpParts {
  readonly shelf: ImageShelf;
  readonly boot: (asked: Asked & { readonly address: string }) => Promise<BootAnswer>;
  readonly saw: (mac: string, stage: NetbootStage, address: string) => void;
  /** Boot loaders and packages, by their path. */
  readonly file: (path: string) => Uint8Array | undefined;
  /** What cloud-init asks for; `undefined` where this machine may not boot. */
  readonly cloud: (file: CloudFile, asked: CloudAsked) => Promise<string | undefined>;
  /** Ubuntu's installer, where it is served: what it asks for, and where it gets its system. */
  readonly ubuntu?:
    | {
        readonly iso: string;
        readonly file: (file: UbuntuFile, asked: CloudAsked) => Promise<string | undefined>;
      }
    | undefined;
  /** What Pixiecore asks for. */
  readonly pixiecore: (asked: CloudAsked) => Promise<PixieAnswer>;
  readonly console: (arch: string) => string | undefined;
  /** Further words for every kernel. */
  readonly extra: string;
  readonly onError: (error: unknown) => void;
}

interface Reply {
  readonly status: number;
  readonly type: string;
  readonly body: Uint8Array | string;
}

const text = (status: number, body: string): Reply => ({ status, type: "text/plain; charset=utf-8", body });
const NOT_FOUND = text(404, "not found\n");

/** A certificate for the boot service's address, by whomever the machines' loaders believe. */
export interface BootTls {
  readonly cert: string;
  readonly key: string;
}

export function bootHttp(parts: BootHttpParts, tls?: BootTls): Server {
  const limiter = new Limiter(PER_MINUTE_MAX);
  const answer = (request: IncomingMessage, response: ServerResponse): void => {
    const address = plainAddress(request.socket.remoteAddress);
    reply(parts, limiter, { request, address })
      .catch((error: unknown) => {
        parts.onError(error);
        // The machine asks again by itself; why is in the log, and not for strangers. iPXE runs no script that comes as an error.
        const isScript = request.url?.startsWith("/script?") === true;
        return text(isScript ? 200 : 503, AWAY_SCRIPT);
      })
      .then((made) => send(request, response, made))
      .catch(parts.onError);
  };
  const server = tls
    ? createTlsServer({ ...tls, maxHeaderSize: HEADER_BYTES_MAX }, answer)
    : createServer({ maxHeaderSize: HEADER_BYTES_MAX }, answer);
  server.maxConnections = CONNECTIONS_MAX;
  server.headersTimeout = HEADERS_MS_MAX;
  server.requestTimeout = REQUEST_MS_MAX;
  server.setTimeout(IDLE_MS_MAX);
  return server;
}

const plainAddress = (address: string | undefined): string => (address ?? "?").replace(/^::ffff:/, "");

interface Request {
  readonly request: IncomingMessage;
  readonly address: string;
}

async function reply(parts: BootHttpParts, limiter: Limiter, { request, address }: Request): Promise<Reply> {
  const { method, url = "" } = request;
  if (method !== "GET" && method !== "HEAD") return text(405, "only GET and HEAD\n");
  if (url.length > URL_LENGTH_MAX || !url.startsWith("/")) return text(400, "not a path\n");
  if (!limiter.allows(address)) return text(429, "too often\n");
  const { pathname, searchParams } = new URL(url, "http://boot");
  if (pathname === "/boot.ipxe") return text(200, ENTRY_SCRIPT);
  if (pathname === "/script") {
    const asked = readAsked(searchParams);
    if (!asked) return text(400, waitScript("this machine", "it did not say who it is"));
    return text(200, await scriptFor(parts, { ...asked, address }, ownUrl(request)));
  }
  const [, image, mac, file] =
    /^\/image\/([a-z0-9._-]+)\/([0-9a-f]{2}(?:[:-][0-9a-f]{2}){5})\/(kernel|initrd)$/.exec(pathname) ?? [];
  if (image !== undefined)
    return imageFile(parts, { image, mac: mac!.replaceAll("-", ":"), file: file as File, address, method });
  const [, who, cloudFile] = CLOUD_PATH.exec(pathname) ?? [];
  if (who !== undefined) {
    const asked = { mac: who.replaceAll("-", ":"), address, url: ownUrl(request) };
    const body = await parts.cloud(cloudFile as CloudFile, asked);
    return body === undefined ? text(403, "no boot window is open for this machine\n") : text(200, body);
  }
  const [, installing, ubuntuFile] = (parts.ubuntu && UBUNTU_PATH.exec(pathname)) ?? [];
  if (installing !== undefined) {
    const asked = { mac: installing.replaceAll("-", ":"), address, url: ownUrl(request) };
    const body = await parts.ubuntu!.file(ubuntuFile as UbuntuFile, asked);
    return body === undefined
      ? text(403, "no boot window for Ubuntu is open for this machine\n")
      : text(200, body);
  }
  const pixieMac = PIXIECORE_PATH.exec(pathname)?.[1];
  if (pixieMac !== undefined) {
    const asked = { mac: pixieMac.replaceAll("-", ":"), address, url: ownUrl(request) };
    const made = await parts.pixiecore(asked);
    return made.boots
      ? { status: 200, type: "application/json", body: made.body }
      : text(404, `${made.why}\n`);
  }
  const found = parts.file(pathname.slice(1));
  return found ? { status: 200, type: "application/octet-stream", body: found } : NOT_FOUND;
}

export type CloudFile = "user-data" | "meta-data" | "vendor-data";
export interface CloudAsked {
  readonly mac: string;
  readonly address: string;
  /** This service, as the machine reached it. */
  readonly url: string;
}

const CLOUD_PATH = /^\/nocloud\/([0-9a-f]{2}(?:[:-][0-9a-f]{2}){5})\/(user-data|meta-data|vendor-data)$/;

/** Of Pixiecore's own API: whatever is not 200 means to it that this machine is not for it. */
const PIXIECORE_PATH = /^\/pixiecore\/v1\/boot\/([0-9a-f]{2}(?:[:-][0-9a-f]{2}){5})$/;

/** By the socket, and not by what the machine calls us: a name from outside has no place in a file that root runs. */
function ownUrl({ socket }: IncomingMessage): string {
  const { localAddress, localPort } = socket;
  const address = plainAddress(localAddress);
  const scheme = socket instanceof TLSSocket ? "https" : "http";
  return `${scheme}://${address.includes(":") ? `[${address}]` : address}:${localPort}`;
}

type File = "kernel" | "initrd";
interface Fetch {
  readonly image: string;
  readonly mac: string;
  readonly file: File;
  readonly address: string;
  readonly method: string;
}

async function scriptFor(
  parts: BootHttpParts,
  asked: Asked & { readonly address: string },
  url: string,
): Promise<string> {
  const { shelf, boot, ubuntu } = parts;
  const found = await findBoot({ shelf, boot, ubuntu: ubuntu !== undefined }, asked);
  if (!found.boots) return (found.disk ? diskScript : waitScript)(asked.mac, found.why);
  const { answer, image } = found;
  const words = { console: parts.console(asked.arch), extra: parts.extra };
  if (image !== UBUNTU || !ubuntu) return bootScript(asked.mac, answer, { image, ...words });
  const at = `${url}/ubuntu/${asked.mac.replaceAll(":", "-")}`;
  return ubuntuScript(asked.mac, { at, iso: ubuntu.iso, ...words });
}

function imageFile({ shelf, saw }: BootHttpParts, { image, mac, file, address, method }: Fetch): Reply {
  const found = shelf.get(image);
  if (!found) return NOT_FOUND;
  if (method === "GET") saw(mac, file, address);
  return { status: 200, type: "application/octet-stream", body: found[file] };
}

function send(request: IncomingMessage, response: ServerResponse, { status, type, body }: Reply): void {
  const bytes = typeof body === "string" ? Buffer.from(body) : body;
  const range = status === 200 ? rangeOf(request.headers.range, bytes.length) : undefined;
  response.setHeader("content-type", type);
  response.setHeader("cache-control", "no-store");
  response.setHeader("accept-ranges", "bytes");
  if (range) response.setHeader("content-range", `bytes ${range.from}-${range.to}/${bytes.length}`);
  const part = range ? bytes.subarray(range.from, range.to + 1) : bytes;
  response.setHeader("content-length", part.length);
  response.statusCode = range ? 206 : status;
  response.end(request.method === "HEAD" ? undefined : part);
}

/** One range, as UEFI and some iPXE builds ask for; whatever else stands there is passed over, as the standard allows. */
function rangeOf(header: string | undefined, bytes: number): { from: number; to: number } | undefined {
  const [, first, last] = /^bytes=(\d{1,12})-(\d{0,12})$/.exec(header ?? "") ?? [];
  if (first === undefined) return undefined;
  const from = Number(first);
  const to = last === "" ? bytes - 1 : Math.min(Number(last), bytes - 1);
  return from <= to && from < bytes ? { from, to } : undefined;
}
