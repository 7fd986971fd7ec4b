/** Terraform's commands in one prepared directory. What they say is masked before anybody hears it. */
import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";

import { BomaError, parseDuration } from "@boma/protocol";
import type { Mask, OutputLine, StatePlace, Workspace } from "@boma/states/core";
import { z } from "zod";

import { capture, type Captured, type ProgramWorld, tell } from "./program.ts";
import type { WorkspaceStore } from "./workspace-store.ts";

const SAID_LINES = 40;
/** A backend that does not answer must not hold the workspace for ever. */
const SHORT_MS_MAX = 5 * 60_000;
const LOCK_FILE = ".terraform.lock.hcl";

export interface ProgramPorts {
  readonly want: Workspace;
  readonly store: WorkspaceStore;
  readonly program: string;
  readonly mask: Mask;
  readonly job: string;
  readonly signal: AbortSignal;
  readonly line: (line: OutputLine) => void;
}

const State = z.object({ serial: z.int().min(0), lineage: z.string() });
const Outputs = z.record(z.string(), z.object({ sensitive: z.boolean().default(false), value: z.unknown() }));
const Validation = z.object({
  valid: z.boolean(),
  diagnostics: z
    .array(
      z.object({
        severity: z.string(),
        summary: z.string(),
        detail: z.string().optional(),
        range: z.object({ filename: z.string(), start: z.object({ line: z.int() }) }).optional(),
      }),
    )
    .default([]),
});

export interface Pulled extends StatePlace {
  /** Empty where there is no state yet. */
  readonly text: string;
}

export class TerraformProgram {
  readonly #ports: ProgramPorts;
  /** The last that it said, without what is secret. */
  #said: string[] = [];

  constructor(ports: ProgramPorts) {
    this.#ports = ports;
  }

  get dir(): string {
    const { want, store } = this.#ports;
    return join(store.work, want.name);
  }

  get said(): string {
    return this.#said.join("\n").trim();
  }

  /** A copy of the site's files with nothing else in it, and where the state is. */
  async layOut(): Promise<void> {
    const { want, store } = this.#ports;
    await store.sweep();
    await mkdir(this.dir, { recursive: true, mode: 0o700 });
    for (const { path, bytes } of want.files) {
      const file = join(store.work, path);
      await mkdir(dirname(file), { recursive: true, mode: 0o700 });
      await writeFile(file, bytes, { mode: 0o600, flag: "wx" });
    }
    const { type, config } = want.backend ?? {
      type: "local",
      config: { path: join(store.state, "terraform.tfstate") },
    };
    // One that the files declare as well is a duplicate, which Terraform itself refuses.
    const backend = { terraform: { backend: { [type]: config } } };
    await writeFile(join(this.dir, "boma_backend.tf.json"), JSON.stringify(backend), {
      mode: 0o600,
      flag: "wx",
    });
    await writeFile(join(store.work, "cli.tfrc"), cliConfig(want), { mode: 0o600, flag: "wx" });
  }

  /** `tofu 1.6.3`. */
  async version(): Promise<string> {
    const { want } = this.#ports;
    const { stdout } = await this.#captured("version", ["-json"]);
    const { terraform_version: version } = z
      .object({ terraform_version: z.string() })
      .parse(JSON.parse(stdout));
    if (want.version === undefined || want.version === version) return `${want.binary} ${version}`;
    throw new BomaError(
      "terraform/program",
      `${this.#ports.program} is version ${version}, and the workspace wants ${want.version}`,
    );
  }

  async init(): Promise<void> {
    const code = await this.#told("init", ["-lockfile=readonly"]);
    if (code === 0) return;
    const { want } = this.#ports;
    const hasLock = want.files.some(({ path }) => path === `${want.name}/${LOCK_FILE}`);
    const isAbout = /provider (packages|dependency|registry)/i.test(this.said);
    throw this.#failure("init", code, hasLock || !isAbout ? undefined : withoutLock(want));
  }

  async validate(): Promise<void> {
    const { stdout } = await this.#run("validate", ["-json", "-no-color"]);
    const read = Validation.safeParse(parsed(stdout));
    if (!read.success) throw new BomaError("terraform/failed", "what `validate` says cannot be read");
    if (read.data.valid) return;
    const faults = read.data.diagnostics
      .filter(({ severity }) => severity === "error")
      .map(({ summary, detail, range }) => {
        const place = range ? `${range.filename}:${range.start.line}: ` : "";
        return `${place}${summary}${detail ? `: ${detail}` : ""}`;
      });
    throw new BomaError(
      "terraform/failed",
      this.#ports.mask.text(`the files are not valid:\n${faults.join("\n")}`),
    );
  }

  /** Whether there is anything to do. */
  async plan(file: string, more: readonly string[]): Promise<boolean> {
    const code = await this.#told("plan", ["-detailed-exitcode", `-out=${file}`, ...this.#bounds(), ...more]);
    if (code === 0 || code === 2) return code === 2;
    throw this.#failure("plan", code);
  }

