/**
 * Goal: three Vaults that keep their own storage (raft) come up by themselves after a restart, because a fourth one opens
 * them, and lose nobody when the active one goes.
 * Method: four Debians on one bridge, certificates of one authority, real Vaults.
 */
import { afterAll, beforeAll, expect, test } from "vitest";

import { createCa, issueServerCertificate } from "../../packages/master/src/bus/tls.ts";
import { type Host, startHost } from "../support/host.ts";
import { type InfraRepo, infraRepo } from "../support/infra/repo.ts";
import { ask, dataOf, Holders } from "../support/vault.ts";

const LOCAL = "https://127.0.0.1:8200";
const CA_FILE = "/etc/ssl/lab-ca.pem";
const BUILD_MS = 40 * 60_000;

let repo: InfraRepo;
let holders: Holders;
let opener: Host;
let peers: readonly Host[] = [];
let ca: Awaited<ReturnType<typeof createCa>>;
let key = "";
/** The first token of the three. */
let token = "";

beforeAll(async () => {
  opener = await startHost({ name: "askari" });
  peers = await Promise.all(["raft1", "raft2", "raft3"].map((name) => startHost({ name })));
  repo = await infraRepo(["vault"]);
  holders = await Holders.open();
  key = await holders.key("anna");
  ca = await createCa();
}, BUILD_MS);
afterAll(async () => {
  await repo?.[Symbol.asyncDispose]();
  await holders?.[Symbol.asyncDispose]();
  for (const host of [opener, ...peers]) await host?.[Symbol.asyncDispose]();
});

const addressOf = ({ address }: Host, port = 8200): string => `https://${address.split("/")[0]}:${port}`;

/** Sets one up by its kit, sealed or not; what did not come to be so. */
async function setUp(host: Host, server: object, initialised: object = {}): Promise<string[]> {
  const ip = host.address.split("/")[0]!;
  const { certificate, privateKey } = await issueServerCertificate(ca, {
    dns: [host.name],
    ips: [ip, "127.0.0.1"],
  });
  const { uri, suite, component, key: archiveKey, fingerprint } = repo;
  const archive = {
    uris: [uri],
    suites: [suite],
    components: [component],
    key: archiveKey,
    fingerprints: [fingerprint],
  };
  const tls = { certFile: "/etc/vault.d/tls/fullchain.pem", keyFile: "/etc/vault.d/tls/privkey.pem" };
  const kit = {
    name: host.name,
    server: { listeners: [{ address: "0.0.0.0:8200", tls }], apiAddr: addressOf(host), ...server },
    tls: { certificate, privateKey },
    gate: false,
    ...initialised,
  };
  await host.write(CA_FILE, ca.certificate);
  await host.write(
    "/root/vault.ts",
    `import { apt, tree, vaultKit } from "@boma/states";
const archive = apt.repo("infra", ${JSON.stringify(archive)});
export default tree(() => [archive, vaultKit({ ...(${JSON.stringify(kit)} as any), require: archive })]);
`,
  );
  const { results } = await host.apply("/root/vault.ts", [], { timeoutMs: 170_000 });
  return results.flatMap(({ id, error }) => (error ? [`${id}: ${error.message}`] : []));
}

const initialisation = (cluster: string, more: object = {}) => ({
  initialised: {
    cluster,
    address: LOCAL,
    ca: ca.certificate,
    shares: 1,
    threshold: 1,
    holders: [{ name: "anna", pgpKey: key }],
    rootTokenPgpKey: key,
    ...more,
  },
});

async function keptOf(host: Host, cluster: string): Promise<{ share: string; root: string }> {
  const kept = JSON.parse(await host.read(`/var/lib/boma/vault-init/${cluster}.json`)) as {
    holders: { share: string }[];
    rootToken: { token: string };
  };
  return {
    share: await holders.open(kept.holders[0]!.share),
    root: await holders.open(kept.rootToken.token),
  };
}

/** Looks again and again, without sleeping longer than it takes to ask. */
async function until(host: Host, ready: (status: number) => boolean): Promise<number> {
  for (let tries = 0; tries < 600; tries++) {
    const status = await ask(host, "sys/health", { address: LOCAL }).then(
      (answer) => answer.status,
      () => 0,
    );
    if (ready(status)) return status;
  }
  throw new Error(`${host.name} did not get there`);
}
const isOpen = (status: number): boolean => status === 200 || status === 429;

test("one Vault opens three others, which come up as a cluster", async () => {
  expect(
    await setUp(opener, { storage: { type: "file", path: "/opt/vault/data" } }, initialisation("askari")),
  ).toEqual([]);
  const { share, root } = await keptOf(opener, "askari");
  await dataOf(opener, "sys/unseal", { method: "PUT", body: { key: share }, address: LOCAL });
  await until(opener, isOpen);
  const by = { token: root, address: LOCAL };
  await dataOf(opener, "sys/mounts/transit", { ...by, body: { type: "transit" } });
  await dataOf(opener, "transit/keys/raft", { ...by, body: {} });
  const seal = { type: "transit", address: addressOf(opener), keyName: "raft", caFile: CA_FILE };
  const leader = { leaderApiAddr: addressOf(peers[0]!), caFile: CA_FILE };
  for (const [index, host] of peers.entries()) {
    const storage = {
      type: "raft",
      path: "/opt/vault/data",
      nodeId: host.name,
      retryJoin: index === 0 ? [] : [leader],
    };
    const server = { storage, seal, transitToken: root, clusterAddr: addressOf(host, 8201) };
    const init = index === 0 ? initialisation("raft", { recovery: true }) : {};
    expect(await setUp(host, server, init)).toEqual([]);
    await until(host, isOpen);
  }
  token = (await keptOf(peers[0]!, "raft")).root;
  const { config } = await dataOf<{ config: { servers: { node_id: string }[] } }>(
    peers[0]!,
    "sys/storage/raft/configuration",
    { token, address: LOCAL },
  );
  expect(config.servers.map(({ node_id }) => node_id).toSorted()).toEqual(["raft1", "raft2", "raft3"]);
}, 600_000);

test("one that was restarted is open again with nobody there", async () => {
  const [, second] = peers;
  await second!.must(["systemctl", "restart", "vault"]);
  expect(await until(second!, isOpen)).toBe(429);
});

test("when the active one steps down another is active, and what was written is there", async () => {
  const [first, second, third] = peers;
  const by = { token, address: LOCAL };
  await dataOf(first!, "sys/mounts/kv", { ...by, body: { type: "kv" } });
  await dataOf(first!, "kv/web", { ...by, body: { password: "kept" } });
  await dataOf(first!, "sys/step-down", { ...by, method: "PUT" });
  await first!.must(["systemctl", "stop", "vault"]);
  const active = await Promise.race(
    [second!, third!].map((host) => until(host, (status) => status === 200).then(() => host)),
  );
  expect(await dataOf(active, "kv/web", by)).toEqual({ password: "kept" });
  await first!.must(["systemctl", "start", "vault"]);
  expect(await until(first!, isOpen)).toBe(429);
});
