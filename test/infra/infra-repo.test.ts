/**
 * The programs that the infrastructure modules set up, on a real Debian out of a signed archive: that they are sound, and
 * that the archive is one which apt believes for the right reason.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { type Host, startHost } from "../support/host.ts";
import { PROGRAM_NAMES, PROGRAMS } from "../support/infra/programs.ts";
import { infraRepo, type InfraRepo } from "../support/infra/repo.ts";

const BUILD_MS_MAX = 45 * 60_000;
const UP_SECONDS_MAX = 60;

let host: Host;
let repo: InfraRepo;
beforeAll(async () => {
  host = await startHost({ name: "infra" });
  // Whoever comes first without `npm run test:hosts` waits for the builds.
  repo = await infraRepo();
  const { uri, suite, component, key } = repo;
  await host.write("/etc/apt/keyrings/infra.asc", key);
  const lines = [
    "Types: deb",
    `URIs: ${uri}`,
    `Suites: ${suite}`,
    `Components: ${component}`,
    "Signed-By: /etc/apt/keyrings/infra.asc",
  ];
  await host.write("/etc/apt/sources.list.d/infra.sources", `${lines.join("\n")}\n`);
}, BUILD_MS_MAX);
afterAll(async () => {
  await repo?.[Symbol.asyncDispose]();
  await host?.[Symbol.asyncDispose]();
});

const update = () => host.run(["apt-get", "update", "--error-on=any"]);

/** Of a service of the host: what its API answers once it answers with success. */
async function ask(url: string, ...options: readonly string[]): Promise<unknown> {
  const patience = ["--retry", String(UP_SECONDS_MAX), "--retry-delay", "1", "--retry-all-errors"];
  const words = ["curl", "--silent", "--show-error", "--fail-with-body", ...patience, ...options, url];
  return JSON.parse(await host.must(words, { timeoutMs: 2 * UP_SECONDS_MAX * 1000 }));
}

/** The same, until what it answers is what is wanted. */
async function until<T>(wanted: (found: T) => boolean, url: string): Promise<T> {
  const deadline = Date.now() + UP_SECONDS_MAX * 1000;
  for (;;) {
    const found = (await ask(url)) as T;
    if (wanted(found)) return found;
    if (Date.now() > deadline) throw new Error(`${url} still answers ${JSON.stringify(found)}`);
  }
}

describe("the archive", () => {
  test("is believed for its signature, and no longer once its Release says something else", async () => {
    expect(await update()).toMatchObject({ exitCode: 0 });
    const path = join(repo.files, "dists", repo.suite, "InRelease");
    const signed = readFileSync(path, "utf8");
    writeFileSync(path, signed.replace("Origin: boma tests", "Origin: somebody else"));
    const { exitCode, stderr } = await update();
    expect(exitCode).not.toBe(0);
    expect(stderr).toMatch(/BADSIG|not valid|not signed/);
    writeFileSync(path, signed);
    expect(await update()).toMatchObject({ exitCode: 0 });
  });

  test("is not believed when another key has signed it", async () => {
    await using other = await infraRepo([]);
    await host.write("/etc/apt/keyrings/infra.asc", other.key);
    const { exitCode, stderr } = await update();
    expect(exitCode).not.toBe(0);
    expect(stderr).toContain("NO_PUBKEY");
    await host.write("/etc/apt/keyrings/infra.asc", repo.key);
    expect(await update()).toMatchObject({ exitCode: 0 });
  });
});

