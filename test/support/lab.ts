/**
 * The lab: `examples/site` as it is, for hosts on the bridge. What a site says of its own machines — addresses, keys,
 * disks — stands in its pillar and its files, and is what is replaced here; its trees and profiles are not.
 */
import { cpSync, mkdirSync, writeFileSync } from "node:fs";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import type { RunReport, StateResult } from "@boma/states";

import { FSID, LAB_CONF } from "./ceph.ts";
import type { Fleet } from "./fleet.ts";
import type { Host } from "./host.ts";
import { REPOSITORY } from "./host.ts";
import { ACCESS, CEPH, type Layer } from "./hosts/layer.ts";
import { mustRun } from "./hosts/program.ts";
import type { InfraRepo } from "./infra/repo.ts";

/** What takes minutes to install; the rest is installed by the profile itself. */
export const LAB: Layer = { name: "lab", packages: [...CEPH.packages, ...ACCESS.packages] };

export const SERVER = "lab-boot-1";
export const DEV = "lab-aspen-1";
export const PROD = "lab-aspen-2";
export const NAMES = [SERVER, DEV, PROD];
export const HOLDERS = ["anna", "bert", "carl"];

const NETWORK = "10.66.0.0/24";
/** The master's, and that of whoever administers from its machine. */
const CONTROL = "10.66.0.1";
const OSD_BYTES = 4 * 1024 ** 3;

export interface LabParts {
  readonly fleet: Fleet;
  readonly repo: InfraRepo;
  readonly hosts: Readonly<Record<string, Host>>;
  /** By name, the PGP keys of those who open Vault. */
  readonly holders: Readonly<Record<string, string>>;
}

/** What changes while the lab is on. */
export interface Knobs {
  /** Vault was opened, and its token is known. */
  readonly configured?: boolean;
}

const siteDir = (fleet: Fleet): string => join(fleet.home, "site");
/** Who has signed Vault's certificate. */
export const authorityOf = (fleet: Fleet): string => join(siteDir(fleet), "files/ca.pem");
const secretFile = (fleet: Fleet, name: string): string => join(fleet.home, "secrets", name);

export function giveSecret(fleet: Fleet, name: string, text: string): void {
  mkdirSync(join(fleet.home, "secrets"), { recursive: true, mode: 0o700 });
  writeFileSync(secretFile(fleet, name), text, { mode: 0o600 });
}

/** The example with the lab's own keys in the place of those that open nothing. */
export async function layOut({ fleet, repo, hosts, holders }: LabParts): Promise<void> {
  const site = siteDir(fleet);
  cpSync(join(REPOSITORY, "examples/site"), site, { recursive: true });
  const file = (name: string, text: string): void => writeFileSync(join(site, "files", name), text);
  file("archive.asc", repo.key);
  for (const [name, key] of Object.entries(holders)) file(`holders/${name}.asc`, key);
  const { ca, certificate, privateKey } = await certificateFor(hosts[SERVER]!.address);
  file("ca.pem", ca);
  file("vault.pem", certificate);
  giveSecret(fleet, "vault-key", privateKey);
  const admin = await sshKey();
  writeFileSync(join(site, "pillar/admin.yaml"), `admin: { key: ${JSON.stringify(admin)} }\n`);
  writeFileSync(
    join(site, "pillar/top.ts"),
    'import { pillarTop } from "@boma/states";\nexport default pillarTop({ "*": ["common", "admin", "lab"] });\n',
  );
}

/** The lab's pillar: one cluster, with a machine of each environment. */
export function declare({ fleet, repo, hosts }: LabParts, { configured = false }: Knobs = {}): void {
  const secret = (name: string): string => `secret(${JSON.stringify(`file:${secretFile(fleet, name)}`)})`;
  const addressOf = (name: string): string => hosts[name]!.address;
  const labOsds = [{ name: "0", bytes: OSD_BYTES }];
  const pillar = {
    cluster: "lab",
    servers: { [SERVER]: addressOf(SERVER) },
    admin: { from: [NETWORK], mustFrom: CONTROL },
    archive: { uri: repo.uri, suite: repo.suite, fingerprints: [repo.fingerprint] },
    // Nobody here knows what time it is, or may set a clock.
    time: { pools: [], localStratum: 8, setClock: false },
    lan: { network: NETWORK },
    ceph: {
      fsid: FSID,
      size: 3,
      forms: true,
      conf: JSON.parse(LAB_CONF(NAMES.length)) as object,
      nodes: Object.fromEntries(NAMES.map((name) => [name, { address: addressOf(name), labOsds }])),
      mount: "/srv/shared",
      via: "fuse",
    },
    nomad: { options: { "fingerprint.denylist": "env_aws,env_gce,env_azure,env_digitalocean" } },
    canary: { env: "dev" },
  };
  writeFileSync(
    join(siteDir(fleet), "pillar/lab.ts"),
    `import { secret } from "@boma/states";
export default {
  ...${JSON.stringify(pillar)},
  vault: { server: "${SERVER}", storage: "file", privateKey: ${secret("vault-key")}${configured ? `, token: ${secret("vault-token")}` : ""} },
};
`,
  );
}

async function sshKey(): Promise<string> {
  const home = await mkdtemp(join(tmpdir(), "boma-lab-"));
  try {
    await mustRun([
      "ssh-keygen",
      "-q",
      "-t",
      "ed25519",
      "-N",
      "",
      "-C",
      "cowboy@lab",
      "-f",
      join(home, "key"),
    ]);
    return (await readFile(join(home, "key.pub"), "utf8")).trim();
  } finally {
    await rm(home, { recursive: true });
  }
}

async function certificateFor(address: string) {
  const home = await mkdtemp(join(tmpdir(), "boma-lab-"));
  const at = (name: string): string => join(home, name);
  const made = (...words: readonly string[]) =>
    mustRun([
      ..."openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2".split(" "),
      ...words,
    ]);
  try {
    await made("-subj", "/CN=lab", "-keyout", at("ca-key.pem"), "-out", at("ca.pem"));
    await made(
      ..."-subj /CN=vault -addext basicConstraints=critical,CA:FALSE -addext".split(" "),
      `subjectAltName=IP:${address},IP:127.0.0.1`,
      "-CA",
      at("ca.pem"),
      "-CAkey",
      at("ca-key.pem"),
      "-keyout",
      at("key.pem"),
      "-out",
      at("cert.pem"),
    );
    const read = (name: string) => readFile(at(name), "utf8");
    return {
      ca: await read("ca.pem"),
      certificate: await read("cert.pem"),
      privateKey: await read("key.pem"),
    };
  } finally {
    await rm(home, { recursive: true });
  }
}

/** What came of the declarations that are not as they should be, each in a line. */
export const linesOf = ({ results }: RunReport, fits: (one: StateResult) => boolean): readonly string[] =>
  results.filter(fits).map((one) => `${one.id}: ${one.result}: ${one.error?.message ?? one.comment}`);
