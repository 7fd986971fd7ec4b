/** Vault by its API: what its health means, when it may be restarted, whom it lets in, and shares on their way to it. */
import { BomaError, newSealingKey, sealTo } from "@boma/protocol";
import { describe, expect, test } from "vitest";

import unseal from "../../functions/vault/unseal.ts";
import { readHost, writeHost } from "../../host/host.ts";
import type { Given } from "../../testing/given.ts";
import { memoryHost } from "../../testing/memory-host.ts";
import { tryState } from "../../testing/try-state.ts";
import { healthOf, meaningOf, togetherOf } from "./health.ts";
import mount from "./mount.ts";
import policy from "./policy.ts";
import ready from "./ready.ts";
import secretId from "./secret-id.ts";
import { awaitShare, openShare } from "./shares.ts";
import { restartOf } from "./state.ts";
import token from "./token.ts";

const API = "http://127.0.0.1:8200/v1";
const HERE = { address: "http://127.0.0.1:8200", token: "hvs.canary-token" };
const answer = (status: number) => ({ status, headers: {}, body: "" });

describe("health", () => {
  test.each([
    [200, true, undefined],
    [429, true, undefined],
    [473, true, undefined],
    [472, false, "misconfigured"],
    [474, false, "contended"],
    [501, false, "misconfigured"],
    [503, false, "sealed"],
    [530, false, "misconfigured"],
    [500, false, "down"],
    [418, false, "misconfigured"],
  ])("%i is ready: %s, cause %s", (status, healthy, cause) => {
    const health = healthOf(meaningOf(answer(status)));
    expect(health).toMatchObject({ healthy, ...(cause !== undefined && { cause }) });
  });

  test.each([
    ["standby", true, true, true],
    ["active", true, true, false],
    ["active", false, true, false],
    ["standby", true, false, false],
    ["active", false, false, false],
    ["sealed", false, false, true],
    ["down", true, false, true],
    ["unfit", true, true, false],
  ] as const)("%s (ha %s, opens itself %s) may be restarted: %s", (role, ha, opensItself, safe) => {
    expect(restartOf(role, { ha, opensItself, says: "" }).safe).toBe(safe);
  });

  test.each([
    ["who stands by for nobody serves nobody", 429, { ha_enabled: true, leader_address: "" }, "unfit"],
    ["who stands by for somebody serves", 429, { ha_enabled: true, leader_address: "https://b" }, "standby"],
    ["who is alone has no leader", 200, { ha_enabled: false }, "active"],
  ])("%s", (_title, status, leader, role) => {
    const said = { ...answer(200), body: JSON.stringify(leader) };
    expect(togetherOf(answer(status), said)).toMatchObject({ role });
  });

  test("what it cannot read is told in its own words, and with it what it stands on", async () => {
    const errors = ["Unexpected response code: 500 (No cluster leader)"];
    const http = {
      [`GET ${API}/sys/health`]: { status: 500, body: { errors: [] } },
      [`GET ${API}/sys/leader`]: { status: 500, body: { errors } },
    };
    const want = ready.spec.params.parse({ name: "a", address: HERE.address, consul: true });
    const said = async (services: Given["services"]) =>
      (
        await ready.spec.check(
          want as never,
          readHost(memoryHost({ http, ...(services && { services }) }).ports),
        )
      ).state?.from;
    expect(await said({ consul: { active: true } })).toBe(`down: it cannot read its storage: ${errors[0]!}`);
    expect(await said({ consul: {} })).toMatch(/^down: consul\.service, on which it stands, is inactive; /);
  });
});

describe("errors", () => {
  test.each([
    [403, "vault/denied"],
    [503, "vault/sealed"],
    [500, "vault/refused"],
  ])("%i is %s, and the token is not in it", async (status, code) => {
    const given = { http: { [`GET ${API}/sys/policies/acl/web`]: { status, body: { errors: ["no"] } } } };
    const error = await tryState(policy, "web", { ...HERE, paths: { a: ["read"] } }, given).then(
      () => undefined,
      (thrown: unknown) => thrown as Error,
    );
    expect(error).toMatchObject({ code });
    expect(`${error?.message}${error?.stack}${JSON.stringify(error)}`).not.toContain("canary");
  });

  test("a token is sent in the clear to nobody but this machine", () => {
    expect(() =>
      policy("web", { address: "http://vault.lan:8200", token: "t", paths: { a: ["read"] } }),
    ).toThrow(/clear/);
    expect(() => policy("web", { address: "https://vault.lan:8200", paths: { a: ["read"] } })).toThrow(
      /tokenFile/,
    );
  });

  test("a token in a file that others may read is not used", async () => {
    const given = { files: { "/run/token": { contents: "t", mode: "0644" } } };
    const params = { address: HERE.address, tokenFile: "/run/token", paths: { a: ["read"] } };
    await expect(tryState(policy, "web", params, given)).rejects.toMatchObject({ code: "vault/denied" });
  });
});

