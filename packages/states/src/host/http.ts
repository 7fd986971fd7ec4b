/** The APIs of daemons, mostly on this machine. What a request carries in its headers is never told. */
import { BomaError } from "@boma/protocol";

export interface HttpRequest {
  /** `http://` or `https://`; with `socket` its host is not looked up. */
  readonly url: string;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** Certificates in PEM that may sign the server's; those of the system where it is not said. */
  readonly ca?: string | undefined;
  /** A certificate of one's own and its key, both in PEM. */
  readonly client?: { readonly cert: string; readonly key: string } | undefined;
  /** The path of a socket of this machine on which the server listens. */
  readonly socket?: string | undefined;
  readonly timeoutMs?: number | undefined;
}

export interface HttpChange extends HttpRequest {
  readonly method: "POST" | "PUT" | "PATCH" | "DELETE";
  readonly body?: string | undefined;
}

export interface HttpResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** Nobody answered, and in which way. */
export interface Unreachable {
  readonly unreachable: "refused" | "timeout" | "tls" | "name" | "other";
  readonly why: string;
}

export type HttpAnswer = HttpResponse | Unreachable;

export interface ReadHttp {
  /** No redirect is followed, no proxy is used, and a body is at most a few MiB. */
  get(request: HttpRequest): Promise<HttpAnswer>;
}

export interface Http extends ReadHttp {
  send(change: HttpChange): Promise<HttpAnswer>;
}

export const isAnswered = (answer: HttpAnswer): answer is HttpResponse => "status" in answer;

/** The address without what may be secret in it. */
export function placeOf(url: string): string {
  const { origin, pathname } = new URL(url);
  return `${origin}${pathname}`;
}

const SAID_MAX = 500;

/** The answer, if there is one of these kinds; else an error that says what came instead. */
export function answered(
  { url }: HttpRequest,
  answer: HttpAnswer,
  isWanted = (status: number): boolean => status >= 200 && status < 300,
): HttpResponse {
  if (!isAnswered(answer)) throw new BomaError("state/api", `${placeOf(url)}: ${answer.why}`);
  if (isWanted(answer.status)) return answer;
  throw new BomaError("state/api", `${placeOf(url)} answered ${answer.status}: ${saidIn(answer.body)}`);
}

const saidIn = (body: string): string => body.trim().slice(0, SAID_MAX) || "(nothing)";

export function jsonOf<T = unknown>({ body }: HttpResponse): T {
  try {
    return JSON.parse(body) as T;
  } catch (cause) {
    throw new BomaError("state/api", `this is not JSON: ${saidIn(body)}`, { cause });
  }
}
