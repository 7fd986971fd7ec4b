/** Daemons of memory: what each address answers is given, and a change makes the answers that it was given to make. */
import type { Port } from "../host/host.ts";
import type { Http, HttpAnswer, ReadHttp } from "../host/http.ts";
import type { GivenApi } from "./given.ts";
import type { MemoryWorld } from "./memory-host.ts";

export function memoryHttp({ given }: MemoryWorld): Port<ReadHttp, Http> {
  const answers = new Map(Object.entries(given.http ?? {}));
  const answer = (method: string, url: string): HttpAnswer => {
    // What is asked for in a query may be of the moment; what is given for the path stands for all of them.
    const found = answers.get(`${method} ${url}`) ?? answers.get(`${method} ${url.replace(/\?.*$/, "")}`);
    if (found) return { status: found.status ?? 200, headers: {}, body: textOf(found.body) };
    const { host } = new URL(url);
    const isThere = [...answers.keys()].some((key) => new URL(key.slice(key.indexOf(" ") + 1)).host === host);
    return isThere
      ? { status: 404, headers: {}, body: "not found" }
      : { unreachable: "refused", why: `connection refused by ${host}` };
  };
  const read: ReadHttp = { get: async ({ url }) => answer("GET", url) };
  return {
    read,
    write: {
      ...read,
      async send({ method, url, body }) {
        const said = answer(method, url);
        for (const [key, made] of Object.entries(answers.get(`${method} ${url}`)?.makes ?? {})) {
          const now = typeof made === "function" ? made(body ?? "") : made;
          if (now === null) answers.delete(key);
          else answers.set(key, now);
        }
        return said;
      },
    },
  };
}

const textOf = (body: GivenApi["body"]): string =>
  typeof body === "string" ? body : body === undefined ? "" : JSON.stringify(body);
