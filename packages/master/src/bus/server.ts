/**
 * The nats-server that `boma-master serve` brings along: started, watched and
 * stopped with the master. The server itself takes no lock on its store, and
 * two on one store lose acknowledged messages, so it runs under flock(1); and
 * it dies with the master, because setpriv(1) has the kernel see to that.
 */
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { watch } from "node:fs";
import { chmod, mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { join } from "node:path";
import { promisify } from "node:util";

import { BomaError } from "@boma/protocol";

import { renderServerConfig, type ServerSettings } from "./config.ts";
import { type NatsProgram, requireNatsServer } from "./program.ts";
import type { Certificate } from "./tls.ts";

const run = promisify(execFile);

export interface EmbeddedServerOptions extends Omit<ServerSettings, "name" | "tls" | "port"> {
  readonly name?: string;
  /** 0 has the system choose one, which is kept over restarts. */
  readonly port: number;
  readonly tls?: Certificate | undefined;
  readonly program?: NatsProgram | undefined;
  /** How long one that is on its way out may hold the directory, as after the end of the master that had started it. */
  readonly waitMs?: number;
  readonly onState?: (state: ServerState) => void;
}

export type ServerState =
  | { readonly state: "running"; readonly url: string; readonly pid: number }
  | { readonly state: "restarting"; readonly reason: string; readonly waitMs: number }
  | { readonly state: "stopped" };

/** What flock(1) is told to exit with when somebody else holds the lock. */
const LOCKED_EXIT = 75;
const READY_MS_MAX = 60_000;
const KNOCK_MS = 50;
const STOP_MS_MAX = 30_000;
/** One that is renewed stands still, perhaps: what it acknowledged it has written. */
const RENEW_MS_MAX = 5_000;
const BACKOFF_MS_MIN = 100;
const BACKOFF_MS_MAX = 30_000;
/** A server that ran for so long was well: the next failure begins anew. */
const STABLE_MS = 60_000;
const WORDS_LINES_MAX = 12;
const WORDS_BYTES_MAX = 16 * 1024;
const OLD_LOGS_KEPT = 2;

interface Running {
  readonly child: ChildProcess;
  readonly exited: Promise<string>;
  readonly port: number;
  readonly pid: number;
}

export class EmbeddedServer implements AsyncDisposable {
  readonly #options: EmbeddedServerOptions;
  readonly #program: NatsProgram;
  #port: number;
  #running: Running | undefined;
  #stopping = false;
  #hasRun = false;
  #wakened = Promise.withResolvers<void>();
  #waitMs = BACKOFF_MS_MIN;
  #supervision: Promise<void> = Promise.resolve();

  private constructor(options: EmbeddedServerOptions, program: NatsProgram) {
    this.#options = options;
    this.#program = program;
    this.#port = options.port;
  }

  /** Resolves when the server takes connections. */
  static async start(options: EmbeddedServerOptions): Promise<EmbeddedServer> {
    const server = new EmbeddedServer(options, options.program ?? (await requireNatsServer()));
    const running = await server.#launch();
    server.#supervision = server.#supervise(running);
    return server;
  }

  get url(): string {
    const host = this.#host;
    return `${this.#options.tls ? "tls" : "nats"}://${host.includes(":") ? `[${host}]` : host}:${this.#port}`;
  }

  /** Where it is found on this machine. */
  get #host(): string {
    const { host } = this.#options;
    return host === "0.0.0.0" ? "127.0.0.1" : host === "::" ? "::1" : host;
  }

  get port(): number {
    return this.#port;
  }

  get program(): NatsProgram {
    return this.#program;
  }

  /** Of the process that runs now; undefined between two of them. */
  get pid(): number | undefined {
    return this.#running?.pid;
  }

  /** Lets the server finish its writes; kills it if it takes too long. */
  async stop(): Promise<void> {
    this.#stopping = true;
    this.#wakened.resolve();
    if (this.#running) await end(this.#running);
    await this.#supervision;
  }

  /** Ends the process, and has another one come up at once: for one that is there and does not do its work any more. */
  async renew(): Promise<void> {
    this.#waitMs = BACKOFF_MS_MIN;
    this.#wakened.resolve();
    if (this.#running) await end(this.#running, RENEW_MS_MAX);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  #tell(state: ServerState): void {
    this.#options.onState?.(state);
  }

  async #launch(): Promise<Running> {
    const { dir } = this.#options;
    const launching = { port: this.#port || -1, program: this.#program };
    await prepare(dir, this.#options, launching).catch((cause: unknown) => {
      if (cause instanceof BomaError) throw cause;
      const why = cause instanceof Error ? cause.message : String(cause);
      throw new BomaError("bus/start", `the server's directory cannot be prepared: ${why}`, { cause });
    });
    const known = this.#hasRun ? { host: this.#host, port: this.#port } : undefined;
    const running = await launch(dir, this.#program, known);
    this.#hasRun = true;
    this.#running = running;
    this.#port = running.port;
    this.#tell({ state: "running", url: this.url, pid: running.pid });
    return running;
  }

  async #supervise(first: Running): Promise<void> {
    let running: Running | undefined = first;
    let startedAt = performance.now();
    let reason = "";
    for (;;) {
      if (running) {
        reason = await running.exited;
        this.#running = undefined;
        if (performance.now() - startedAt > STABLE_MS) this.#waitMs = BACKOFF_MS_MIN;
      }
      if (this.#stopping) break;
      this.#tell({ state: "restarting", reason, waitMs: this.#waitMs });
      await this.#pause(this.#waitMs);
      if (this.#stopping) break;
      this.#waitMs = Math.min(this.#waitMs * 2, BACKOFF_MS_MAX);
      startedAt = performance.now();
      running = await this.#launch().catch((error: unknown) => {
        reason = error instanceof Error ? error.message : String(error);
        return undefined;
      });
      // Whoever asked to stop while the server was starting found none to stop.
      if (running && this.#stopping) await end(running);
    }
    this.#tell({ state: "stopped" });
  }

  async #pause(ms: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, ms);
    await Promise.race([promise, this.#wakened.promise]);
    clearTimeout(timer);
    if (!this.#stopping) this.#wakened = Promise.withResolvers();
  }
}

async function end({ child, exited }: Running, graceMs = STOP_MS_MAX): Promise<void> {
  child.kill("SIGTERM");
  const timer = setTimeout(() => child.kill("SIGKILL"), graceMs);
  await exited;
  clearTimeout(timer);
}

interface Launch {
  readonly port: number;
  readonly program: NatsProgram;
}

async function prepare(dir: string, options: EmbeddedServerOptions, launch: Launch): Promise<void> {
  await mkdir(dir, { recursive: true, mode: 0o700 });
  await assertUnlocked(dir, options.waitMs ?? 0);
  const tls = options.tls && {
    certificateFile: join(dir, "server.pem"),
    keyFile: join(dir, "server.key"),
  };
  if (tls && options.tls) {
    await writeFile(tls.certificateFile, options.tls.certificate);
    await writePrivate(tls.keyFile, options.tls.privateKey);
  }
  const settings = { ...options, name: options.name ?? "boma", port: launch.port, tls };
  await writePrivate(join(dir, "server.conf"), renderServerConfig(settings, launch.program.version));
  await dropOldFiles(dir);
}

const lockedError = (dir: string) => new BomaError("home/locked", `another nats-server uses ${dir}`);

/** Before anything is written: the files may be those of a server that runs. The lock itself is taken by the server's process. */
async function assertUnlocked(dir: string, waitMs: number): Promise<void> {
  try {
    await run("flock", ["-w", String(waitMs / 1000), "-E", String(LOCKED_EXIT), join(dir, "lock"), "true"]);
  } catch (error) {
    if ((error as { readonly code?: unknown }).code === LOCKED_EXIT) throw lockedError(dir);
    throw error;
  }
}

async function writePrivate(path: string, text: string): Promise<void> {
  // On a full disk writing would leave an empty file behind.
  const isThere = (await readFile(path, "utf8").catch(() => undefined)) === text;
  if (!isThere) await writeFile(path, text, { mode: 0o600 });
  // The mode above is only used when the file is new.
  await chmod(path, 0o600);
}

// The server cuts its log by renaming, and 2.9 never removes what it renamed; a killed one leaves its ports file.
async function dropOldFiles(dir: string): Promise<void> {
  const names = await readdir(dir);
  const logs = names.filter((name) => name.startsWith("server.log.")).sort();
  const ports = names.filter((name) => name.endsWith(".ports"));
  for (const name of [...logs.slice(0, -OLD_LOGS_KEPT), ...ports]) await rm(join(dir, name), { force: true });
}

/** Starts the process and resolves when it listens: where it did before, or where it says. */
async function launch(dir: string, program: NatsProgram, known: Place | undefined): Promise<Running> {
  const child = spawn(
    "setpriv",
    ["--pdeathsig", "TERM", "flock", "--no-fork", "-n", "-E", String(LOCKED_EXIT), join(dir, "lock")].concat([
      program.path,
      "-c",
      join(dir, "server.conf"),
    ]),
    { stdio: ["ignore", "pipe", "pipe"] },
  );
  const said = collect(child);
  const exit = Promise.withResolvers<string>();
  let code: number | null = null;
  child.once("error", (error) => exit.resolve(`cannot be run: ${error.message}`));
  child.once("exit", (number, signal) => {
    code = number;
    exit.resolve(signal ? `was ended by ${signal}` : `ended with exit code ${number}`);
  });
  let ready: PortWatch | undefined;
  try {
    ready = known ? listensAt(known) : portOf(dir, child.pid);
    const late = AbortSignal.timeout(READY_MS_MAX);
    const port = await Promise.race([
      ready.port,
      exit.promise.then(async (how) => {
        if (code === LOCKED_EXIT) throw lockedError(dir);
        throw new BomaError("bus/start", `nats-server ${how}:\n${await lastWords(dir, said())}`);
      }),
      aborted(late),
    ]);
    return { child, exited: exit.promise, port, pid: child.pid! };
  } catch (error) {
    child.kill("SIGKILL");
    await exit.promise;
    throw error;
  } finally {
    ready?.close();
  }
}

const aborted = (signal: AbortSignal): Promise<never> =>
  new Promise((_, reject) => {
    const late = () => reject(new BomaError("bus/start", "nats-server took too long to start"));
    signal.addEventListener("abort", late, { once: true });
  });

/** What the process says before it has opened its log. */
function collect(child: ChildProcess): () => string {
  let text = "";
  const take = (chunk: string) => (text = (text + chunk).slice(-WORDS_BYTES_MAX));
  child.stdout?.setEncoding("utf8").on("data", take);
  child.stderr?.setEncoding("utf8").on("data", take);
  return () => text;
}

async function lastWords(dir: string, said: string): Promise<string> {
  const logged = await readFile(join(dir, "server.log"), "utf8").catch(() => "");
  const lines = (said.trim() || logged.slice(-WORDS_BYTES_MAX).trim()).split("\n");
  return lines.slice(-WORDS_LINES_MAX).join("\n");
}

interface Place {
  readonly host: string;
  readonly port: number;
}

interface PortWatch {
  readonly port: Promise<number>;
  readonly close: () => void;
}

/** On a full disk a server that comes back can write no file that says where it listens. */
function listensAt({ host, port }: Place): PortWatch {
  const found = Promise.withResolvers<number>();
  let timer: NodeJS.Timeout | undefined;
  let isOver = false;
  const knock = (): void => {
    const socket = connect({ host, port }, () => {
      found.resolve(port);
      socket.destroy();
    });
    socket.once("error", () => {
      if (!isOver) timer = setTimeout(knock, KNOCK_MS);
    });
  };
  const close = (): void => {
    isOver = true;
    clearTimeout(timer);
  };
  knock();
  return { port: found.promise, close };
}

/** The server writes the port it listens on into a file named after its process, once it is ready. */
function portOf(dir: string, pid: number | undefined): PortWatch {
  const found = Promise.withResolvers<number>();
  const look = async (): Promise<void> => {
    const port = await readPort(dir, pid);
    if (port !== undefined) found.resolve(port);
  };
  const watcher = watch(dir, () => void look());
  watcher.on("error", found.reject);
  // It may have been written before the watch began.
  void look();
  return { port: found.promise, close: () => watcher.close() };
}

async function readPort(dir: string, pid: number | undefined): Promise<number | undefined> {
  try {
    const name = (await readdir(dir)).find((file) => file.endsWith(`_${pid}.ports`));
    if (name === undefined) return undefined;
    const ports = JSON.parse(await readFile(join(dir, name), "utf8")) as {
      readonly nats?: readonly string[];
    };
    const url = ports.nats?.[0];
    return url === undefined ? undefined : Number(new URL(url).port);
  } catch {
    return undefined; // It is being written: the next change of the directory brings it whole.
  }
}
