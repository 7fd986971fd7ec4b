import { createHash } from "node:crypto";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  watch,
  writeFileSync,
} from "node:fs";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterEach, beforeEach, expect, test } from "vitest";

import { realDownloads } from "./downloads.ts";

const BODY = Buffer.alloc(300_000, "0123456789");
const SHA256 = createHash("sha256").update(BODY).digest("hex");

let cache: string;
let server: Server;
let answers: (request: IncomingMessage, response: ServerResponse) => void;
let asked: string[];

beforeEach(async () => {
  cache = mkdtempSync(join(tmpdir(), "boma-downloads-"));
  asked = [];
  server = createServer((request, response) => {
    asked.push(`${request.url} ${request.headers.range ?? ""}`.trim());
    answers(request, response);
  });
  const { promise, resolve } = Promise.withResolvers<void>();
  server.listen(0, "127.0.0.1", resolve);
  await promise;
  answers = serve;
});
afterEach(() => {
  server.closeAllConnections();
  server.close();
  rmSync(cache, { recursive: true });
});

/** As a file server does, ranges included. */
function serve({ headers }: IncomingMessage, response: ServerResponse): void {
  const from = Number(/^bytes=(\d+)-$/.exec(headers.range ?? "")?.[1] ?? 0);
  if (from >= BODY.length) response.writeHead(416).end();
  else
    response
      .writeHead(from > 0 ? 206 : 200, { "content-length": BODY.length - from })
      .end(BODY.subarray(from));
}

const url = (path = "/file", host = "127.0.0.1"): string =>
  `http://${host}:${(server.address() as AddressInfo).port}${path}`;
const fetch = (more: object = {}): Promise<string> =>
  realDownloads(
    { session: { signal: new AbortController().signal, line: () => undefined } },
    cache,
  ).write.fetch({
    url: url(),
    sha256: SHA256,
    bytesMax: 1_000_000,
    redirectHosts: [],
    ...more,
  });

test("a file lands under its checksum, and is not asked for again", async () => {
  const path = await fetch();
  expect(readFileSync(path).equals(BODY)).toBe(true);
  expect(await fetch()).toBe(path);
  expect(asked).toEqual(["/file"]);
});

test("one that was damaged in the cache is fetched anew", async () => {
  writeFileSync(await fetch(), "damaged");
  expect(readFileSync(await fetch()).equals(BODY)).toBe(true);
});

test("what breaks off is gone on with from where it ended", async () => {
  answers = (_, response) => {
    // It breaks off only once what was sent lies on the disk.
    const part = join(cache, `${SHA256}.part`);
    const watcher = watch(cache, () => {
      if (!existsSync(part) || statSync(part).size < 100_000) return;
      watcher.close();
      response.destroy();
    });
    response.writeHead(200, { "content-length": BODY.length }).write(BODY.subarray(0, 100_000));
  };
  await expect(fetch()).rejects.toMatchObject({ code: "state/download" });
  answers = serve;
  expect(readFileSync(await fetch()).equals(BODY)).toBe(true);
  expect(asked).toEqual(["/file", "/file bytes=100000-"]);
});

test("a beginning that turns out to be of another file is thrown away", async () => {
  mkdirSync(cache, { recursive: true });
  writeFileSync(join(cache, `${SHA256}.part`), "something else");
  expect(readFileSync(await fetch()).equals(BODY)).toBe(true);
  expect(asked).toEqual(["/file bytes=14-", "/file"]);
});

test("a server that knows no ranges sends the whole, and it counts as the whole", async () => {
  writeFileSync(join(cache, `${SHA256}.part`), BODY.subarray(0, 1000));
  answers = (_, response) => void response.writeHead(200).end(BODY);
  expect(readFileSync(await fetch()).equals(BODY)).toBe(true);
});

test("other bytes than were declared are not kept", async () => {
  await expect(fetch({ sha256: "0".repeat(64) })).rejects.toMatchObject({ code: "state/checksum" });
  expect(readdirSync(cache)).toEqual([]);
});

test.each([
  ["that says how much it sends", { "content-length": BODY.length }],
  ["that does not", {}],
])("more than may be is refused, from a server %s", async (_title, headers) => {
  answers = (_request, response) => void response.writeHead(200, headers).end(BODY);
  await expect(fetch({ bytesMax: 1000 })).rejects.toThrow(/larger than 1000 bytes/);
  expect(readdirSync(cache)).toEqual([]);
});

test("a redirect is followed on the same host, and to another only when that was allowed", async () => {
  answers = (request, response) => {
    if (request.url === "/near") response.writeHead(302, { location: "/file" }).end();
    else if (request.url === "/far") response.writeHead(302, { location: url("/file", "localhost") }).end();
    else serve(request, response);
  };
  await fetch({ url: url("/near") });
  rmSync(join(cache, SHA256));
  await expect(fetch({ url: url("/far") })).rejects.toThrow(/sends on to another host, localhost/);
  await expect(fetch({ url: url("/far"), redirectHosts: ["localhost"] })).resolves.toContain(SHA256);
});

test("redirects without end, to files, and answers that are none are errors", async () => {
  answers = (_, response) => void response.writeHead(302, { location: "/file" }).end();
  await expect(fetch()).rejects.toThrow(/more than 5 redirects/);
  answers = (_, response) => void response.writeHead(302, { location: "file:///etc/shadow" }).end();
  await expect(fetch()).rejects.toThrow(/not a URL that begins with/);
  answers = (_, response) => void response.writeHead(404).end();
  await expect(fetch()).rejects.toThrow(/answered 404 Not Found/);
  await expect(fetch({ url: "file:///etc/shadow" })).rejects.toThrow(/not a URL that begins with/);
});

test("a proxy of the environment is not asked", async () => {
  process.env["HTTP_PROXY"] = "http://127.0.0.1:1";
  process.env["NODE_USE_ENV_PROXY"] = "1";
  try {
    await expect(fetch()).resolves.toContain(SHA256);
  } finally {
    delete process.env["HTTP_PROXY"];
    delete process.env["NODE_USE_ENV_PROXY"];
  }
});
