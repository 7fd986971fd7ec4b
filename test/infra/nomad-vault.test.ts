/**
 * Goal: a job of the real Nomad gets its secret from the real Vault with an identity of its own, and no other job's.
 * Method: one host with Vault and the server of Nomad, which Vault asks for its keys; another that runs the jobs, and
 * reaches Vault over TLS. Nobody gives Nomad a token of Vault's.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import type { RunReport } from "@boma/states";
import { afterAll, beforeAll, expect, test } from "vitest";

import { createCa, issueServerCertificate } from "../../packages/master/src/bus/tls.ts";
import { Fleet } from "../support/fleet.ts";
import { type Host, onBridge, startHost } from "../support/host.ts";
import { type InfraRepo, infraRepo } from "../support/infra/repo.ts";
import { changed, errors } from "../support/nomad.ts";
import { run } from "../support/run.ts";
import { ask, dataOf, Holders } from "../support/vault.ts";

const SERVER = "core1";
const CLIENT = "work1";
const CA_FILE = "/etc/ssl/lab-ca.pem";
const LOCAL = "http://127.0.0.1:8200";
const BUILD_MS = 40 * 60_000;
const UP_MS_MAX = 5 * 60_000;

const hosts: Record<string, Host> = {};
let repo: InfraRepo;
let holders: Holders;
let fleet: Fleet;
let ca: Awaited<ReturnType<typeof createCa>>;
let own: Awaited<ReturnType<typeof createCa>>;
let key = "";

interface Knobs {
  /** Vault is open, and there is a token to configure it with. */
  readonly open?: true;
  /** Whose secrets the second job asks for. */
  readonly thief?: true;
}

const tokenFile = (): string => join(fleet.home, "secrets/vault-token");

function declare({ open, thief }: Knobs): void {
  const { uri, suite, component, key: archiveKey, fingerprint } = repo;
  const archive = {
    uris: [uri],
    suites: [suite],
    components: [component],
    key: archiveKey,
    fingerprints: [fingerprint],
  };
  const { address } = hosts[SERVER]!;
  const vaultKit = {
    name: SERVER,
    server: {
      storage: { type: "file", path: "/opt/vault/data" },
      listeners: [
        { address: "127.0.0.1:8200" },
        {
          address: `${address}:8200`,
          tls: { certFile: "/etc/vault.d/tls/fullchain.pem", keyFile: "/etc/vault.d/tls/privkey.pem" },
        },
      ],
      apiAddr: `https://${address}:8200`,
    },
    tls: own,
    initialised: {
      cluster: "main",
      address: LOCAL,
      shares: 1,
      threshold: 1,
      holders: [{ name: "anna", pgpKey: key }],
      rootTokenPgpKey: key,
    },
    gate: false,
  };
  const said = { archive, vaultKit, address, addressOfClient: hosts[CLIENT]!.address };
  mkdirSync(join(fleet.home, "site"), { recursive: true });
  writeFileSync(
    join(fleet.home, "site/top.ts"),
    `import { apt, nomad, nomadKit, secret, top, tree, vault, vaultForNomad, vaultKit } from "@boma/states";
const said = ${JSON.stringify(said)} as any;
const management = secret("gen:nomad/management?enc=uuid");
const at = { address: ${JSON.stringify(LOCAL)}, token: secret("file:${tokenFile()}") };
const job = (name, of, more) => nomad.job(name, {
  token: management,
  spec: {
    Datacenters: ["*"],
    Update: { MinHealthyTime: 1e9, HealthyDeadline: 15e9, ProgressDeadline: 20e9 },
    TaskGroups: [{
      Name: "g",
      Tasks: [{
        Name: "t",
        Driver: "raw_exec",
        Vault: {},
        Config: { command: "/bin/sleep", args: ["90001"] },
        Templates: [{
          EmbeddedTmpl: '{{ with secret "kv/data/default/' + of + '/app" }}{{ .Data.data.password }}{{ end }}',
          DestPath: "secrets/password",
          ChangeMode: "noop",
        }],
        Resources: { CPU: 50, MemoryMB: 32 },
      }],
    }],
  },
  ...more,
});
const base = tree(({ node: { id } }) => {
  const archive = apt.repo("infra", said.archive);
  const isServer = id === ${JSON.stringify(SERVER)};
  const kit = nomadKit({
    node: id,
    require: archive,
    agent: {
      bind: isServer ? said.address : said.addressOfClient,
      servers: [said.address],
      acl: true,
      operatorToken: management,
      vault: { address: "https://" + said.address + ":8200", caFile: ${JSON.stringify(CA_FILE)} },
      ...(isServer
        ? { mode: "server", bootstrapExpect: 1, gossipKey: secret("gen:nomad/gossip") }
        : {
            mode: "client",
            plugins: { rawExec: true },
            options: { "fingerprint.denylist": "env_aws,env_gce,env_azure,env_digitalocean" },
          }),
    },
    gate: { within: "90s" },
  });
  if (!isServer) return [archive, kit];
  const first = nomad.aclBootstrap("global", { token: management, require: kit.at(-1) });
  const all = [archive, vaultKit({ ...said.vaultKit, require: archive }), kit, first];
  if (!${open === true}) return all;
  const kv = vault.mount("kv", { type: "kv-v2", ...at });
  const password = vault.written("kv/data/default/reader/app", {
    data: { data: { password: secret("gen:app/password") } }, ...at, require: kv,
    // A store that was mounted just now is not there at once.
    retry: { attempts: 10, interval: "1s" } });
  const trust = vaultForNomad({ jwksUrl: "http://127.0.0.1:4646/.well-known/jwks.json", ...at, require: kit.at(-1) });
  const ready = { require: [...trust, password] };
  return [...all, kv, password, trust, job("reader", "reader", ready), ${thief === true} && job("thief", "reader", ready)];
});
export default top({ "*": [base] });
`,
  );
}

