/** What the agent says of a daemon whose certificate it cannot trust, against a real server on loopback. */
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";

import { expect, onTestFinished, test } from "vitest";

import { realHttp } from "../packages/agent/src/host/http.ts";
import { createCa, issueServerCertificate } from "../packages/master/src/bus/tls.ts";

const { read } = realHttp({ signal: new AbortController().signal });

test("a certificate of an authority that nobody trusts is told as that, and not as a daemon that is away", async () => {
  const names = { dns: ["localhost"], ips: ["127.0.0.1"] };
  const { certificate, privateKey } = await issueServerCertificate(await createCa(), names);
  const server = createServer({ cert: certificate, key: privateKey }, (_, response) => response.end("x"));
  await new Promise<void>((done) => void server.listen(0, "127.0.0.1", done));
  onTestFinished(() => void server.close());
  const { port } = server.address() as AddressInfo;
  expect(await read.get({ url: `https://127.0.0.1:${port}/` })).toEqual({
    unreachable: "tls",
    why: expect.stringContaining("certificate") as string,
  });
});
