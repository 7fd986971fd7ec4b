/** What a node keeps of one workspace: plans and former states, sealed to its own key, and which plans were begun. */
import { createHash } from "node:crypto";
import { mkdir, open, readdir, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";

import { BomaError, openSealed, type SealingKey, sealTo } from "@boma/protocol";

import { hasCode, messageOf, readIfThere, syncDirectory, writeAtomic } from "../files.ts";
import { processIdentity } from "../lock.ts";

const DAY_MS = 86_400_000;
const PLANS_MS_MAX = 7 * DAY_MS;
/** Longer than any plan lives that it could belong to. */
const MARKS_MS_MAX = 90 * DAY_MS;
const BACKUPS_MAX = 30;
/** Where nobody has looked yet, all is taken to be in order. */
export const NOTHING_FOUND = "";
/** What Terraform calls it. */
const ERRORED = "errored.tfstate";

export interface StoreOptions {
  /** `<agent>/terraform/<workspace>`. */
  readonly dir: string;
  readonly durable: boolean;
  readonly sealKey: () => SealingKey;
}

interface Running {
  readonly job: string;
  readonly what: string;
  readonly pid: number;
  readonly start: string;
  readonly boot: string;
}

export interface Backup {
  readonly backup: string;
  readonly at: number;
  readonly serial: number;
  readonly bytes: number;
}

export class WorkspaceStore {
  readonly dir: string;
  readonly #durable: boolean;
  readonly #sealKey: () => SealingKey;

  constructor({ dir, durable, sealKey }: StoreOptions) {
    this.dir = dir;
    this.#durable = durable;
    this.#sealKey = sealKey;
  }

  /** Made anew for each job: nothing of another one is in it. */
  get work(): string {
    return join(this.dir, "work");
  }
  get state(): string {
    return join(this.dir, "state");
  }
  get plugins(): string {
    return join(this.dir, "plugins");
  }
  get log(): string {
    return join(this.dir, "output.log");
  }
  get #running(): string {
    return join(this.dir, "running.json");
  }

  async open(): Promise<void> {
    await mkdir(this.dir, { recursive: true, mode: 0o700 });
    for (const dir of [this.state, this.plugins, this.#plans, this.#backups])
      await mkdir(dir, { recursive: true, mode: 0o700 });
  }

  /** What held secrets in the clear while a program ran, and whatever else a killed agent left. */
  async sweep(): Promise<void> {
    await this.rescue(Date.now());
    await rm(this.work, { recursive: true, force: true });
    await rm(this.log, { force: true });
  }

  /** A state that the program could not give to its backend lies in its directory. Without it nobody knows what was made. */
  async rescue(now: number): Promise<string | undefined> {
    let rescued: string | undefined;
    for (const name of await namesIn(this.work)) {
      const path = join(this.work, name, ERRORED);
      const text = (await readIfThere(path).catch(() => undefined))?.toString();
      if (text === undefined) continue;
      try {
        rescued = await this.keepState(text, serialIn(text), now);
      } catch {
        // There may be no room for another copy; for another name there is.
        rescued = join(this.dir, `${now}-${ERRORED}`);
        await rename(path, rescued);
      }
    }
    return rescued;
  }

  /** A program of an agent that was killed may still be at it. */
  async orphan(): Promise<Running | undefined> {
    const text = (await readIfThere(this.#running))?.toString();
    if (text === undefined) return undefined;
    const running = runningIn(text);
    const now = running && (await processIdentity(running.pid));
    return now && now.start === running.start && now.boot === running.boot ? running : undefined;
  }

  async began(job: string, what: string, pid: number): Promise<void> {
    const identity = await processIdentity(pid);
    // It may have ended by now.
    if (!identity) return;
    const running: Running = { job, what, pid, ...identity };
    await writeAtomic(this.#running, JSON.stringify(running), { durable: false });
  }

  ended(): Promise<void> {
    return rm(this.#running, { force: true });
  }

  async keepPlan(plan: string, bytes: Uint8Array): Promise<string> {
    await this.#forgetOld();
    await this.#seal(this.#planPath(plan), bytes);
    return sha256(bytes);
  }

  /** The plan's file, if it is the one with this digest. */
  async plan(plan: string, digest: string): Promise<Uint8Array> {
    const bytes = await this.#open(this.#planPath(plan), `the plan ${plan}`);
    if (sha256(bytes) === digest) return bytes;
    throw new BomaError("terraform/gone", `the plan ${plan} on this node is not the one that was approved`);
  }

  async discard(plan: string): Promise<boolean> {
    const path = this.#planPath(plan);
    const was = (await readIfThere(path)) !== undefined;
    await rm(path, { force: true });
    return was;
  }

  /** Notes what a look found, and says whether the one before it found something else. */
  async isNews(found: string): Promise<boolean> {
    const path = join(this.dir, "drift");
    const before = (await readIfThere(path))?.toString() ?? NOTHING_FOUND;
    if (before === found) return false;
    await writeAtomic(path, found, { durable: this.#durable });
    return true;
  }

  async assertUnused(plan: string): Promise<void> {
    const mark = await readIfThere(this.#markPath(plan));
    if (mark !== undefined) throw usedError(plan, mark.toString());
  }

  /** From here on this plan is never begun again, whatever becomes of this process or this machine. */
  async use(plan: string, job: string): Promise<void> {
    try {
      const file = await open(this.#markPath(plan), "wx", 0o600);
      try {
        await file.writeFile(job);
        if (this.#durable) await file.sync();
      } finally {
        await file.close();
      }
    } catch (thrown) {
      if (hasCode(thrown, "EEXIST")) throw usedError(plan, "another job");
      throw thrown;
    }
    if (this.#durable) await syncDirectory(this.#plans);
  }

  async keepState(text: string, serial: number, now: number): Promise<string> {
    const name = `${now}-${serial}`;
    await this.#seal(join(this.#backups, `${name}.sealed`), Buffer.from(text));
    for (const { backup } of (await this.backups()).slice(BACKUPS_MAX))
      await rm(join(this.#backups, `${backup}.sealed`), { force: true });
    return name;
  }

  async backup(name: string): Promise<string> {
    const bytes = await this.#open(join(this.#backups, `${name}.sealed`), `the state ${name}`);
    return Buffer.from(bytes).toString("utf8");
  }

  /** The newest first. */
  async backups(): Promise<Backup[]> {
    const found: Backup[] = [];
    for (const file of await namesIn(this.#backups)) {
      const [, at, serial] = /^(\d+)-(\d+)\.sealed$/.exec(file) ?? [];
      if (at === undefined) continue;
      const { size } = await stat(join(this.#backups, file));
      found.push({ backup: `${at}-${serial}`, at: Number(at), serial: Number(serial), bytes: size });
    }
    return found.sort((a, b) => b.at - a.at);
  }

  get #plans(): string {
    return join(this.dir, "plans");
  }
  get #backups(): string {
    return join(this.dir, "backups");
  }
  #planPath = (plan: string): string => join(this.#plans, `${plan}.sealed`);
  #markPath = (plan: string): string => join(this.#plans, `${plan}.used`);

  async #seal(path: string, bytes: Uint8Array): Promise<void> {
    try {
      await writeAtomic(path, sealTo(this.#sealKey().publicKey, bytes), { durable: this.#durable });
    } catch (cause) {
      throw new BomaError("terraform/failed", `${path} cannot be kept: ${messageOf(cause)}`, {
        cause,
        hint: "Look at the disk that holds the agent's home: it may be full. Nothing was applied.",
      });
    }
  }

  async #open(path: string, what: string): Promise<Uint8Array> {
    const sealed = await readIfThere(path);
    if (!sealed) throw new BomaError("terraform/gone", `${what} is not on this node`);
    try {
      return openSealed(sealed, this.#sealKey());
    } catch (cause) {
      throw new BomaError("terraform/gone", `${what} does not open: this node has other keys than then`, {
        cause,
      });
    }
  }

  async #forgetOld(): Promise<void> {
    const now = Date.now();
    for (const file of await namesIn(this.#plans)) {
      const path = join(this.#plans, file);
      const age = now - (await stat(path)).mtimeMs;
      if (age > (file.endsWith(".used") ? MARKS_MS_MAX : PLANS_MS_MAX)) await rm(path, { force: true });
    }
  }
}

const usedError = (plan: string, job: string): BomaError =>
  new BomaError("terraform/used", `the plan ${plan} was begun before, by job ${job.slice(0, 64)}`);

const sha256 = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");

async function namesIn(dir: string): Promise<string[]> {
  try {
    return await readdir(dir);
  } catch (thrown) {
    if (hasCode(thrown, "ENOENT")) return [];
    throw thrown;
  }
}

function serialIn(text: string): number {
  try {
    const { serial } = JSON.parse(text) as { serial?: unknown };
    return typeof serial === "number" && Number.isSafeInteger(serial) && serial >= 0 ? serial : 0;
  } catch {
    return 0;
  }
}

function runningIn(text: string): Running | undefined {
  try {
    const value = JSON.parse(text) as Partial<Running>;
    return typeof value.pid === "number" ? (value as Running) : undefined;
  } catch {
    return undefined;
  }
}
