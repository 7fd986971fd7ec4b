/** Against a fake that speaks the part of Vault's HTTP interface that is used: the real program is not in this test. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type IncomingMessage, type RequestListener } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { json } from "node:stream/consumers";

import { describe, expect, test } from "vitest";

import { createCa, issueServerCertificate } from "../bus/tls.ts";
import { parseReference } from "./reference.ts";
import type { VaultSettings } from "./secrets-file.ts";
import { VaultSecrets } from "./vault-secrets.ts";

const TOKEN = "hvs.the-master";
const VALUE = "correct horse battery staple";

interface Asked {
  readonly method: string;
  readonly url: string;
  readonly token: string | undefined;
  readonly namespace: string | undefined;
  readonly body?: unknown;
}
type Answer = (asked: Asked) => readonly [status: number, body: unknown] | "hang" | undefined;

const versioned = (data: unknown) => ({ data: { data, metadata: { version: 3, deletion_time: "" } } });
/** A store of versions at kv/, an old one at old/, an AppRole. */
const vault: Answer = ({ method, url, token, body }) => {
  if (method === "POST" && url === "/v1/auth/approle/login")
    return JSON.stringify(body) === JSON.stringify({ role_id: "boma", secret_id: "s3" })
      ? [200, { auth: { client_token: TOKEN } }]
      : [400, { errors: [`invalid role or secret ID ${VALUE}`] }];
  if (token !== TOKEN) return [403, { errors: [`permission denied ${VALUE}`] }];
  if (url === "/v1/kv/data/web")
    return [200, versioned({ password: VALUE, user: "web", port: 5432, more: { a: 1 } })];
  if (url === "/v1/kv/data/web?version=2") return [200, versioned({ password: "the former" })];
  if (url === "/v1/kv/data/web?version=1") return [404, { data: { data: null, metadata: {} } }];
  if (url === "/v1/kv/data/gone") return [200, versioned(null)];
  if (url === "/v1/old/web") return [200, { data: { password: VALUE } }];
  return [404, { errors: [] }];
};

