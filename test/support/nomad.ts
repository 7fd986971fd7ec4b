/** A cluster of Nomad for tests: a server and two clients, declared by one tree with what the tests turn. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import type { RunReport } from "@boma/states";

import { Authority } from "./cluster-certificates.ts";
import { Fleet } from "./fleet.ts";
import { type Host, onBridge, startHost } from "./host.ts";
import { infraRepo, type InfraRepo } from "./infra/repo.ts";
import { run } from "./run.ts";

export const SERVER = "n1";
export const DEV = "dev1";
export const PROD = "prod1";
export const NAMES = [SERVER, DEV, PROD];
export const UP_MS_MAX = 5 * 60_000;
export const TLS = "/etc/nomad-tls";
export const READER = "/etc/nomad-reader";

export interface Knobs {
  readonly log: "info" | "debug";
  readonly pool: string;
  readonly reservedPorts: string;
  /** Where the certificates of `dev1` are; the others stay with theirs. */
  readonly tls: string;
  /** Which environment the job asks for; nothing: whichever. */
  readonly env: string;
  /** The program that the job runs, and its arguments. */
  readonly runs: readonly string[];
  /** How long it may take to end. */
  readonly killTimeoutMs: number;
  /** What became of the job. */
  readonly job: "wanted" | "stopped" | "purged";
  readonly within: string;
  readonly revert: boolean;
}

const FIRST: Knobs = {
  log: "info",
  pool: "default",
  reservedPorts: "22",
  tls: TLS,
  env: "dev",
  runs: ["/bin/sleep", "90001"],
  killTimeoutMs: 5000,
  job: "wanted",
  within: "90s",
  revert: false,
};

const siteOf = (repo: InfraRepo, addresses: Readonly<Record<string, string>>, knobs: Knobs): string => `
import { apt, nomad, nomadKit, secret, top, tree } from "@boma/states";
const addresses = ${JSON.stringify(addresses)};
const knobs = ${JSON.stringify(knobs)};
const management = secret("gen:nomad/management?enc=uuid");
const SERVER = "${SERVER}";
const ofJob = (first) => {
  const at = { token: management, require: first };
  if (knobs.job !== "wanted") return nomad.jobStopped("sleeper", { ...at, purge: knobs.job === "purged" });
  return nomad.job("sleeper", {
    ...at,
    within: knobs.within,
    spec: {
      Datacenters: ["*"],
      NodePool: "all",
      ...(knobs.env && { Constraints: [{ LTarget: "\${meta.env}", RTarget: knobs.env, Operand: "=" }] }),
      Update: { MinHealthyTime: 1e9, HealthyDeadline: 15e9, ProgressDeadline: 20e9, AutoRevert: knobs.revert },
      TaskGroups: [{
        Name: "g",
        Volumes: { data: { Name: "data", Type: "host", Source: "data" } },
        RestartPolicy: { Attempts: 0, Mode: "fail" },
        Tasks: [{
          Name: "t",
          Driver: "raw_exec",
          KillTimeout: knobs.killTimeoutMs * 1e6,
          Config: { command: knobs.runs[0], args: knobs.runs.slice(1) },
          Resources: { CPU: 50, MemoryMB: 32 },
        }],
      }],
    },
  });
};
const base = tree(({ node: { id } }) => {
  const isServer = id === SERVER;
  const archive = apt.repo("infra", {
    uris: [${JSON.stringify(repo.uri)}],
    suites: [${JSON.stringify(repo.suite)}],
    components: [${JSON.stringify(repo.component)}],
    key: ${JSON.stringify(repo.key)},
    fingerprints: [${JSON.stringify(repo.fingerprint)}],
  });
  const tls = id === "${DEV}" ? knobs.tls : "${TLS}";
  const kit = nomadKit({
    node: id,
    require: archive,
    agent: {
      bind: addresses[id],
      servers: [addresses[SERVER]],
      acl: true,
      operatorToken: management,
      ...(isServer
        ? { mode: "server", bootstrapExpect: 1, gossipKey: secret("gen:nomad/gossip") }
        : {
            mode: "client",
            meta: { env: id === "${DEV}" ? "dev" : "prod" },
            hostVolumes: { data: { path: "/srv/data", mode: "0750" } },
            plugins: { rawExec: true },
            reserved: { ports: knobs.reservedPorts },
            options: { "fingerprint.denylist": "env_aws,env_gce,env_azure,env_digitalocean" },
            ...(id === "${DEV}" && { nodePool: knobs.pool }),
          }),
    },
    settings: {
      logLevel: knobs.log,
      tls: { caFile: tls + "/ca.pem", certFile: tls + "/agent.pem", keyFile: tls + "/agent-key.pem" },
    },
    gate: { within: "90s", drained: true, ...(isServer ? { servers: 1 } : { drivers: ["raw_exec"] }) },
  });
  if (!isServer) return [archive, kit];
  const first = nomad.aclBootstrap("global", { token: management, require: kit.at(-1) });
  const policy = nomad.aclPolicy("readers", {
    token: management, require: first, rules: { namespace: { default: { policy: "read" } } },
  });
  const reader = nomad.aclToken("${READER}", { name: "reader", policies: ["readers"], token: management, require: policy });
  return [archive, kit, first, policy, reader, ofJob(first)];
});
export default top({ "*": [base] });
`;