async function apply(target: string): Promise<Readonly<Record<string, RunReport>>> {
  const { value } = await run(fleet, target, "state.apply");
  if (!("nodes" in value)) throw new Error(`the apply was not begun: ${JSON.stringify(value)}`);
  return Object.fromEntries(Object.entries(value.nodes).map(([id, end]) => [id, end.return as RunReport]));
}

beforeAll(async () => {
  for (const name of [SERVER, CLIENT]) hosts[name] = await startHost({ name });
  repo = await infraRepo(["nomad", "vault"]);
  holders = await Holders.open();
  key = await holders.key("anna");
  ca = await createCa();
  own = await issueServerCertificate(ca, { dns: [SERVER], ips: [hosts[SERVER]!.address, "127.0.0.1"] });
  fleet = await Fleet.start(await onBridge());
  for (const host of Object.values(hosts)) {
    await host.write(CA_FILE, ca.certificate);
    await host.enrol(fleet);
  }
  declare({});
}, BUILD_MS);
afterAll(async () => {
  await fleet?.[Symbol.asyncDispose]();
  await holders?.[Symbol.asyncDispose]();
  await repo?.[Symbol.asyncDispose]();
  for (const host of Object.values(hosts)) await host[Symbol.asyncDispose]();
});

/** Anna opens Vault, and gives the master what it configures with. */
async function openVault(): Promise<string> {
  const host = hosts[SERVER]!;
  const kept = JSON.parse(await host.read("/var/lib/boma/vault-init/main.json")) as {
    holders: { share: string }[];
    rootToken: { token: string };
  };
  const share = await holders.open(kept.holders[0]!.share);
  await dataOf(host, "sys/unseal", { method: "PUT", body: { key: share } });
  const isOpen = async () => (await ask(host, "sys/health")).status;
  await expect.poll(isOpen, { timeout: 60_000 }).toBe(200);
  const root = await holders.open(kept.rootToken.token);
  mkdirSync(join(fleet.home, "secrets"), { recursive: true, mode: 0o700 });
  writeFileSync(tokenFile(), root, { mode: 0o600 });
  return root;
}

let root = "";
let secret = "";

test("Nomad runs before Vault is open, and is not told any token of it", { timeout: UP_MS_MAX }, async () => {
  expect(errors(await apply("*"))).toEqual([]);
  root = await openVault();
  for (const host of Object.values(hosts))
    expect(await host.read("/etc/nomad.d/boma.json")).not.toMatch(/hvs\.|"token"/);
});

test("a job gets its secret with its own identity", { timeout: UP_MS_MAX }, async () => {
  declare({ open: true });
  const applied = await apply("*");
  expect(errors(applied)).toEqual([]);
  const kept = await dataOf<{ data: { password: string } }>(hosts[SERVER]!, "kv/data/default/reader/app", {
    token: root,
  });
  secret = kept.data.password;
  expect(secret.length).toBeGreaterThan(20);
  const found = await hosts[CLIENT]!.must(["sh", "-c", "cat /opt/nomad/data/alloc/*/t/secrets/password"]);
  expect(found).toBe(secret);
  expect(JSON.stringify(applied)).not.toContain(secret);
});

test("a second time nothing is changed", { timeout: UP_MS_MAX }, async () => {
  expect(changed(await apply("*"))).toEqual({ [SERVER]: [], [CLIENT]: [] });
});

test(
  "another job does not get it, and its failure says what it waits for",
  { timeout: UP_MS_MAX },
  async () => {
    declare({ open: true, thief: true });
    const [error, ...others] = errors(await apply(SERVER));
    expect(others).toEqual([]);
    expect(error).toMatch(/^nomad\.job\(thief\): nomad\/job .*kv\/data\/default\/reader\/app/);
    expect(error).not.toContain(secret);
  },
);
