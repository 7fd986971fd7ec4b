/** The APIs of daemons. No proxy, no redirect, one connection a request: what is asked is asked of exactly that server. */
import type { IncomingMessage, RequestOptions } from "node:http";

import type {
  Http,
  HttpAnswer,
  HttpChange,
  HttpRequest,
  Port,
  ReadHttp,
  Unreachable,
} from "@boma/states/core";

import { hasCode, messageOf } from "../files.ts";
import { http, https } from "./web.ts";

const TIMEOUT_MS = 10_000;
const BODY_BYTES_MAX = 8 * 1024 ** 2;

export function realHttp({ signal }: { readonly signal: AbortSignal }): Port<ReadHttp, Http> {
  const read: ReadHttp = { get: (request) => ask("GET", request, signal) };
  return { read, write: { ...read, send: (change) => ask(change.method, change, signal) } };
}

async function ask(
  method: string,
  request: HttpRequest & Pick<Partial<HttpChange>, "body">,
  signal: AbortSignal,
): Promise<HttpAnswer> {
  const time = AbortSignal.timeout(request.timeoutMs ?? TIMEOUT_MS);
  try {
    const answer = await sent(method, request, AbortSignal.any([signal, time]));
    const { statusCode: status = 0, headers } = answer;
    return { status, headers: flat(headers), body: await bodyOf(answer) };
  } catch (thrown) {
    signal.throwIfAborted();
    if (time.aborted) return { unreachable: "timeout", why: "it did not answer in time" };
    return { unreachable: kindOf(thrown), why: messageOf(thrown) };
  }
}

function sent(
  method: string,
  { url, headers, ca, client, socket, body }: HttpRequest & Pick<Partial<HttpChange>, "body">,
  signal: AbortSignal,
): Promise<IncomingMessage> {
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  const options: RequestOptions = {
    method,
    signal,
    agent: false,
    headers: {
      ...headers,
      ...(body !== undefined && { "content-length": String(Buffer.byteLength(body)) }),
    },
    ...(socket !== undefined && { socketPath: socket }),
  };
  const request = url.startsWith("https:")
    ? https().request(url, { ...options, ...(ca !== undefined && { ca }), ...client })
    : http().request(url, options);
  request.once("response", resolve).once("error", reject).end(body);
  return promise;
}

async function bodyOf(answer: IncomingMessage): Promise<string> {
  const parts: Buffer[] = [];
  let bytes = 0;
  for await (const part of answer as AsyncIterable<Buffer>) {
    bytes += part.length;
    if (bytes > BODY_BYTES_MAX) throw new Error(`it answered with more than ${BODY_BYTES_MAX} bytes`);
    parts.push(part);
  }
  return Buffer.concat(parts).toString("utf8");
}

const flat = (headers: IncomingMessage["headers"]): Record<string, string> =>
  Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, [value].flat().join(", ")]));

/** Most of them are those of OpenSSL: what cannot be verified says nothing of certificates in its code. */
const OF_TLS =
  /^EPROTO$|^ERR_TLS|CERT|SSL|SELF_SIGNED|^UNABLE_TO_|^INVALID_(CA|PURPOSE)$|^HOSTNAME_MISMATCH$/;

function kindOf(thrown: unknown): Unreachable["unreachable"] {
  if (hasCode(thrown, "ECONNREFUSED") || hasCode(thrown, "ENOENT")) return "refused";
  if (hasCode(thrown, "ENOTFOUND") || hasCode(thrown, "EAI_AGAIN")) return "name";
  const { code = "" } = thrown as { code?: string };
  return OF_TLS.test(code) ? "tls" : "other";
}