export type Applied = Readonly<Record<string, RunReport>>;

/** What each declaration came to that is not as it should be, by node. */
export const changed = (applied: Applied) =>
  Object.fromEntries(
    Object.entries(applied).map(([id, { results }]) => [
      id,
      results
        .filter(({ result }) => result !== "ok")
        .map((one) => `${one.id}: ${one.error?.message ?? one.comment}`),
    ]),
  );

export const errors = (applied: Applied) =>
  Object.values(applied).flatMap(({ results }) =>
    results.flatMap(({ id, error }) => (error ? [`${id}: ${error.code} ${error.message}`] : [])),
  );

export const clean = Object.fromEntries(NAMES.map((name) => [name, []]));

export interface Status {
  readonly client?: {
    readonly takesJobs: boolean;
    readonly draining: boolean;
    readonly allocations: readonly { id: string; job: string; status: string }[];
  };
  readonly drained?: { readonly reason: string };
}

/** The hosts, their master, and what it declares of them. */
export class Cluster implements AsyncDisposable {
  readonly hosts: Readonly<Record<string, Host>>;
  readonly fleet: Fleet;
  readonly #repo: InfraRepo;
  readonly #authority: Authority;
  knobs: Knobs = FIRST;

  private constructor(parts: {
    readonly hosts: Readonly<Record<string, Host>>;
    readonly repo: InfraRepo;
    readonly fleet: Fleet;
    readonly authority: Authority;
  }) {
    this.hosts = parts.hosts;
    this.#repo = parts.repo;
    this.fleet = parts.fleet;
    this.#authority = parts.authority;
  }

  static async start(): Promise<Cluster> {
    const hosts: Record<string, Host> = {};
    for (const name of NAMES) hosts[name] = await startHost({ name });
    const repo = await infraRepo(["nomad"]);
    const fleet = await Fleet.start(await onBridge());
    const authority = await Authority.open("ours");
    const cluster = new Cluster({ hosts, repo, fleet, authority });
    for (const host of Object.values(hosts)) await host.enrol(fleet);
    for (const name of NAMES) await cluster.certify(TLS, name);
    cluster.declare();
    return cluster;
  }

  /** A certificate for what agents say to each other. */
  async certify(directory: string, name: string): Promise<void> {
    const as = name === SERVER ? "server.global.nomad" : "client.global.nomad";
    await this.#authority.give(this.hosts[name]!, { name: as, directory, group: "root" });
  }

