/**
 * A signed archive of the programs for hosts on the bridge, as their makers serve theirs: `await using repo = await
 * infraRepo()`, after a first host. Whoever makes it holds its key, so that it can go wrong as well.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { readFileSync, statSync } from "node:fs";
import { link, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

import { BRIDGE_ADDRESS, sharedNetwork } from "../hosts/network.ts";
import { keepWithUs, mustRun } from "../hosts/program.ts";
import { readRecipe } from "../hosts/recipe.ts";
import { architecture, type Deb, ensureDeb } from "./deb.ts";
import { PROGRAM_NAMES, type ProgramName } from "./programs.ts";

const SERVE = fileURLToPath(new URL("serve.ts", import.meta.url));
const COMPONENT = "main";

const sha256 = (content: Buffer | string): string => createHash("sha256").update(content).digest("hex");

/** The packages as they are first published. Whoever lacks one builds it: `node scripts/ensure-infra.ts` does that ahead. */
export async function infraPrograms(): Promise<Readonly<Record<ProgramName, Deb>>> {
  const debs: [ProgramName, Deb][] = [];
  for (const name of PROGRAM_NAMES) debs.push([name, await ensureDeb(name)]);
  return Object.fromEntries(debs) as Record<ProgramName, Deb>;
}

/** A key of its own, in a home of its own: nothing of it is known to anybody's gpg. */
class Signer {
  readonly #home: string;
  readonly key: string;
  readonly fingerprint: string;

  private constructor(home: string, key: string, fingerprint: string) {
    this.#home = home;
    this.key = key;
    this.fingerprint = fingerprint;
  }

  static async make(home: string): Promise<Signer> {
    await mkdir(home, { mode: 0o700 });
    const env = { GNUPGHOME: home };
    const gpg = (...words: readonly string[]) => mustRun(["gpg", "--batch", "--quiet", ...words], { env });
    await gpg("--passphrase", "", "--quick-gen-key", "archive@boma.invalid", "ed25519", "sign", "never");
    const listed = await gpg("--with-colons", "--fingerprint");
    const fingerprint = /^fpr:+([0-9A-F]{40}):/m.exec(listed)![1]!;
    return new Signer(home, await gpg("--armor", "--export"), fingerprint);
  }

