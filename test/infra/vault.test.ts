/**
 * Goal: a real Vault is set up by its kit, is opened by those who hold its key and by nobody else, is configured by what
 * is declared, and no part of its key is anywhere but with them.
 * Method: one Debian with systemd, a real master, a real Vault from a signed archive, and two people with PGP keys.
 */
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import type { RunReport } from "@boma/states";
import { afterAll, beforeAll, expect, test } from "vitest";

import { canary } from "../support/canary.ts";
import { Fleet, type FleetOptions } from "../support/fleet.ts";
import { type Host, onBridge, REPOSITORY, startHost } from "../support/host.ts";
import { mustRun } from "../support/hosts/program.ts";
import { type InfraRepo, infraRepo } from "../support/infra/repo.ts";
import { run } from "../support/run.ts";
import { ask, CONFIG, dataOf, Holders } from "../support/vault.ts";

const NODE = "vault1";
const LOCAL = "http://127.0.0.1:8200";
const BUILD_MS = 40 * 60_000;

let host: Host;
let repo: InfraRepo;
let holders: Holders;
let fleet: Fleet;
let via: NonNullable<FleetOptions["via"]>;
let keys: readonly [string, string];
/** What only the holders may have, once they have it. */
const shares: string[] = [];
let root = "";

beforeAll(async () => {
  host = await startHost({ name: NODE });
  repo = await infraRepo(["vault"]);
  holders = await Holders.open();
  keys = [await holders.key("anna"), await holders.key("bert")];
  const options = await onBridge();
  via = options.via ?? [];
  fleet = await Fleet.start(options);
  await host.enrol(fleet);
  writeSite();
}, BUILD_MS);
afterAll(async () => {
  await fleet?.[Symbol.asyncDispose]();
  await holders?.[Symbol.asyncDispose]();
  await repo?.[Symbol.asyncDispose]();
  await host?.[Symbol.asyncDispose]();
});

/** Where the master has the token with which it configures. */
const tokenFile = (): string => join(fleet.home, "secrets/vault-token");

interface Site {
  readonly ui?: boolean;
  readonly logLevel?: string;
  readonly more?: string;
}

function writeSite({ ui = false, logLevel = "info", more = "" }: Site = {}): void {
  const [anna, bert] = keys;
  const kit = {
    name: NODE,
    server: {
      storage: { type: "file", path: "/opt/vault/data" },
      listeners: [{ address: "127.0.0.1:8200" }],
      apiAddr: LOCAL,
      ui,
    },
    logLevel,
    initialised: {
      cluster: "main",
      address: LOCAL,
      shares: 2,
      threshold: 2,
      holders: [
        { name: "anna", pgpKey: anna },
        { name: "bert", pgpKey: bert },
      ],
      rootTokenPgpKey: anna,
    },
    gate: { address: LOCAL, within: "2s", every: "200ms" },
  };
  const { uri, suite, component, key, fingerprint } = repo;
  const archive = { uris: [uri], suites: [suite], components: [component], key, fingerprints: [fingerprint] };
  mkdirSync(join(fleet.home, "site"), { recursive: true });
  writeFileSync(
    join(fleet.home, "site/top.ts"),
    `import { apt, secret, top, tree, vault, vaultKit } from "@boma/states";
const archive = apt.repo("infra", ${JSON.stringify(archive)});
const open = { address: ${JSON.stringify(LOCAL)}, token: secret("file:${tokenFile()}") };
const kit = vaultKit({ ...(${JSON.stringify(kit)} as any), require: archive });
export default top({ "*": [tree(() => [archive, kit, [${more}]])] });
`,
  );
}

interface Applied {
  readonly code: number | null;
  readonly results: Readonly<Record<string, string>>;
  readonly errors: Readonly<Record<string, string>>;
  readonly pending: readonly string[];
  readonly report: RunReport;
}

async function apply(): Promise<Applied> {
  const { code, value } = await run(fleet, NODE, "state.apply");
  const end = value.nodes[NODE];
  const report = end?.return as RunReport | undefined;
  if (!report?.results) throw new Error(`no report: ${JSON.stringify(value)}`);
  const told = (pick: (result: RunReport["results"][number]) => string | undefined) =>
    Object.fromEntries(
      report.results.flatMap((one) => (pick(one) === undefined ? [] : [[one.id, pick(one)!]])),
    );
  return {
    code,
    report,
    results: told(({ result }) => result),
    errors: told(({ error }) => error && `${error.code}: ${error.message}`),
    pending: report.results
      .filter((one) => "pending" in one && one.pending !== undefined)
      .map(({ id }) => id),
  };
}

