/**
 * One GET, through redirects to hosts that were allowed. No proxy of the
 * environment is used: what a node fetches must not depend on who started its agent.
 */
import type { IncomingMessage, RequestOptions } from "node:http";

import { BomaError } from "@boma/protocol";
import type { Download } from "@boma/states/core";

import { messageOf } from "../files.ts";
import { http, https } from "./web.ts";

const REDIRECTS_MAX = 5;
const SILENCE_MS = 60_000;

export interface Answer {
  readonly body: IncomingMessage;
  /** Of what comes now. */
  readonly length: number | undefined;
  /** The server goes on where it was asked to. */
  readonly continues: boolean;
  /** There is nothing after what is there already. */
  readonly complete: boolean;
}

export async function answerOf(download: Download, begun: number, signal: AbortSignal): Promise<Answer> {
  let url = parse(download.url);
  for (let redirects = 0; redirects <= REDIRECTS_MAX; redirects++) {
    const body = await ask(url, begun, signal);
    const { statusCode = 0, statusMessage = "", headers } = body;
    if (statusCode === 200 || statusCode === 206 || (statusCode === 416 && begun > 0))
      return {
        body: statusCode === 416 ? body.resume() : body,
        length: headers["content-length"] === undefined ? undefined : Number(headers["content-length"]),
        continues: statusCode === 206,
        complete: statusCode === 416,
      };
    body.resume();
    if (![301, 302, 303, 307, 308].includes(statusCode) || headers.location === undefined)
      throw new BomaError(
        "state/download",
        `${url.href}: the server answered ${statusCode} ${statusMessage}`,
      );
    url = next(url, headers.location, download);
  }
  throw new BomaError("state/download", `${download.url}: more than ${REDIRECTS_MAX} redirects`);
}

function parse(text: string): URL {
  const url = URL.parse(text);
  if (url && (url.protocol === "http:" || url.protocol === "https:")) return url;
  throw new BomaError("state/download", `${text} is not a URL that begins with http:// or https://`);
}

function next(from: URL, location: string, { url, redirectHosts }: Download): URL {
  const to = URL.parse(location, from);
  if (!to) throw new BomaError("state/download", `${from.href}: the server sends on to ${location}`);
  parse(to.href);
  if (from.protocol === "https:" && to.protocol !== "https:")
    throw new BomaError(
      "state/download",
      `${from.href}: the server sends on to ${to.href}, where nothing is encrypted`,
    );
  const allowed = [parse(url).hostname, ...redirectHosts];
  if (allowed.includes(to.hostname)) return to;
  throw new BomaError("state/download", `${from.href}: the server sends on to another host, ${to.hostname}`, {
    hint: `Add ${to.hostname} to \`redirectHosts\` if that is right.`,
  });
}

function ask(url: URL, begun: number, signal: AbortSignal): Promise<IncomingMessage> {
  const web = url.protocol === "https:" ? https() : http();
  const options: RequestOptions = {
    agent: new web.Agent({ keepAlive: false }),
    headers: {
      "user-agent": "boma",
      "accept-encoding": "identity",
      ...(begun > 0 && { range: `bytes=${begun}-` }),
    },
    signal,
    timeout: SILENCE_MS,
  };
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  const request = web.request(url, options, resolve);
  request.on("timeout", () =>
    request.destroy(new Error(`the server said nothing for ${SILENCE_MS / 1000} s`)),
  );
  request.on("error", (thrown) =>
    reject(new BomaError("state/download", `${url.href}: ${messageOf(thrown)}`, { cause: thrown })),
  );
  request.end();
  return promise;
}
