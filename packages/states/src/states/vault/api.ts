/** Vault's API: with a token, which travels in a header only, and errors in words that say what to do. */
import { BomaError } from "@boma/protocol";
import { z } from "zod";

import type { ReadFiles } from "../../host/files.ts";
import type { Host, ReadHost } from "../../host/host.ts";
import { type HttpAnswer, type HttpChange, isAnswered, jsonOf, placeOf } from "../../host/http.ts";
import { Path } from "../file/parameters.ts";
import { hostPortOf, HttpUrl, isLoopback } from "./storage.ts";

export const LOCAL = "https://127.0.0.1:8200";
const TIMEOUT_MS = 30_000;
const SAID_MAX = 300;

/** A token never travels in the clear to another machine. */
export const Address = HttpUrl.refine(
  (url) => url.startsWith("https:") || isLoopback(hostPortOf(url)),
  "`http` to a loopback address only: what is asked would travel in the clear",
);
const Ca = z.string().optional().describe("Certificates in PEM that may have signed the server's.");

/** How it is reached by what needs no token. */
export const place = {
  address: Address.default(LOCAL).describe("Where it is."),
  ca: Ca,
};

/** How it is reached, and as whom. */
export const access = {
  ...place,
  token: z.string().min(1).optional().describe("The token with which it is asked."),
  tokenFile: Path.optional().describe("A file of the node with the token, as vault.token keeps one."),
};
export const hasOneToken = ({ token, tokenFile }: Pick<Access, "token" | "tokenFile">): boolean =>
  (token === undefined) !== (tokenFile === undefined);
export const ONE_TOKEN = "either `token` or `tokenFile`";

export interface Place {
  readonly address: string;
  readonly ca?: string | undefined;
}
export interface Access extends Place {
  readonly token?: string | undefined;
  readonly tokenFile?: string | undefined;
}

interface Answer {
  readonly data?: Readonly<Record<string, unknown>> | null;
}

/** The path below /v1, with each part as an address writes it. */
const urlOf = ({ address }: Place, path: string): string =>
  `${address.replace(/\/+$/, "")}/v1/${path.split("/").map(encodeURIComponent).join("/")}`;

const reach = (to: Place, path: string, token?: string) => ({
  url: urlOf(to, path),
  ca: to.ca,
  timeoutMs: TIMEOUT_MS,
  headers: {
    "x-vault-request": "true",
    ...(token !== undefined && { "x-vault-token": token }),
  },
});

export const look = (to: Place, path: string, { http }: Pick<ReadHost, "http">): Promise<HttpAnswer> =>
  http.get(reach(to, path));

export const send = (
  to: Place,
  change: {
    readonly method?: HttpChange["method"];
    readonly path: string;
    readonly body?: object;
    readonly token?: string;
  },
  { http }: Pick<Host, "http">,
): Promise<HttpAnswer> => {
  const { headers, ...request } = reach(to, change.path, change.token);
  const body = change.body && JSON.stringify(change.body);
  return http.send({
    ...request,
    method: change.method ?? "POST",
    body,
    headers: { ...headers, "content-type": "application/json" },
  });
};

/** What lies at a path; `undefined` where nothing does. With `missing` these answers say the same. */
export async function readAt(
  want: Access,
  path: string,
  host: Pick<ReadHost, "http" | "files">,
  missing: readonly number[] = [404],
): Promise<Readonly<Record<string, unknown>> | undefined> {
  const answer = await host.http.get(reach(want, path, await tokenOf(want, host.files)));
  if (isAnswered(answer) && missing.includes(answer.status)) return undefined;
  const whole = jsonOf<Answer & Readonly<Record<string, unknown>>>(well(want, path, answer));
  return whole.data ?? whole;
}

export async function writeAt(want: Access, path: string, body: object, host: Host): Promise<void> {
  const token = await tokenOf(want, host.files);
  well(want, path, await send(want, { path, body, ...(token !== undefined && { token }) }, host));
}

export async function tokenOf(
  { token, tokenFile }: Pick<Access, "token" | "tokenFile">,
  files: ReadFiles,
): Promise<string | undefined> {
  if (token !== undefined || tokenFile === undefined) return token;
  const stat = await files.stat(tokenFile);
  if (!stat)
    throw new BomaError("vault/denied", `there is no token in ${tokenFile}`, {
      hint: "vault.token keeps one there: require it.",
    });
  if (stat.type !== "file" || !/^0[4-7]00$/.test(stat.mode))
    throw new BomaError("vault/denied", `${tokenFile} is open to others than its owner (${stat.mode})`, {
      hint: "A token is in a file of mode 0600 or 0400.",
    });
  return (await files.readText(tokenFile)).trim();
}

/** An answer that did what was asked; else an error in words that an operator can act on. */
export function well(to: Place, path: string, answer: HttpAnswer) {
  const where = placeOf(urlOf(to, path));
  if (!isAnswered(answer))
    throw new BomaError("vault/unreachable", `${where} does not answer: ${answer.why}`, {
      hint: "Is its unit up? `boma-master run NODE vault.status` says more.",
    });
  const { status } = answer;
  if (status >= 200 && status < 300) return answer;
  if (status === 503)
    throw new BomaError("vault/sealed", `${where}: Vault is sealed`, {
      hint: "Its holders unseal it: `boma-master vault unseal NODE`.",
    });
  if (status === 403)
    throw new BomaError("vault/denied", `${where}: the token may not do that, or is not good any more`, {
      hint: "Look at its policies, and at how long it lives.",
    });
  throw new BomaError("vault/refused", `${where} answered ${status}: ${wordsOf(answer.body)}`);
}

function wordsOf(body: string): string {
  try {
    const { errors } = JSON.parse(body) as { errors?: unknown };
    if (Array.isArray(errors) && errors.length > 0) return errors.join("; ").slice(0, SAID_MAX);
  } catch {
    // What is no JSON is said as it is.
  }
  return body.trim().slice(0, SAID_MAX) || "(nothing)";
}
