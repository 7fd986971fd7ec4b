import { mkdtempSync, rmSync } from "node:fs";
/** Requests to daemons, against a real server on loopback and on a socket. */
import { createServer, type RequestListener } from "node:http";
import { type AddressInfo, createServer as createNetServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { answered, jsonOf } from "@boma/states/core";
import { expect, onTestFinished, test } from "vitest";

import { realHttp } from "./http.ts";

const { read, write } = realHttp({ signal: new AbortController().signal });

async function server(listener: RequestListener, path?: string): Promise<string> {
  const made = createServer(listener);
  await new Promise<void>((done) => void made.listen(path ?? { host: "127.0.0.1", port: 0 }, done));
  onTestFinished(
    () => new Promise<void>((done) => void (made.closeAllConnections(), made.close(() => done()))),
  );
  return path ?? `http://127.0.0.1:${(made.address() as AddressInfo).port}`;
}

test("a change carries its method, its headers and its body, and the answer comes back whole", async () => {
  const url = await server((request, response) => {
    let body = "";
    request.on("data", (part: Buffer) => (body += part.toString()));
    request.on("end", () =>
      response
        .writeHead(201, { "x-seen": "yes" })
        .end(JSON.stringify({ method: request.method, token: request.headers["x-token"], body })),
    );
  });
  const answer = answered(
    { url },
    await write.send({ method: "PUT", url, headers: { "x-token": "t" }, body: "é" }),
  );
  expect(answer).toMatchObject({ status: 201, headers: { "x-seen": "yes" } });
  expect(jsonOf(answer)).toEqual({ method: "PUT", token: "t", body: "é" });
});

test("a server on a socket of the machine is asked there", async () => {
  const dir = mkdtempSync(join(tmpdir(), "boma-http-"));
  onTestFinished(() => rmSync(dir, { recursive: true }));
  const socket = await server((_, response) => response.end("from the socket"), join(dir, "api.sock"));
  expect(await read.get({ url: "http://docker/info", socket })).toMatchObject({ body: "from the socket" });
});

test("nobody there, silence, another protocol and too much are told apart, and none of them throws", async () => {
  const silent = createNetServer();
  await new Promise<void>((done) => void silent.listen(0, "127.0.0.1", done));
  onTestFinished(() => void silent.close());
  const { port } = silent.address() as AddressInfo;
  expect(await read.get({ url: "http://127.0.0.1:1/" })).toMatchObject({ unreachable: "refused" });
  expect(await read.get({ url: `http://127.0.0.1:${port}/`, timeoutMs: 50 })).toMatchObject({
    unreachable: "timeout",
  });
  const plain = await server((_, response) => response.end("x"));
  expect(await read.get({ url: plain.replace("http:", "https:") })).toMatchObject({ unreachable: "tls" });
  const endless = await server((_, response) => response.end(Buffer.alloc(9 * 1024 ** 2)));
  expect(await read.get({ url: endless })).toMatchObject({ unreachable: "other" });
});

test("a redirect is an answer, and is not followed", async () => {
  const url = await server((_, response) =>
    response.writeHead(302, { location: "http://127.0.0.1:1/" }).end(),
  );
  expect(await read.get({ url })).toMatchObject({ status: 302 });
});