  async show(file: string): Promise<string> {
    return (await this.#captured("show", ["-json", "-no-color", file])).stdout;
  }

  /** Says with what it ended; it does not throw, for part of it may be done. */
  apply(file: string): Promise<number | null> {
    return this.#told("apply", [...this.#bounds(), file]);
  }

  /** The state as it is now, also after the job was told to end. */
  async pull(): Promise<Pulled> {
    const { stdout } = await this.#captured("state", ["pull"]);
    if (stdout.trim() === "") return { serial: 0, lineage: null, text: "" };
    const read = State.safeParse(parsed(stdout));
    if (read.success) return { ...read.data, text: stdout };
    throw new BomaError("terraform/failed", "the state cannot be read: it has no serial and no lineage");
  }

  async push(text: string): Promise<void> {
    const file = join(this.dir, "restored.tfstate");
    await writeFile(file, text, { mode: 0o600, flag: "wx" });
    await this.#captured("state", ["push", file]);
  }

  async outputs(): Promise<z.output<typeof Outputs>> {
    const read = Outputs.safeParse(parsed((await this.#captured("output", ["-json", "-no-color"])).stdout));
    if (read.success) return read.data;
    throw new BomaError("terraform/failed", "what `output` says cannot be read");
  }

  async unlock(lock: string): Promise<string> {
    const code = await this.#told("force-unlock", ["-force", lock], false);
    if (code === 0) return this.said;
    throw this.#failure("force-unlock", code);
  }

  #bounds(): readonly string[] {
    const { parallelism, lockTimeout } = this.#ports.want;
    const wait = `-lock-timeout=${parseDuration(lockTimeout)}ms`;
    return parallelism === undefined ? [wait] : [wait, `-parallelism=${parallelism}`];
  }

  #world(what: string, signal: AbortSignal): ProgramWorld {
    const { program, store, job } = this.#ports;
    const started = (pid: number): Promise<void> => store.began(job, what, pid);
    return { program, cwd: this.dir, env: this.#environment(), signal, started };
  }

  #environment(): Record<string, string> {
    const { want, store } = this.#ports;
    const vars = Object.entries(want.vars).map(([name, value]) => [`TF_VAR_${name}`, variableText(value)]);
    return {
      ...want.env,
      ...(Object.fromEntries(vars) as Record<string, string>),
      HOME: store.work,
      TF_IN_AUTOMATION: "1",
      TF_INPUT: "0",
      TF_CLI_CONFIG_FILE: join(store.work, "cli.tfrc"),
      TF_PLUGIN_CACHE_DIR: store.plugins,
      CHECKPOINT_DISABLE: "1",
    };
  }

  /** Its lines go to whoever follows the job. */
  async #told(command: string, args: readonly string[], input = true): Promise<number | null> {
    const { signal, store, mask } = this.#ports;
    this.#said = [];
    const line = ({ stream, text }: OutputLine): void => {
      const masked = mask.text(text);
      this.#said = [...this.#said, masked].slice(-SAID_LINES);
      this.#ports.line({ stream, text: masked });
    };
    const words = [command, ...(input ? ["-input=false"] : []), "-no-color"];
    const code = await tell(this.#world(command, signal), [...words, ...args], { log: store.log, line });
    if (command !== "apply") signal.throwIfAborted();
    return code;
  }

  /** These only look, or are short, and are done to the end: what they print may hold anything, and stays here. */
  #run(command: string, args: readonly string[]): Promise<Captured> {
    return capture(this.#world(command, AbortSignal.timeout(SHORT_MS_MAX)), [command, ...args]);
  }

  async #captured(command: string, args: readonly string[]): Promise<Captured> {
    const captured = await this.#run(command, args);
    if (captured.code === 0) return captured;
    this.#said = this.#ports.mask.text(captured.stderr).split("\n").slice(-SAID_LINES);
    throw this.#failure(`${command} ${args[0] ?? ""}`.trim(), captured.code);
  }

  #failure(command: string, code: number | null, hint?: string): BomaError {
    const { want } = this.#ports;
    const lock = lockIn(this.said);
    if (lock !== undefined)
      return new BomaError("terraform/busy", `the state is locked:\n${this.said}`, {
        hint: `If nobody is at it any more: boma-master terraform unlock ${want.name} ${lock}`,
      });
    const how = code === null ? "was killed" : `exited with ${code}`;
    return new BomaError("terraform/failed", `${want.binary} ${command} ${how}:\n${this.said}`, {
      ...(hint !== undefined && { hint }),
    });
  }
}

/** A text is meant as it stands; everything else as Terraform's own JSON. */
const variableText = (value: unknown): string => (typeof value === "string" ? value : JSON.stringify(value));

/** The paths are plain by their schema, so they need no quoting. */
const cliConfig = ({ pluginMirror }: Workspace): string =>
  [
    "disable_checkpoint = true",
    ...(pluginMirror === undefined
      ? []
      : ["provider_installation {", `  filesystem_mirror { path = "${pluginMirror}" }`, "}"]),
    "",
  ].join("\n");

const withoutLock = ({ name, binary }: Workspace): string =>
  `terraform/${name} has no ${LOCK_FILE}, which every provider that is not built in needs: run \`${binary} providers lock -platform=linux_amd64 -platform=linux_arm64\` there, and keep the file in the site.`;

/** Over HTTP the lock that is shown below is the one that could not be had; the one that is held is named before it. */
const lockIn = (said: string): string | undefined =>
  (/already locked:\s+ID=([\w-]+)/.exec(said) ?? /Lock Info:[\s\S]*?ID:\s+([\w-]+)/.exec(said))?.[1];

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