/** The holder types a share where he sits; nothing of it is in the command line. */
const unseal = (share: string): Promise<string> =>
  mustRun(
    [
      ...via,
      process.execPath,
      `${REPOSITORY}/packages/master/bin/boma-master.mjs`,
      "vault",
      "unseal",
      NODE,
      "--address",
      LOCAL,
      "--json",
    ],
    {
      stdin: `${share}\n`,
      env: { BOMA_HOME: fleet.home },
    },
  );
const openIt = async (): Promise<void> => {
  for (const share of shares) await unseal(share);
};

const shown = async (property: string): Promise<string> =>
  (await host.must(["systemctl", "show", "--value", `--property=${property}`, "vault"])).trim();
const called = async <T>(...words: readonly string[]): Promise<T> => {
  const { value } = await run(fleet, NODE, ...words);
  const end = value.nodes[NODE]!;
  if (end.error) throw new Error(`${words[0]}: ${JSON.stringify(end.error)}`);
  return end.return as T;
};

interface Kept {
  readonly digest: string;
  readonly holders: readonly { readonly name: string; readonly share: string }[];
  readonly rootToken: { readonly token: string };
}

test("the kit installs, configures, starts and initialises it; its gate says that it is sealed", async () => {
  const { errors, results } = await apply();
  expect(errors).toEqual({
    [`vault.ready(${NODE})`]: expect.stringMatching(/^gate\/closed: .*sealed/) as string,
  });
  expect(results).toMatchObject({ "vault.server(vault1)": "changed", "vault.initialised(main)": "changed" });
  expect(await host.must(["stat", "-c", "%a %U:%G", "/opt/vault/data", "/etc/vault.d/boma.json"])).toBe(
    "700 vault:vault\n640 root:vault\n",
  );
  expect(await shown("ExecStart")).toContain("-config=/etc/vault.d/boma.json");
  expect(await shown("ExecStart")).not.toContain("vault.hcl");
  expect(await shown("LimitMEMLOCK")).toBe("infinity");
  expect(await shown("AmbientCapabilities")).toBe("cap_ipc_lock");
});

test("its shares come encrypted to their holders, who open it; then there is nothing to do", async () => {
  const kept = await called<Kept>("vault.init-shares", "main");
  expect(kept.holders.map(({ name }) => name)).toEqual(["anna", "bert"]);
  for (const { share } of kept.holders) shares.push(await holders.open(share));
  root = await holders.open(kept.rootToken.token);
  mkdirSync(join(fleet.home, "secrets"), { recursive: true, mode: 0o700 });
  writeFileSync(tokenFile(), root, { mode: 0o600 });
  expect(await host.must(["stat", "-c", "%a %U", "/var/lib/boma/vault-init/main.json"])).toBe("400 root\n");
  expect(JSON.parse(await unseal(shares[0]!))).toMatchObject({ sealed: true, threshold: 2, progress: 1 });
  expect(JSON.parse(await unseal(shares[1]!))).toMatchObject({ sealed: false });
  await called("vault.init-shares-forget", "main", kept.digest);
  const { code, report } = await apply();
  expect(code).toBe(0);
  expect(report.summary).toMatchObject({ changed: 0, failed: 0 });
});

test("policies, engines, roles and an audit device are as they are declared, and stay so", async () => {
  writeSite({ more: CONFIG });
  const first = await apply();
  expect(first.errors).toEqual({});
  expect(first.report.summary).toMatchObject({ changed: 14, failed: 0 });
  const second = await apply();
  expect(second.errors).toEqual({});
  expect(second.report.summary).toMatchObject({ changed: 0, failed: 0 });
  // What somebody changed by hand is found, and put right.
  await ask(host, "sys/policies/acl/node", {
    token: root,
    body: { policy: 'path "*" { capabilities = ["sudo"] }' },
  });
  await ask(host, "auth/approle/role/node", { token: root, body: { token_ttl: "9h" } });
  const third = await apply();
  expect(
    Object.keys(third.results)
      .filter((id) => third.results[id] === "changed")
      .toSorted(),
  ).toEqual(["vault.policy(node)", "vault.role(node)"]);
});

