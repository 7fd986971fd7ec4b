/** What is declared through the API of Consul: read first, written only where it differs, and nothing told of tokens. */
import { describe, expect, test } from "vitest";

import type { HttpChange } from "../../host/http.ts";
import { type Given, memoryHost } from "../../testing/index.ts";
import { tryState } from "../../testing/try-state.ts";
import aclBootstrap from "./acl-bootstrap.ts";
import aclPolicy from "./acl-policy.ts";
import aclToken, { accessorOf } from "./acl-token.ts";
import configEntry from "./config-entry.ts";
import gossipKey from "./gossip-key.ts";
import { countIn } from "./keyring.ts";
import kv from "./kv.ts";

const API = "http://127.0.0.1:8500/v1";
const UUID = "7d5dd5a5-6e0f-4f0a-9a8c-0e6c9b1f2a33";
const OTHER = "11111111-6e0f-4f0a-9a8c-0e6c9b1f2a33";
const KEY = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

/** A machine whose Consul answers this, and everything that was sent to it. */
function consul(answers: Given["http"]) {
  const host = memoryHost({ http: { [`GET ${API}/status/leader`]: { body: '"a:8300"' }, ...answers } });
  const sent: HttpChange[] = [];
  const http = host.ports.http.write;
  const send = http.send.bind(http);
  http.send = (change) => (sent.push(change), send(change));
  return { host, sent };
}

describe("a value in the store", () => {
  const entry = (value: string) => ({
    body: [{ Value: Buffer.from(value).toString("base64"), ModifyIndex: 7 }],
  });

  test("is written over the one that was read, and over no other", async () => {
    const { host, sent } = consul({
      [`GET ${API}/kv/a/b`]: entry("old"),
      [`PUT ${API}/kv/a/b?cas=7`]: { body: "true", makes: { [`GET ${API}/kv/a/b`]: entry("new") } },
    });
    const { changes, left } = await tryState(kv, "a/b", { value: "new", token: UUID }, host);
    expect(changes).toEqual({ value: { from: "old", to: "new" } });
    expect(left).toEqual({});
    expect(sent).toMatchObject([{ body: "new", headers: { "x-consul-token": UUID } }]);
  });

  test("that somebody else writes in the same moment is an error", async () => {
    const { host } = consul({
      [`GET ${API}/kv/a`]: entry("old"),
      [`PUT ${API}/kv/a?cas=7`]: { body: "false" },
    });
    await expect(tryState(kv, "a", { value: "new" }, host)).rejects.toMatchObject({ code: "state/api" });
  });

  test("that the token may not read is an error without the token", async () => {
    const { host } = consul({ [`GET ${API}/kv/a`]: { status: 403, body: "Permission denied" } });
    const tried = tryState(kv, "a", { value: "new", token: UUID }, host);
    await expect(tried).rejects.toMatchObject({ code: "consul/denied" });
    await expect(tried).rejects.not.toMatchObject({ message: expect.stringContaining(UUID) });
  });
});

test("a policy that is there is changed under its own id", async () => {
  const at = `${API}/acl/policy/name/agents`;
  const { host, sent } = consul({
    [`GET ${at}`]: { body: { ID: "id-1", Description: "Kept by boma.", Rules: "{}" } },
    [`PUT ${API}/acl/policy/id-1`]: {
      makes: { [`GET ${at}`]: (body) => ({ body: { ...(JSON.parse(body) as object), ID: "id-1" } }) },
    },
  });
  const rules = { node_prefix: { "": { policy: "write" } } };
  expect((await tryState(aclPolicy, "agents", { rules }, host)).left).toEqual({});
  expect(sent).toHaveLength(1);
});

describe("a policy of which Consul says `ACL not found`", () => {
  const at = `GET ${API}/acl/policy/name/agents`;
  const missing = { status: 403, body: "ACL not found" };
  const rules = { operator: "read" } as const;

  test("is not there, if whoever asks is known", async () => {
    const { host } = consul({
      [at]: missing,
      [`GET ${API}/acl/token/self`]: {},
      [`PUT ${API}/acl/policy`]: {
        makes: { [at]: (body) => ({ body: { ...(JSON.parse(body) as object), ID: "id-1" } }) },
      },
    });
    expect((await tryState(aclPolicy, "agents", { rules, token: UUID }, host)).left).toEqual({});
  });

  test("is denied, if whoever asks is not", async () => {
    const { host, sent } = consul({ [at]: missing, [`GET ${API}/acl/token/self`]: missing });
    await expect(tryState(aclPolicy, "agents", { rules, token: UUID }, host)).rejects.toMatchObject({
      code: "consul/denied",
    });
    expect(sent).toEqual([]);
  });
});