  declare(change: Partial<Knobs> = {}): void {
    this.knobs = { ...this.knobs, ...change };
    const addresses = Object.fromEntries(NAMES.map((name) => [name, this.hosts[name]!.address]));
    mkdirSync(join(this.fleet.home, "site"), { recursive: true });
    writeFileSync(join(this.fleet.home, "site/top.ts"), siteOf(this.#repo, addresses, this.knobs));
  }

  async #reports(target: string, ...words: readonly string[]): Promise<Applied> {
    const { value } = await run(this.fleet, target, ...words);
    if (!("nodes" in value)) throw new Error(`${words[0]} was not begun: ${JSON.stringify(value)}`);
    return Object.fromEntries(
      Object.entries(value.nodes).map(([id, end]) => {
        if (!end.return) throw new Error(`${words[0]} on ${id}: ${JSON.stringify(end)}`);
        return [id, end.return as RunReport];
      }),
    );
  }

  apply(target: string): Promise<Applied> {
    return this.#reports(target, "state.apply");
  }

  /** Does the restart that a node owes. */
  maintain(name: string): Promise<Applied> {
    return this.#reports(name, "maintenance.run", "nomad/global", "reason=it is a test", "unsafe=true");
  }

  async ask<T>(name: string, called: string, ...args: readonly string[]): Promise<T> {
    const { value } = await run(this.fleet, name, called, ...args);
    const end = value.nodes[name]!;
    if (end.error) throw new Error(`${called} on ${name}: ${JSON.stringify(end.error)}`);
    return end.return as T;
  }

  status(name: string): Promise<Status> {
    return this.ask<Status>(name, "nomad.status");
  }

  /** The allocations of the job on a node, and the processes that they are. */
  async running(name: string): Promise<{ readonly allocs: readonly string[]; readonly pids: string }> {
    const { client } = await this.status(name);
    const allocs = client!.allocations.filter(({ status }) => status === "running").map(({ id }) => id);
    const pattern = `^${this.knobs.runs.join(" ").replaceAll(/[^\w /]/g, ".")}$`;
    const { stdout } = await this.hosts[name]!.run(["pgrep", "--full", "--", pattern]);
    return { allocs, pids: stdout.trim() };
  }

  /** Until the job runs on a node, so often: looks again and again. */
  async runsOn(name: string, times: number): Promise<void> {
    for (let tries = 0; tries < 200; tries++) if ((await this.running(name)).allocs.length === times) return;
    throw new Error(`the job did not come to run ${times} times on ${name}`);
  }

  async mainPid(name: string): Promise<string> {
    const words = ["systemctl", "show", "--value", "--property=MainPID", "nomad"];
    return (await this.hosts[name]!.must(words)).trim();
  }

  /** Nomad's own program on a node, as whoever has the token in a file of it. */
  nomad(name: string, tokenFile: string, ...words: readonly string[]) {
    const script = 'NOMAD_TOKEN=$(cat "$1"); export NOMAD_TOKEN; shift; exec nomad "$@"';
    return this.hosts[name]!.run(["sh", "-c", script, "sh", tokenFile, ...words]);
  }

  /** The same as the one who may do everything; the token is not in the command line. */
  async manage(name: string, ...words: readonly string[]) {
    const kept = await this.hosts[name]!.read("/etc/nomad.d/boma-operator.json");
    const { token } = JSON.parse(kept) as { readonly token: string };
    const script = 'NOMAD_TOKEN=$(cat); export NOMAD_TOKEN; exec nomad "$@" < /dev/null';
    return this.hosts[name]!.run(["sh", "-c", script, "sh", ...words], { stdin: token });
  }

  /** Its own agent, not Nomad's, dies at once and comes back. */
  async restartBoma(name: string): Promise<void> {
    const host = this.hosts[name]!;
    const started = this.fleet.event("node.started", ({ id, data }) => id === name && data["start"] === 2);
    await host.must(["systemctl", "kill", "--kill-whom=all", "--signal=KILL", "boma-agent"]);
    await host.must(["systemctl", "reset-failed", "boma-agent"]).catch(() => undefined);
    await host.serviceAgent("boma-agent", ["run", "--id", name]);
    await started;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.fleet[Symbol.asyncDispose]();
    await this.#authority[Symbol.asyncDispose]();
    await this.#repo[Symbol.asyncDispose]();
    for (const host of Object.values(this.hosts)) await host[Symbol.asyncDispose]();
  }
}