const SECRET_ID = "/etc/boma/vault/secret-id";
const TOKEN = "/run/boma-vault/token";
let roleId = "";

test("a node logs in with a secret id out of a wrapping that opened once, and may do what it is to do", async () => {
  roleId = (await dataOf<{ role_id: string }>(host, "auth/approle/role/node/role-id", { token: root }))
    .role_id;
  const wrapped = await ask(host, "auth/approle/role/node/secret-id", {
    token: root,
    method: "POST",
    wrap: "60s",
  });
  const { token } = wrapped.body["wrap_info"] as { token: string };
  await host.convergesTwice("vault.secret-id", SECRET_ID, { wrapped: token, address: LOCAL });
  const again = await host.converge("vault.secret-id", "/etc/boma/vault/other", {
    wrapped: token,
    address: LOCAL,
  });
  expect(again.error).toMatchObject({ code: "vault/wrapped" });
  await host.convergesTwice("vault.token", TOKEN, { roleId, secretIdFile: SECRET_ID, address: LOCAL });
  expect(await host.must(["stat", "-c", "%a %U", SECRET_ID, TOKEN])).toBe("400 root\n400 root\n");
  const own = (await host.read(TOKEN)).trim();
  const { policies } = await dataOf<{ policies: string[] }>(host, "auth/token/lookup-self", { token: own });
  expect(policies.toSorted()).toEqual(["default", "node"]);
  expect((await ask(host, "sys/mounts", { token: own })).status).toBe(403);
});

test("a certificate that its PKI issues is one of its authority", async () => {
  const token = (await host.read(TOKEN)).trim();
  const issued = await dataOf<{ certificate: string; issuing_ca: string }>(host, "pki/issue/web", {
    token,
    body: { common_name: "web.lan", ttl: "24h" },
  });
  await host.write("/tmp/ca.pem", `${issued.issuing_ca}\n`);
  await host.write("/tmp/web.pem", `${issued.certificate}\n`);
  expect(
    await host.must([
      "openssl",
      "verify",
      "-CAfile",
      "/tmp/ca.pem",
      "-verify_hostname",
      "web.lan",
      "/tmp/web.pem",
    ]),
  ).toBe("/tmp/web.pem: OK\n");
});