test.each([[{ nodes: { "": { policy: "write" } } }], [{ node: { a: { policy: "rule" } } }]])(
  "the rules %j are refused where they are written",
  async (rules) => {
    await expect(tryState(aclPolicy, "agents", { rules }, {})).rejects.toMatchObject({
      code: "state/params",
    });
  },
);

describe("a token", () => {
  const at = `${API}/acl/token/${accessorOf("web")}`;
  const made = (body: string) => ({ body: JSON.parse(body) as object });

  test("has a public half that follows from its name, and is a UUID", () => {
    expect(accessorOf("web")).toMatch(
      /^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/,
    );
    expect(accessorOf("web")).not.toBe(accessorOf("web2"));
  });

  test("whose secret is another one is made anew", async () => {
    const { host, sent } = consul({
      [`GET ${at}`]: { body: { SecretID: OTHER, Description: "web" } },
      [`DELETE ${at}`]: {},
      [`PUT ${API}/acl/token`]: { makes: { [`GET ${at}`]: made } },
    });
    const { changes } = await tryState(aclToken, "web", { secret: UUID }, host);
    expect(changes).toEqual({ secret: { from: "another one", to: "the one that was given" } });
    expect(sent.map(({ method }) => method)).toEqual(["DELETE", "PUT"]);
    expect(JSON.stringify(changes)).not.toContain(UUID);
  });

  test("with other policies stays the same token", async () => {
    const { host, sent } = consul({
      [`GET ${at}`]: { body: { SecretID: UUID, Description: "web", Policies: [{ Name: "a" }] } },
      [`PUT ${at}`]: { makes: { [`GET ${at}`]: made } },
    });
    const { left } = await tryState(aclToken, "web", { secret: UUID, policies: ["b", "a"] }, host);
    expect(left).toEqual({});
    expect(sent.map(({ method }) => method)).toEqual(["PUT"]);
  });
});

describe("the first token", () => {
  const self = `GET ${API}/acl/token/self`;
  const denied = { status: 403, body: "ACL not found" };

  test("is given once: a server that comes later finds it", async () => {
    const { host, sent } = consul({
      [self]: denied,
      [`PUT ${API}/acl/bootstrap`]: {
        status: 403,
        body: "no longer allowed (reset index: 9)",
        makes: { [self]: {} },
      },
    });
    expect((await tryState(aclBootstrap, "dc1", { token: UUID }, host)).left).toEqual({});
    await tryState(aclBootstrap, "dc1", { token: UUID }, host);
    expect(sent).toHaveLength(1);
  });

  test("that an older Consul makes instead lives only until it has made the one that was given", async () => {
    const { host, sent } = consul({
      [self]: denied,
      [`PUT ${API}/acl/bootstrap`]: { body: { AccessorID: "made", SecretID: OTHER } },
      [`PUT ${API}/acl/token`]: { makes: { [self]: {} } },
      [`DELETE ${API}/acl/token/made`]: {},
    });
    expect((await tryState(aclBootstrap, "dc1", { token: UUID }, host)).left).toEqual({});
    expect(sent.map(({ method, headers }) => [method, headers?.["x-consul-token"]])).toEqual([
      ["PUT", undefined],
      ["PUT", OTHER],
      ["DELETE", UUID],
    ]);
  });

  test("of a cluster that has another one is blocked, with what to do", async () => {
    const { host } = consul({
      [self]: denied,
      [`PUT ${API}/acl/bootstrap`]: {
        status: 403,
        body: "ACL bootstrap no longer allowed (reset index: 42)",
      },
    });
    await expect(tryState(aclBootstrap, "dc1", { token: UUID }, host)).rejects.toMatchObject({
      code: "state/blocked",
      hint: expect.stringContaining("write 42 to /opt/consul/acl-bootstrap-reset on the leader"),
    });
  });
});

