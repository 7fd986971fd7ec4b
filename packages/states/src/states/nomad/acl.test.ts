/** The first token of a region is given once; those that Nomad makes itself stay on the machine they are for. */
import { expect, test } from "vitest";

import type { HttpChange } from "../../host/http.ts";
import { type Given, memoryHost } from "../../testing/index.ts";
import { tryState } from "../../testing/try-state.ts";
import aclBootstrap from "./acl-bootstrap.ts";
import aclToken from "./acl-token.ts";

const API = "http://127.0.0.1:4646/v1";
const UUID = "7d5dd5a5-6e0f-4f0a-9a8c-0e6c9b1f2a33";
const SECRET = "0e2f7d8e-52c1-4c4b-9a43-4f9be5e0a1b2";
const FILE = "/etc/exporter/token";

function recorded(given: Given) {
  const host = memoryHost(given);
  const sent: HttpChange[] = [];
  const http = host.ports.http.write;
  const send = http.send.bind(http);
  http.send = (change) => (sent.push(change), send(change));
  return { host, said: () => sent.map(({ method, url }) => `${method} ${url.slice(API.length)}`), sent };
}

test("a region that has another first token is blocked, with what to do", async () => {
  const { host, sent } = recorded({
    http: {
      [`GET ${API}/acl/token/self`]: { status: 403, body: "ACL token not found" },
      [`POST ${API}/acl/bootstrap`]: { status: 400, body: "ACL bootstrap already done (reset index: 11)" },
    },
  });
  await expect(tryState(aclBootstrap, "global", { token: UUID }, host)).rejects.toMatchObject({
    code: "state/blocked",
    hint: expect.stringContaining("write 11 to"),
  });
  expect(sent).toHaveLength(1);
});

const self = (policies: readonly string[], name = "exporter") => ({
  body: { AccessorID: "a1", Name: name, Policies: policies },
});
const made = {
  body: { AccessorID: "a1", SecretID: SECRET },
  makes: { [`GET ${API}/acl/token/self`]: self(["readers"]) },
};
const want = { name: "exporter", policies: ["readers"], token: UUID };

test("a token is in its file and nowhere else, and one that was lost is taken back first", async () => {
  const { host, said } = recorded({
    http: {
      [`GET ${API}/acl/tokens`]: {
        body: [
          { AccessorID: "lost", Name: "exporter", Type: "client" },
          { AccessorID: "other", Name: "web", Type: "client" },
          { AccessorID: "first", Name: "exporter", Type: "management" },
        ],
      },
      [`DELETE ${API}/acl/token/lost`]: {},
      [`POST ${API}/acl/token`]: made,
    },
  });
  const { changes, left, read } = await tryState(aclToken, FILE, want, host);
  expect(said()).toEqual(["DELETE /acl/token/lost", "POST /acl/token"]);
  expect(await read(FILE)).toBe(`${SECRET}\n`);
  expect(host.tree.get(FILE)).toMatchObject({ mode: "0400", owner: "root" });
  expect(JSON.stringify([changes, left])).not.toContain(SECRET);
  expect(left).toEqual({});
});

test("other policies are another thing that the same token may do", async () => {
  const { host, said } = recorded({
    files: { [FILE]: { contents: SECRET, mode: "0400" } },
    http: {
      [`GET ${API}/acl/token/self`]: self(["operators"]),
      [`POST ${API}/acl/token/a1`]: { makes: { [`GET ${API}/acl/token/self`]: self(["readers"]) } },
    },
  });
  const { changes, left } = await tryState(aclToken, FILE, want, host);
  expect(changes).toEqual({ policies: { from: ["operators"], to: ["readers"] } });
  expect(said()).toEqual(["POST /acl/token/a1"]);
  expect(left).toEqual({});
});

test("a token in a file that others could read is exchanged", async () => {
  const { host, said } = recorded({
    files: { [FILE]: { contents: "7d5dd5a5-0000-4f0a-9a8c-0e6c9b1f2a33", mode: "0644" } },
    http: {
      [`GET ${API}/acl/token/self`]: self(["readers"]),
      [`GET ${API}/acl/tokens`]: { body: [] },
      [`POST ${API}/acl/token`]: made,
    },
  });
  const { left, read } = await tryState(aclToken, FILE, want, host);
  expect(said()).toEqual(["POST /acl/token"]);
  expect(await read(FILE)).toBe(`${SECRET}\n`);
  expect(left).toEqual({});
});
