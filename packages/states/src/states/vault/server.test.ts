/** What a server's configuration says, what it refuses to say, and what is shown of it. */
import { describe, expect, test } from "vitest";

import { checkParams } from "../../check-params.ts";
import { writeHost } from "../../host/host.ts";
import { secret } from "../../secret.ts";
import { memoryHost } from "../../testing/memory-host.ts";
import { tryState } from "../../testing/try-state.ts";
import { assertAccepted } from "./accepted.ts";
import server from "./server.ts";

const FILE = {
  storage: { type: "file", path: "/opt/vault/data" },
  listeners: [{ address: "127.0.0.1:8200" }],
  apiAddr: "http://127.0.0.1:8200",
} as const;
const TLS = { certFile: "/etc/vault.d/tls/fullchain.pem", keyFile: "/etc/vault.d/tls/privkey.pem" };
const RAFT = {
  storage: {
    type: "raft",
    path: "/opt/vault/data",
    nodeId: "a",
    retryJoin: [{ leaderApiAddr: "https://b.lan:8200", caFile: "/etc/ssl/lan.pem" }],
  },
  listeners: [{ address: "0.0.0.0:8200", tls: TLS }],
  apiAddr: "https://a.lan:8200",
  clusterAddr: "https://a.lan:8201",
} as const;
const GIVEN = { groups: { vault: {} } };
const written = async (params: object): Promise<Record<string, unknown>> =>
  JSON.parse(await (await tryState(server, "a", params, GIVEN)).read("/etc/vault.d/boma.json")) as Record<
    string,
    unknown
  >;