test("an entry of the mesh is compared in what it says, and not in what Consul adds", async () => {
  const { host, sent } = consul({
    [`GET ${API}/config/service-intentions/db`]: {
      body: {
        Kind: "service-intentions",
        ModifyIndex: 3,
        Sources: [{ Name: "shop", Action: "allow", Precedence: 9 }],
      },
    },
  });
  const settings = { Sources: [{ Name: "shop", Action: "allow" }] };
  expect((await tryState(configEntry, "service-intentions/db", { settings }, host)).changes).toEqual({});
  const others = { Sources: [{ Name: "shop", Action: "deny" }] };
  await expect(tryState(configEntry, "service-intentions/db", { settings: others }, host)).rejects.toThrow();
  expect(sent.map(({ url }) => url)).toEqual([`${API}/config?cas=3`]);
});

describe("the gossip key", () => {
  const ring = `${API}/operator/keyring`;
  const members = `${API}/agent/members`;
  const pool = (keys: Record<string, number>, primary: Record<string, number>, nodes = 3) => ({
    body: [{ WAN: false, NumNodes: nodes, Keys: keys, PrimaryKeys: primary }],
  });

  test("is exchanged in order: all hold it, all use it, the old one goes", async () => {
    const { host, sent } = consul({
      [`GET ${members}`]: { body: [{ Name: "a", Status: 1 }] },
      [`GET ${ring}`]: pool({ old: 3 }, { old: 3 }),
      [`POST ${ring}`]: { makes: { [`GET ${ring}`]: pool({ old: 3, [KEY]: 3 }, { old: 3 }) } },
      [`PUT ${ring}`]: { makes: { [`GET ${ring}`]: pool({ old: 3, [KEY]: 3 }, { [KEY]: 3 }) } },
      [`DELETE ${ring}`]: { makes: { [`GET ${ring}`]: pool({ [KEY]: 3 }, { [KEY]: 3 }) } },
    });
    const { changes } = await tryState(gossipKey, "dc1", { key: KEY, retire: true }, host);
    expect(sent.map(({ method, body }) => [method, JSON.parse(body!) as object])).toEqual([
      ["POST", { Key: KEY }],
      ["PUT", { Key: KEY }],
      ["DELETE", { Key: "old" }],
    ]);
    expect(changes).toEqual({
      key: { from: "used by 0 of 3 members", to: "used by 3 of 3 members" },
      others: { from: 1, to: 0 },
    });
  });

  test("of before stays while a member is away that has no other", async () => {
    const { host, sent } = consul({
      [`GET ${members}`]: {
        body: [
          { Name: "a", Status: 1 },
          { Name: "b", Status: 4 },
        ],
      },
      [`GET ${ring}`]: pool({ old: 3 }, { old: 3 }),
    });
    await expect(tryState(gossipKey, "dc1", { key: KEY, retire: true }, host)).rejects.toMatchObject({
      code: "state/blocked",
      message: expect.stringContaining("b"),
    });
    expect(sent).toEqual([]);
  });

  test.each([
    [4, "b (failed)"],
    [1, "1/3 nodes reported failure"],
  ])("of which not everybody tells is not exchanged; b is %i: %s", async (status, expected) => {
    const { host, sent } = consul({
      [`GET ${members}`]: { body: [{ Name: "b", Addr: "10.0.0.12", Status: status }] },
      [`GET ${ring}`]: { status: 500, body: "LAN error: 1/3 nodes reported failure" },
    });
    await expect(tryState(gossipKey, "dc1", { key: KEY }, host)).rejects.toMatchObject({
      code: "state/blocked",
      message: expect.stringContaining(expected),
    });
    expect(sent).toEqual([]);
  });

  test("is counted over all circles of members", () => {
    const pools = [
      { WAN: false, NumNodes: 3, Keys: { [KEY]: 2, old: 3 }, PrimaryKeys: { old: 3 } },
      { WAN: true, NumNodes: 1, Keys: { [KEY]: 1 }, PrimaryKeys: { [KEY]: 1 } },
    ];
    expect(countIn(pools, KEY)).toEqual({ members: 4, holding: 3, using: 1, others: 1 });
  });
});
