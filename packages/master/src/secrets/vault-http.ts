/** One request to Vault: TLS with the given authority, bounded in time and size, no redirect followed. */
import { request as httpRequest } from "node:http";
import { request as httpsRequest } from "node:https";

const ANSWER_BYTES_MAX = 1024 * 1024;

export interface VaultRequest {
  readonly method: "GET" | "POST";
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: unknown;
  readonly ca: string | undefined;
  readonly timeoutMs: number;
}

export interface VaultAnswer {
  readonly status: number;
  /** What came as JSON; `undefined` where it was none. */
  readonly body: unknown;
}

/** Rejects with a fault of the connection in a few words. */
export function askVault({ method, url, headers, body, ca, timeoutMs }: VaultRequest): Promise<VaultAnswer> {
  const text = body === undefined ? undefined : JSON.stringify(body);
  const send = url.protocol === "https:" ? httpsRequest : httpRequest;
  return new Promise((resolve, reject) => {
    const request = send(url, {
      method,
      headers: { ...headers, ...(text !== undefined && { "content-type": "application/json" }) },
      signal: AbortSignal.timeout(timeoutMs),
      // Nothing lingers when a run is over.
      agent: false,
      ...(ca !== undefined && { ca }),
    });
    request.on("error", (error: NodeJS.ErrnoException) =>
      reject(
        new Error(
          error.name === "AbortError" ? `no answer within ${timeoutMs} ms` : (error.code ?? error.message),
        ),
      ),
    );
    request.on("response", (response) => {
      const parts: Buffer[] = [];
      let bytes = 0;
      response.on("data", (part: Buffer) => {
        parts.push(part);
        if ((bytes += part.length) > ANSWER_BYTES_MAX) request.destroy(new Error("the answer is too large"));
      });
      response.on("error", (error) => reject(new Error(error.message)));
      response.on("end", () =>
        resolve({ status: response.statusCode ?? 0, body: parsed(Buffer.concat(parts).toString()) }),
      );
    });
    request.end(text);
  });
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