test("a key that its SSH authority has signed logs in where that is trusted, and another does not", async () => {
  const token = (await host.read(TOKEN)).trim();
  const ca = await dataOf<{ public_key: string }>(host, "ssh/config/ca", { token: root });
  await host.write("/etc/ssh/boma-user-ca.pub", ca.public_key);
  await host.write("/etc/ssh/sshd_config.d/50-ca.conf", "TrustedUserCAKeys /etc/ssh/boma-user-ca.pub\n");
  await host.must(["useradd", "--create-home", "--shell", "/bin/sh", "alice"]);
  await host.must(["systemctl", "restart", "ssh"]);
  await host.must(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", "/root/key"]);
  const logIn = () =>
    host.run(
      [
        "ssh",
        "-i",
        "/root/key",
        "-o",
        "BatchMode=yes",
        "-o",
        "StrictHostKeyChecking=no",
        "alice@127.0.0.1",
        "id",
        "-un",
      ],
      {},
    );
  expect((await logIn()).exitCode).toBe(255);
  const { signed_key } = await dataOf<{ signed_key: string }>(host, "ssh/sign/people", {
    token,
    body: { public_key: await host.read("/root/key.pub"), valid_principals: "alice" },
  });
  await host.write("/root/key-cert.pub", signed_key);
  expect(await logIn()).toMatchObject({ exitCode: 0, stdout: "alice\n" });
});

test("the master's own provider reads from it, by token and by AppRole, and says what is wrong", async () => {
  await dataOf(host, "kv/data/web", { token: root, body: { data: { password: "first", port: 5432 } } });
  await dataOf(host, "kv/data/web", { token: root, body: { data: { password: "second", port: 5432 } } });
  const read = async (settings: object, references: readonly string[]): Promise<unknown> => {
    const stdin = JSON.stringify({
      settings: { address: LOCAL, tokenEnv: "VAULT_TOKEN", timeout: 5000, ...settings },
      references,
    });
    return JSON.parse((await host.node(`${REPOSITORY}/test/hosts/read-secret.ts`, [], { stdin })).stdout);
  };
  const references = [
    "vault:kv/data/web#password",
    "vault:kv/data/web#password?version=1",
    "vault:kv/data/none#x",
  ];
  expect(await read({ token: root }, references)).toEqual([
    { value: "second" },
    { value: "first" },
    expect.objectContaining({ code: "secret/unknown" }),
  ]);
  const appRole = { roleId, secretIdFile: SECRET_ID, mount: "approle" };
  expect(await read({ appRole }, ["vault:kv/data/web#port", "vault:kv/data/other#x"])).toEqual([
    { value: "5432" },
    expect.objectContaining({ code: "secret/unreadable" }),
  ]);
  expect(await read({ token: "hvs.wrong" }, ["vault:kv/data/web#port"])).toEqual([
    expect.objectContaining({ code: "secret/unreadable" }),
  ]);
});

test("a change of what a restart takes up waits, and one of its log level does not; it stays open", async () => {
  const before = await shown("MainPID");
  writeSite({ ui: true, logLevel: "debug", more: CONFIG });
  const first = await apply();
  expect(first.errors).toEqual({});
  expect(first.results["vault.server(vault1)"]).toBe("changed");
  expect(first.pending).toEqual(["service.running(vault.service)"]);
  expect(await shown("MainPID")).toBe(before);
  expect((await ask(host, "sys/health")).status).toBe(200);
  expect(await host.must(["journalctl", "--unit=vault", "--output=cat"])).toContain("reload triggered");
  const second = await apply();
  expect(second.report.summary).toMatchObject({ changed: 0, failed: 0 });
  expect(second.pending).toEqual(["service.running(vault.service)"]);
});

test("after a restart it is sealed; that is told and not fixed, and its holders open it", async () => {
  expect(await called("vault.status", LOCAL)).toMatchObject({ role: "active", restart: { safe: false } });
  await host.must(["systemctl", "restart", "vault"]);
  const pid = await shown("MainPID");
  expect(await called("vault.status", LOCAL)).toMatchObject({ role: "sealed", threshold: 2, progress: 0 });
  const { errors } = await apply();
  expect(errors["vault.ready(vault1)"]).toMatch(/^gate\/closed: .*sealed/);
  expect(errors["vault.policy(node)"]).toMatch(/^vault\/sealed/);
  expect(await shown("MainPID")).toBe(pid);
  const wrong = `${"0".repeat(62)}aa`;
  await unseal(wrong).catch(() => undefined);
  await unseal(shares[0]!).catch(() => undefined);
  await ask(host, "sys/unseal", { method: "PUT", body: { reset: true } });
  await openIt();
  expect(await called("vault.seal-status", LOCAL)).toMatchObject({ sealed: false });
  expect((await apply()).errors).toEqual({});
});

test("no share and no token of it is in any place but with those who hold it", async () => {
  const texts: Record<string, string> = {
    journal: await host.must(["journalctl", "--no-pager", "--output=export"]),
    files: await host.must([
      "sh",
      "-c",
      `find /var/lib/boma /etc /var/log /run /tmp /root /opt -xdev -type f -not -path '*/log/journal/*' -exec cat {} + | base64 -w0 | base64 -d`,
    ]),
    processes: await host.must([
      "sh",
      "-c",
      "cat /proc/[0-9]*/cmdline /proc/[0-9]*/environ 2>/dev/null | tr '\\0' ' '",
    ]),
    events: await fleet.ok("events", "--since", "1h", "--json"),
  };
  rmSync(tokenFile());
  for (const secret of [...shares, root]) {
    const looked = canary(secret);
    expect(looked.inTexts(texts)).toEqual([]);
    expect(looked.inFiles(fleet.home)).toEqual([]);
    expect(looked.inProcesses(fleet.master.pid)).toEqual([]);
  }
  // The same search finds what is there, on the node and at the master.
  const kept = canary((await host.read(SECRET_ID)).trim());
  expect([...new Set(kept.inTexts(texts).map(({ place }) => place))]).toEqual(["files"]);
  const told = canary("vault.unseal-begin");
  expect(told.inTexts(texts).map(({ place }) => place)).toContain("events");
  expect(told.inFiles(fleet.home)).not.toEqual([]);
});

test("it serves secrets while everything else on its machine is stopped", async () => {
  const units = ["boma-agent", "cron", "ssh"];
  await host.must(["systemctl", "stop", ...units]);
  const { data } = await dataOf<{ data: { password: string } }>(host, "kv/data/web", {
    token: (await host.read(TOKEN)).trim(),
  });
  expect(data.password).toBe("second");
});
