/** APIs of daemons that know who asks by a token. It travels in a header, and nowhere else. */
import { BomaError, type ErrorCode } from "@boma/protocol";

import {
  answered,
  type Http,
  type HttpAnswer,
  type HttpChange,
  isAnswered,
  jsonOf,
  type ReadHttp,
} from "../../host/http.ts";

export interface Access {
  readonly api: string;
  readonly ca?: string | undefined;
  readonly token?: string | undefined;
}

interface Sent {
  readonly method: HttpChange["method"];
  readonly path: string;
  /** A text goes as it is, everything else as JSON. */
  readonly body?: unknown;
}

export interface TokenApi {
  readonly ask: (http: ReadHttp, access: Access, path: string) => Promise<HttpAnswer>;
  /** What there is at a place; `undefined` where there is nothing. */
  readonly read: <T>(http: ReadHttp, access: Access, path: string) => Promise<T | undefined>;
  readonly send: (http: Http, access: Access, sent: Sent) => Promise<string>;
}

interface Daemon {
  /** As it is called in messages. */
  readonly name: string;
  readonly header: string;
  /** The code of an answer of 403. */
  readonly denied: ErrorCode;
}

export function tokenApi({ name, header, denied }: Daemon): TokenApi {
  const requestFor = ({ api, ca, token }: Access, path: string) => ({
    url: `${api.replace(/\/$/, "")}${path}`,
    ...(ca !== undefined && { ca }),
    ...(token !== undefined && { headers: { [header]: token } }),
  });
  const refuseDenied = (answer: HttpAnswer, path: string): void => {
    if (!isAnswered(answer) || answer.status !== 403) return;
    throw new BomaError(denied, `${name} refuses ${placeIn(path)}: ${answer.body.trim().slice(0, 200)}`, {
      hint: "Give the declaration a `token` whose policy allows it.",
    });
  };
  return {
    ask: (http, access, path) => http.get(requestFor(access, path)),
    async read<T>(http: ReadHttp, access: Access, path: string) {
      const request = requestFor(access, path);
      const answer = await http.get(request);
      refuseDenied(answer, path);
      const said = answered(request, answer, (status) => status === 200 || status === 404);
      return said.status === 404 ? undefined : jsonOf<T>(said);
    },
    async send(http, access, { method, path, body }) {
      const request = {
        ...requestFor(access, path),
        method,
        ...(body !== undefined && { body: typeof body === "string" ? body : JSON.stringify(body) }),
      };
      const answer = await http.send(request);
      refuseDenied(answer, path);
      return answered(request, answer).body;
    },
  };
}

/** Without what follows the path: it is of no use to whoever reads the error. */
const placeIn = (path: string): string => path.replace(/\?.*$/, "");