describe("the programs", () => {
  beforeAll(async () => {
    await host.must(["apt-get", "update"]);
    await host.must(["apt-get", "install", "--yes", ...PROGRAM_NAMES], { timeoutMs: 5 * 60_000 });
  });

  test.each(PROGRAM_NAMES)("%s says which version it is", async (name) => {
    const said = await host.must([name, "version"]);
    expect(said).toContain(PROGRAMS[name].version.replace(/^v/, ""));
  });

  test("none of them runs before somebody says so", async () => {
    for (const name of ["consul", "vault", "nomad"]) {
      expect((await host.run(["systemctl", "is-active", name])).stdout).toBe("inactive\n");
      expect((await host.run(["systemctl", "is-enabled", name])).stdout).toBe("disabled\n");
    }
  });

  test("Consul as the only server becomes the leader", async () => {
    // It tells systemd that it is up once it has joined somebody: a server of one joins itself.
    const alone = { bootstrap_expect: 1, retry_join: [host.address] };
    const config = { server: true, bind_addr: host.address, ...alone };
    await host.write("/etc/consul.d/test.json", JSON.stringify(config));
    await host.must(["systemctl", "start", "consul"]);
    const leader = await until<string>((found) => found !== "", "http://127.0.0.1:8500/v1/status/leader");
    expect(leader).toBe(`${host.address}:8300`);
  });

  test("Vault on files is initialised and unsealed over its API, and is sealed again by a restart", async () => {
    await host.must(["systemctl", "start", "vault"]);
    const api = "https://127.0.0.1:8200/v1/sys";
    const insecure = ["--cacert", "/opt/vault/tls/tls.crt", "--insecure"];
    const put = (path: string, body: object) =>
      ask(`${api}/${path}`, ...insecure, "--request", "PUT", "--data", JSON.stringify(body));
    const made = (await put("init", { secret_shares: 1, secret_threshold: 1 })) as {
      keys: string[];
      root_token: string;
    };
    expect(await put("unseal", { key: made.keys[0] })).toMatchObject({ initialized: true, sealed: false });
    const token = ["--header", `X-Vault-Token: ${made.root_token}`];
    const mounts = await ask(`${api}/mounts`, ...insecure, ...token);
    expect(mounts).toMatchObject({ "cubbyhole/": {}, "identity/": {}, "sys/": {} });
    await host.must(["systemctl", "restart", "vault"]);
    expect(await ask(`${api}/seal-status`, ...insecure)).toMatchObject({ initialized: true, sealed: true });
  });

  test("Nomad as server and client in one is ready to run commands", async () => {
    const raw = 'plugin "raw_exec" {\n  config {\n    enabled = true\n  }\n}\n';
    await host.write("/etc/nomad.d/test.hcl", raw);
    await host.must(["systemctl", "start", "nomad"]);
    interface Node {
      readonly Status: string;
      readonly Drivers: Readonly<Record<string, { readonly Healthy: boolean }>>;
    }
    const isReady = ([node]: Node[]) =>
      node?.Status === "ready" && node.Drivers["raw_exec"]?.Healthy === true;
    const nodes = await until<Node[]>(isReady, "http://127.0.0.1:4646/v1/nodes");
    expect(nodes).toHaveLength(1);
  });

  test("OpenTofu applies what needs no provider from elsewhere", async () => {
    const tree =
      'resource "terraform_data" "one" {\n  input = "set"\n}\noutput "got" {\n  value = terraform_data.one.output\n}\n';
    await host.write("/root/tree/main.tf", tree);
    await host.must(["tofu", "-chdir=/root/tree", "init", "-no-color"]);
    await host.must(["tofu", "-chdir=/root/tree", "apply", "-no-color", "-auto-approve"]);
    expect(await host.must(["tofu", "-chdir=/root/tree", "output", "-raw", "got"])).toBe("set");
  });
});

test("a further release of a program is an upgrade, and its configuration stays", async () => {
  await host.write("/etc/nomad.d/nomad.hcl", `${await host.read("/etc/nomad.d/nomad.hcl")}# ours\n`);
  const { version } = await repo.release("nomad", 2);
  await host.must(["apt-get", "update"]);
  await host.must(["apt-get", "install", "--yes", "--only-upgrade", "nomad"], { timeoutMs: 120_000 });
  expect(await host.must(["dpkg-query", "-W", "-f", "${Version}", "nomad"])).toBe(version);
  expect(await host.read("/etc/nomad.d/nomad.hcl")).toContain("# ours");
});
