/** One request to a receiver: bounded in time and size, TLS verified, no redirect followed, its answer not trusted. */
import { request as httpRequest } from "node:http";
import { request as httpsRequest } from "node:https";

import { SendFault } from "./send.ts";

const ANSWER_BYTES_MAX = 16 * 1024;
const RETRY_AFTER_MS_MAX = 3_600_000;
/** The receiver will not have this message; everything else somebody can repair, here or there. */
const REFUSALS = new Set([400, 409, 411, 413, 414, 415, 422, 431]);

export interface HttpSending {
  readonly method: "POST" | "PUT";
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  readonly ca: string | undefined;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
  /** What of an error's body is worth telling. */
  readonly explain?: (body: string) => string | undefined;
}

interface Answer {
  readonly status: number;
  readonly retryAfterMs: number | undefined;
  readonly body: string;
}

/** Resolves when the receiver has said that it has it. */
export async function sendHttp(sending: HttpSending): Promise<void> {
  const { status, retryAfterMs, body } = await answerOf(sending);
  if (status >= 200 && status < 300) return;
  const redirect = status >= 300 && status < 400 ? ", and redirects are not followed" : "";
  const why = sending.explain?.(body);
  throw new SendFault(`the receiver answered ${status}${why === undefined ? "" : ` ${why}`}${redirect}`, {
    isFinal: REFUSALS.has(status),
    retryAfterMs,
  });
}

function answerOf({ method, url, headers, body, ca, timeoutMs, signal }: HttpSending): Promise<Answer> {
  const send = url.protocol === "https:" ? httpsRequest : httpRequest;
  const late = AbortSignal.timeout(timeoutMs);
  return new Promise((resolve, reject) => {
    const request = send(url, {
      method,
      headers: {
        "user-agent": "boma",
        "content-type": "application/json",
        "content-length": String(Buffer.byteLength(body)),
        ...headers,
      },
      signal: AbortSignal.any([signal, late]),
      agent: false,
      ...(ca !== undefined && { ca }),
    });
    request.on("error", (error: NodeJS.ErrnoException) =>
      reject(new SendFault(late.aborted ? `no answer within ${timeoutMs} ms` : faultText(error))),
    );
    request.on("response", (response) => {
      const parts: Buffer[] = [];
      let bytes = 0;
      // The first line is the answer; how the rest of it ends changes nothing.
      const done = () =>
        resolve({
          status: response.statusCode ?? 0,
          retryAfterMs: retryAfter(response.headers["retry-after"]),
          body: Buffer.concat(parts).toString(),
        });
      response.on("data", (part: Buffer) => {
        parts.push(part.subarray(0, ANSWER_BYTES_MAX));
        if ((bytes += part.length) > ANSWER_BYTES_MAX) request.destroy();
      });
      response.on("error", done);
      response.on("close", done);
    });
    request.end(body);
  });
}

/** A name such as ECONNREFUSED or CERT_HAS_EXPIRED; a message could quote what was sent. */
const faultText = ({ code }: NodeJS.ErrnoException): string =>
  code === undefined ? "the connection failed" : `the connection failed: ${code}`;

function retryAfter(value: string | undefined): number | undefined {
  if (value === undefined || !/^\d{1,7}$/.test(value)) return undefined;
  return Math.min(Number(value) * 1000, RETRY_AFTER_MS_MAX);
}