async function fakeVault(answer: Answer = vault, tls?: { key: string; cert: string }) {
  const asked: Asked[] = [];
  const handle: RequestListener = (request: IncomingMessage, response) => {
    void (async () => {
      const { method = "", url = "", headers } = request;
      const one: Asked = {
        method,
        url,
        token: headers["x-vault-token"] as string | undefined,
        namespace: headers["x-vault-namespace"] as string | undefined,
        ...(method === "POST" && { body: await json(request) }),
      };
      asked.push(one);
      const answered = answer(one);
      if (answered === "hang") return;
      const [status, body] = answered ?? [500, {}];
      response.writeHead(status, { "content-type": "application/json" });
      response.end(typeof body === "string" ? body : JSON.stringify(body));
    })();
  };
  const server = tls ? createTlsServer(tls, handle) : createServer(handle);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = `${tls ? "https" : "http"}://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    asked,
    address,
    [Symbol.dispose]: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}

const settings = (change: Partial<VaultSettings>): VaultSettings => ({
  tokenEnv: "VAULT_TOKEN",
  timeout: 5_000,
  token: TOKEN,
  ...change,
});
const read = async (secrets: VaultSecrets, text: string): Promise<string> => {
  const reference = parseReference(text);
  secrets.check(reference);
  return secrets.read(reference);
};
const failure = (secrets: VaultSecrets, text: string): Promise<Error> =>
  read(secrets, text).then(
    () => new Error("it resolved"),
    (thrown: unknown) => thrown as Error,
  );
const fails = (code: string, message: string) => ({
  code,
  message: expect.stringContaining(message) as string,
});

describe("vault:, against a fake of Vault's HTTP interface,", () => {
  test("reads a value of a versioned store, of one version of it, and of an old store", async () => {
    using fake = await fakeVault();
    const secrets = new VaultSecrets(settings({ address: `${fake.address}/` }), {});
    expect(await read(secrets, "vault:kv/data/web#password")).toBe(VALUE);
    expect(await read(secrets, "vault:kv/data/web#password?version=2")).toBe("the former");
    expect(await read(secrets, "vault:old/web#password")).toBe(VALUE);
    expect(await read(secrets, "vault:kv/data/web#port")).toBe("5432");
  });

  test("asks once a run for all that lies in one place, however many want it at once", async () => {
    using fake = await fakeVault();
    const secrets = new VaultSecrets(settings({ address: fake.address }), {});
    await Promise.all(
      ["password", "user", "password"].map((key) => read(secrets, `vault:kv/data/web#${key}`)),
    );
    expect(fake.asked.map(({ url }) => url)).toEqual(["/v1/kv/data/web"]);
  });

  test("logs in by AppRole, once, with a secret id from a file that is closed to others", async () => {
    const dir = mkdtempSync(join(tmpdir(), "boma-vault-"));
    try {
      const secretIdFile = join(dir, "secret-id");
      writeFileSync(secretIdFile, "s3\n", { mode: 0o600 });
      using fake = await fakeVault();
      const { token: _, ...rest } = settings({ address: fake.address });
      const secrets = new VaultSecrets(
        { ...rest, appRole: { roleId: "boma", secretIdFile, mount: "approle" } },
        {},
      );
      expect(await read(secrets, "vault:kv/data/web#user")).toBe("web");
      expect(await read(secrets, "vault:old/web#password")).toBe(VALUE);
      expect(fake.asked.map(({ url }) => url)).toEqual([
        "/v1/auth/approle/login",
        "/v1/kv/data/web",
        "/v1/old/web",
      ]);
    } finally {
      rmSync(dir, { recursive: true });
    }
  });

  test("takes address, token and namespace from the environment, and what secrets.yaml says before it", async () => {
    using fake = await fakeVault();
    const { token: _, ...rest } = settings({});
    const environment = { VAULT_ADDR: fake.address, VAULT_TOKEN: TOKEN, VAULT_NAMESPACE: "ops" };
    await read(new VaultSecrets(rest, environment), "vault:kv/data/web#user");
    await read(new VaultSecrets({ ...rest, namespace: "team/a" }, environment), "vault:kv/data/web#user");
    expect(fake.asked.map(({ namespace }) => namespace)).toEqual(["ops", "team/a"]);
  });

  test.each([
    [503, "secret/unreadable", "Vault is sealed"],
    [403, "secret/unreadable", "does not permit"],
    [404, "secret/unknown", "has nothing there"],
    [429, "secret/unreadable", "standby"],
    [307, "secret/unreadable", "standby"],
    [500, "secret/unreadable", "status 500"],
  ])(
    "says in its own words what status %i means, and repeats nothing of the answer",
    async (status, code, message) => {
      using fake = await fakeVault(() => [status, { errors: [VALUE], data: { data: { password: VALUE } } }]);
      const error = await failure(
        new VaultSecrets(settings({ address: fake.address }), {}),
        "vault:kv/data/web#password",
      );
      expect(error).toMatchObject(fails(code, message));
      expect(`${error.stack} ${JSON.stringify(error)} ${String(error.cause)}`).not.toContain("horse");
    },
  );

  test("tells a missing value, a deleted version, a whole tree and an answer that is none apart", async () => {
    using fake = await fakeVault((asked) =>
      asked.url === "/v1/kv/data/odd" ? [200, "<html>"] : vault(asked),
    );
    const secrets = new VaultSecrets(settings({ address: fake.address }), {});
    expect(await failure(secrets, "vault:kv/data/web#pin")).toMatchObject(
      fails("secret/unknown", "there is no pin"),
    );
    expect(await failure(secrets, "vault:kv/data/web#toString")).toMatchObject({ code: "secret/unknown" });
    expect(await failure(secrets, "vault:kv/data/web#more")).toMatchObject(
      fails("secret/unknown", "single value"),
    );
    expect(await failure(secrets, "vault:kv/data/gone#x")).toMatchObject(fails("secret/unknown", "deleted"));
    expect(await failure(secrets, "vault:kv/data/web#x?version=1")).toMatchObject({ code: "secret/unknown" });
    expect(await failure(secrets, "vault:kv/data/odd#x")).toMatchObject(
      fails("secret/unreadable", "no secret"),
    );
  });

  test("refuses a wrong AppRole in its own words", async () => {
    using fake = await fakeVault();
    const { token: _, ...rest } = settings({ address: fake.address });
    const appRole = { roleId: "boma", secretId: "wrong", mount: "approle" };
    const error = await failure(new VaultSecrets({ ...rest, appRole }, {}), "vault:kv/data/web#user");
    expect(error).toMatchObject(fails("secret/unreadable", "refused the master's AppRole"));
    expect(error.message).not.toContain("horse");
  });

  test("sends no token in the clear to another machine, and none at all where none is configured", async () => {
    const { token: _, ...rest } = settings({});
    expect(
      await failure(
        new VaultSecrets(settings({ address: "http://192.0.2.1:8200" }), {}),
        "vault:kv/data/a#b",
      ),
    ).toMatchObject(fails("secret/unreadable", "in the clear"));
    expect(await failure(new VaultSecrets(rest, {}), "vault:kv/data/a#b")).toMatchObject(
      fails("secret/unreadable", "no token"),
    );
    expect(await failure(new VaultSecrets(settings({}), {}), "vault:kv/data/a#b")).toMatchObject(
      fails("secret/unreadable", "does not know where Vault is"),
    );
  });

  test("believes the authority that it is given and no other", async () => {
    const ca = await createCa();
    const issued = await issueServerCertificate(ca, { dns: ["localhost"], ips: ["127.0.0.1"] });
    const dir = mkdtempSync(join(tmpdir(), "boma-vault-"));
    try {
      const caFile = join(dir, "ca.pem");
      writeFileSync(caFile, ca.certificate);
      using fake = await fakeVault(vault, { key: issued.privateKey, cert: issued.certificate });
      expect(readFileSync(caFile, "utf8")).toContain("BEGIN CERTIFICATE");
      expect(
        await read(
          new VaultSecrets(settings({ address: fake.address, caFile }), {}),
          "vault:kv/data/web#user",
        ),
      ).toBe("web");
      const stranger = await failure(
        new VaultSecrets(settings({ address: fake.address }), {}),
        "vault:kv/data/web#user",
      );
      expect(stranger).toMatchObject(fails("secret/unreadable", "cannot be reached"));
      expect(fake.asked).toHaveLength(1);
    } finally {
      rmSync(dir, { recursive: true });
    }
  });

  test("gives up on a Vault that does not answer, or that answers without end", async () => {
    using silent = await fakeVault(() => "hang");
    expect(
      await failure(
        new VaultSecrets(settings({ address: silent.address, timeout: 50 }), {}),
        "vault:kv/data/a#b",
      ),
    ).toMatchObject(fails("secret/unreadable", "cannot be reached: no answer within 50 ms"));
    using endless = await fakeVault(() => [200, `{"a":"${"x".repeat(3_000_000)}"}`]);
    expect(
      await failure(new VaultSecrets(settings({ address: endless.address }), {}), "vault:kv/data/a#b"),
    ).toMatchObject(fails("secret/unreadable", "too large"));
  });
});