describe("vault.server", () => {
  test("says always whether memory is locked: not with raft, else yes", async () => {
    expect(await written(FILE)).toMatchObject({ disable_mlock: false });
    expect(await written(RAFT)).toMatchObject({ disable_mlock: true });
    expect(await written({ ...FILE, mlock: false })).toMatchObject({ disable_mlock: true });
  });

  test("writes raft with its peers, and listeners with certificates", async () => {
    expect(await written(RAFT)).toEqual({
      storage: {
        raft: {
          path: "/opt/vault/data",
          node_id: "a",
          retry_join: [{ leader_api_addr: "https://b.lan:8200", leader_ca_cert_file: "/etc/ssl/lan.pem" }],
        },
      },
      listener: [
        {
          tcp: {
            address: "0.0.0.0:8200",
            tls_cert_file: TLS.certFile,
            tls_key_file: TLS.keyFile,
            tls_min_version: "tls12",
          },
        },
      ],
      api_addr: "https://a.lan:8200",
      cluster_addr: "https://a.lan:8201",
      ui: false,
      disable_mlock: true,
    });
  });

  test("says nothing of peers for the first of a cluster: with an empty list it would not start", async () => {
    const storage = { ...RAFT.storage, retryJoin: [] };
    expect(await written({ ...RAFT, storage })).toHaveProperty("storage.raft", {
      path: "/opt/vault/data",
      node_id: "a",
    });
  });

  test.each([
    ["a listener in the clear on the network", { ...FILE, listeners: [{ address: "0.0.0.0:8200" }] }, /tls/],
    ["raft that its peers cannot find", { ...RAFT, clusterAddr: undefined }, /clusterAddr/],
    ["Consul as storage of OpenBao", { ...FILE, flavor: "openbao", storage: { type: "consul" } }, /OpenBao/],
    ["a directory that registers itself: it would not start", { ...FILE, registration: {} }, /registration/],
    [
      "a Consul elsewhere, to which its token would travel in the clear",
      { ...FILE, storage: { type: "consul", address: "10.0.0.11:8500" } },
      /on this machine/,
    ],
    ["audit devices in Vault's configuration", { ...FILE, audit: { "f/": { type: "file" } } }, /audit/],
    [
      "one that is to open itself by its own address",
      { ...RAFT, seal: { type: "transit", address: "https://a.lan:8200", keyName: "k" }, transitToken: "t" },
      /itself|this Vault/,
    ],
    [
      "one that is to open itself by a listener of its own",
      {
        ...FILE,
        seal: { type: "transit", address: "http://localhost:8200", keyName: "k" },
        transitToken: "t",
      },
      /this Vault/,
    ],
    [
      "one that a peer is to open",
      { ...RAFT, seal: { type: "transit", address: "https://b.lan:8200", keyName: "k" }, transitToken: "t" },
      /peer/,
    ],
    [
      "one that another is to open without a token",
      { ...FILE, seal: { type: "transit", address: "https://c.lan:8200", keyName: "k" } },
      /transitToken/,
    ],
  ])("refuses %s", (_, params, message) => {
    expect(() => server("a", params as never)).toThrow(message);
  });

  test("keeps its tokens out of what is shown, also the one of before, and notices another one", async () => {
    const params = {
      ...FILE,
      seal: { type: "transit", address: "https://c.lan:8200", keyName: "k" },
      transitToken: "hvs.the-new-one",
    };
    const first = await tryState(server, "a", { ...params, transitToken: "hvs.the-old-one" }, GIVEN);
    const second = await tryState(server, "a", params, first.host);
    expect(Object.keys(second.changes)).toEqual(["transitToken"]);
    expect(`${JSON.stringify(first.changes)}${JSON.stringify(second.changes)}`).not.toMatch(/hvs\./);
    expect(await second.read("/etc/vault.d/boma.json")).toContain("hvs.the-new-one");
    expect(second.left).toEqual({});
  });

  test("takes a secret where a token stands, and nowhere else", () => {
    const seal = { type: "transit", address: "https://c.lan:8200", keyName: "k" } as const;
    expect(() => server("a", { ...FILE, seal, transitToken: secret("file:/t") } as never)).not.toThrow();
    expect(() => server("a", { ...FILE, clusterName: secret("file:/t") } as never)).toThrow(/no secret/);
  });

  test("what the program does not accept is not put in place, and its words are told", async () => {
    const said = {
      name: "Vault Diagnose",
      status: "fail",
      children: [{ name: "Parse Configuration", status: "fail", message: "unknown or unsupported field" }],
    };
    const given = {
      ...GIVEN,
      files: { "/etc/vault.d/boma.json": '{"before":true}' },
      commands: { vault: { exitCode: 1, stdout: JSON.stringify(said) } },
    };
    await expect(tryState(server, "a", FILE, given)).rejects.toMatchObject({
      code: "vault/config",
      message: expect.stringContaining("unsupported field") as string,
    });
    // What a diagnosis says of a storage that is locked by the one that runs does not count.
    const locked = {
      name: "Vault Diagnose",
      status: "fail",
      children: [{ name: "Check Storage", status: "fail" }],
    };
    const running = { ...given, commands: { vault: { exitCode: 1, stdout: JSON.stringify(locked) } } };
    await expect(tryState(server, "a", FILE, running)).resolves.toMatchObject({ left: {} });
  });

  test("has the program look at the configuration only: it would open the storage as root, and leave files there", async () => {
    const asked: (readonly string[])[] = [];
    const host = writeHost(memoryHost(GIVEN).ports);
    const read: typeof host.commands.read = (command) => {
      asked.push(command.argv);
      return host.commands.read(command);
    };
    await assertAccepted({ ...host, commands: { ...host.commands, read } }, "vault", "{}");
    expect(asked).toEqual([expect.arrayContaining(["operator", "diagnose", "-skip=check storage"])]);
  });

  test("wants its ports reached where it does not listen on loopback", () => {
    const needs = (params: object) =>
      server.spec.needs?.(checkParams(server.spec, { ...params, name: "a" }) as never);
    expect(needs(FILE)).toEqual([]);
    expect(needs({ ...RAFT, exposure: "mesh" })).toEqual([
      { name: "vault", port: 8200, proto: "tcp", exposure: "mesh" },
      { name: "vault-cluster", port: 8201, proto: "tcp", exposure: "mesh" },
    ]);
    // It has peers there too, and finds their port by itself.
    const onConsul = { ...RAFT, storage: { type: "consul" }, clusterAddr: undefined };
    expect(needs(onConsul)).toContainEqual({
      name: "vault-cluster",
      port: 8201,
      proto: "tcp",
      exposure: "lan",
    });
  });

  test("stands on Consul only where it stores or registers there", () => {
    const awaits = (params: object) =>
      server.spec.awaits?.(checkParams(server.spec, { ...params, name: "a" }) as never);
    expect(awaits(FILE)).not.toContain("consul");
    expect(awaits({ ...RAFT, registration: {} })).toContain("consul");
    expect(awaits({ ...FILE, storage: { type: "consul" } })).toContain("consul");
  });
});