  sign(text: string): Promise<string> {
    const env = { GNUPGHOME: this.#home };
    return mustRun(["gpg", "--batch", "--quiet", "--clearsign"], { env, stdin: text });
  }

  async end(): Promise<void> {
    await mustRun(["gpgconf", "--kill", "gpg-agent"], { env: { GNUPGHOME: this.#home } });
  }
}

/** One server of files in the hosts' network, on a port of its own choice. */
async function serve(dir: string): Promise<{ readonly server: ChildProcess; readonly port: number }> {
  const { space } = await sharedNetwork();
  const argv = [
    "nsenter",
    `--net=/proc/${space.pid}/ns/net`,
    "--",
    process.execPath,
    SERVE,
    dir,
    BRIDGE_ADDRESS,
  ];
  const server = spawn(argv[0]!, argv.slice(1), { stdio: ["pipe", "pipe", "inherit"] });
  keepWithUs(server);
  const ended = once(server, "close").then(() => Promise.reject(new Error("the archive is not served")));
  ended.catch(() => undefined);
  const [port] = await Promise.race([once(createInterface({ input: server.stdout }), "line"), ended]);
  return { server, port: Number(port) };
}

export class InfraRepo implements AsyncDisposable {
  /** What a source's `URIs` says. */
  readonly uri: string;
  readonly suite: string;
  readonly component = COMPONENT;
  /** The public key, armoured. */
  readonly key: string;
  readonly fingerprint: string;
  /** What is served, for a test that wants it to be something else. */
  readonly files: string;
  readonly #signer: Signer;
  readonly #debs: Deb[] = [];
  /** What goes with it. */
  #made = new AsyncDisposableStack();

  private constructor(files: string, signer: Signer, port: number) {
    this.files = files;
    this.#signer = signer;
    this.suite = readRecipe().codename;
    this.uri = `http://${BRIDGE_ADDRESS}:${port}`;
    this.key = signer.key;
    this.fingerprint = signer.fingerprint;
  }

  static async open(names: readonly ProgramName[]): Promise<InfraRepo> {
    const debs: Deb[] = [];
    for (const name of names) debs.push(await ensureDeb(name));
    const dir = await mkdtemp(join(tmpdir(), "boma-infra-"));
    await using made = new AsyncDisposableStack();
    made.defer(() => rm(dir, { recursive: true }));
    const files = join(dir, "files");
    await mkdir(files);
    const signer = await Signer.make(join(dir, "gnupg"));
    made.defer(() => signer.end());
    const served = await serve(files);
    made.defer(() => stop(served.server));
    const repo = new InfraRepo(files, signer, served.port);
    await repo.publish(debs);
    repo.#made = made.move();
    return repo;
  }

  /** A further release of the same program: to a host, an upgrade. */
  async release(name: ProgramName, release: number): Promise<Deb> {
    const deb = await ensureDeb(name, release);
    await this.publish([deb]);
    return deb;
  }

  /** Beside what is there. */
  async publish(debs: readonly Deb[]): Promise<void> {
    const pool = join(this.files, "pool");
    await mkdir(pool, { recursive: true });
    for (const { path } of debs) await copy(path, join(pool, basename(path)));
    this.#debs.push(...debs);
    const index = `${COMPONENT}/binary-${architecture()}/Packages`;
    const suite = join(this.files, "dists", this.suite);
    await mkdir(join(suite, index, ".."), { recursive: true });
    const entries: string[] = [];
    for (const deb of this.#debs) entries.push(await entryOf(deb));
    const packages = entries.join("\n");
    await writeFile(join(suite, index), packages);
    const release = this.#releaseOf(index, packages);
    await writeFile(join(suite, "Release"), release);
    await writeFile(join(suite, "InRelease"), await this.#signer.sign(release));
  }

  #releaseOf(index: string, packages: string): string {
    const lines = [
      "Origin: boma tests",
      `Suite: ${this.suite}`,
      `Codename: ${this.suite}`,
      `Date: ${new Date().toUTCString().replace("GMT", "+0000")}`,
      `Architectures: ${architecture()}`,
      `Components: ${COMPONENT}`,
      "SHA256:",
      ` ${sha256(packages)} ${Buffer.byteLength(packages)} ${index}`,
    ];
    return `${lines.join("\n")}\n`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#made.disposeAsync();
  }
}

async function stop(server: ChildProcess): Promise<void> {
  if (server.exitCode !== null || server.signalCode !== null) return;
  const closed = once(server, "close");
  server.kill("SIGKILL");
  await closed;
}

/** A link where it can be one: packages are large, and are read only. */
async function copy(from: string, to: string): Promise<void> {
  await rm(to, { force: true });
  await link(from, to).catch(() => mustRun(["cp", from, to]));
}

const entries = new Map<string, Promise<string>>();

/** What the index says of a package: the same each time, and reading all of it takes a while. */
function entryOf({ path }: Deb): Promise<string> {
  const known = entries.get(path);
  if (known) return known;
  const entry = mustRun(["dpkg-deb", "--field", path]).then((control) => {
    const lines = [
      control.trimEnd(),
      `Filename: pool/${basename(path)}`,
      `Size: ${statSync(path).size}`,
      `SHA256: ${sha256(readFileSync(path))}`,
    ];
    return `${lines.join("\n")}\n`;
  });
  entries.set(path, entry);
  return entry;
}

export const infraRepo = (names: readonly ProgramName[] = PROGRAM_NAMES): Promise<InfraRepo> =>
  InfraRepo.open(names);