test("a mount of another kind is never taken away", async () => {
  const given = { http: { [`GET ${API}/sys/mounts`]: { body: { data: { "kv/": { type: "pki" } } } } } };
  await expect(tryState(mount, "kv", { ...HERE, type: "kv-v2" }, given)).rejects.toMatchObject({
    code: "vault/unlike",
  });
});

describe("a node's own identity", () => {
  const path = "/etc/boma/vault/secret-id";
  const wrapping = `POST ${API}/sys/wrapping/unwrap`;

  test("comes out of a wrapping once, for root alone", async () => {
    const given = {
      files: { "/etc": { directory: true } },
      http: { [wrapping]: { body: { data: { secret_id: "it" } } } },
    } as const;
    const { tree, left, read } = await tryState(
      secretId,
      path,
      { address: HERE.address, wrapped: "w" },
      given,
    );
    expect(tree.get(path)).toMatchObject({ mode: "0400" });
    expect(await read(path)).toBe("it\n");
    expect(left).toEqual({});
  });

  test("a wrapping that was opened before is told as what it is", async () => {
    const given = {
      http: { [wrapping]: { status: 400, body: { errors: ["wrapping token is not valid"] } } },
    };
    await expect(
      tryState(secretId, path, { address: HERE.address, wrapped: "w" }, given),
    ).rejects.toMatchObject({
      code: "vault/wrapped",
    });
  });

  test("a token is taken anew when it is not good any more, and left alone while it is", async () => {
    const files = {
      "/s": { contents: "it", mode: "0400" },
      "/t": { contents: "hvs.old", mode: "0400" },
    };
    const login = { [`POST ${API}/auth/approle/login`]: { body: { auth: { client_token: "hvs.new" } } } };
    const self = `GET ${API}/auth/token/lookup-self`;
    const params = { address: HERE.address, roleId: "r", secretIdFile: "/s" };
    const good = await tryState(token, "/t", params, {
      files,
      http: { ...login, [self]: { body: { data: { ttl: 3600 } } } },
    });
    expect(good.changes).toEqual({});
    const about = tryState(token, "/t", params, {
      files,
      http: { ...login, [self]: { body: { data: { ttl: 5 } } } },
    });
    await expect(about).rejects.toMatchObject({ code: "state/not-converged" });
    const renewing = {
      [`POST ${API}/auth/approle/login`]: {
        body: { auth: { client_token: "hvs.new" } },
        makes: { [self]: { body: { data: { ttl: 3600 } } } },
      },
    };
    const gone = await tryState(token, "/t", params, {
      files,
      http: { ...renewing, [self]: { status: 403 } },
    });
    expect(gone.changes).toEqual({ token: { from: "not good any more", to: "good" } });
    expect(await gone.read("/t")).toBe("hvs.new\n");
  });
});

describe("a share on its way", () => {
  const sealed = (key: string, share: string): string =>
    Buffer.from(sealTo(Buffer.from(key, "hex"), Buffer.from(share))).toString("base64");

  test("opens once, with the key that was made for it, and not after its time", () => {
    const { key } = awaitShare(0);
    const box = sealed(key, "share");
    expect(openShare(key, box, 1000)).toBe("share");
    expect(() => openShare(key, box, 1000)).toThrow(BomaError);
    const late = awaitShare(0).key;
    expect(() => openShare(late, sealed(late, "share"), 10 * 60_000)).toThrow(/too late/);
    const other = awaitShare(0).key;
    const strange = Buffer.from(newSealingKey().publicKey).toString("hex");
    expect(() => openShare(other, sealed(strange, "share"), 1)).toThrow(/did not arrive/);
  });

  test("reaches the node's own Vault, and a refusal repeats nothing of it", async () => {
    const call = (http: object) => ({ host: writeHost(memoryHost({ http } as never).ports) }) as never;
    const opens = { [`PUT ${API}/sys/unseal`]: { body: { sealed: true, t: 2, progress: 1 } } };
    const { key } = awaitShare();
    const args = unseal.params.parse({ key, sealed: sealed(key, "canary-share"), address: HERE.address });
    expect(await unseal.run(args, call(opens))).toEqual({ sealed: true, threshold: 2, progress: 1 });
    const again = awaitShare().key;
    const refuses = { [`PUT ${API}/sys/unseal`]: { status: 400, body: { errors: ["canary-share"] } } };
    const asked = unseal.params.parse({
      key: again,
      sealed: sealed(again, "canary-share"),
      address: HERE.address,
    });
    const error = (await unseal.run(asked, call(refuses)).catch((thrown: unknown) => thrown)) as Error;
    expect(error).toMatchObject({ code: "vault/share" });
    expect(`${error.message}${error.stack}`).not.toContain("canary");
  });

  test("goes to no other machine", () => {
    expect(() =>
      unseal.params.parse({ key: "0".repeat(64), sealed: "YQ==", address: "https://vault.lan:8200" }),
    ).toThrow(/own Vault/);
  });
});
