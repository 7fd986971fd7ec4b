/** Builds a program once: from then on it lies in the cache, beside the hosts' root file system. */
import { createHash } from "node:crypto";
import { mkdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import { ensureBuilt } from "../hosts/cache.ts";
import { mustRun } from "../hosts/program.ts";
import { goMod, type Program } from "./programs.ts";

const BUILD_MS_MAX = 40 * 60_000;
const FORMAT = 1;
const PRUNE = fileURLToPath(new URL("prune/main.go", import.meta.url));

/** Other tests run meanwhile, and a test waits for seconds where a build waits for minutes. */
const GENTLE = ["nice", "-n", "19"];

const ENV = {
  GOFLAGS: "-mod=mod -trimpath -buildvcs=false -p=2",
  GOTOOLCHAIN: "local",
  GOWORK: "off",
};

export async function goVersion(): Promise<string> {
  try {
    return (await mustRun(["go", "env", "GOVERSION"], { env: ENV })).trim();
  } catch (cause) {
    throw new Error("there is no Go here that builds them: install one of 1.25 or later as `go`", { cause });
  }
}

/** Where the client keeps a module, which it fetches for that. */
async function dirOf(module: string, mod: string): Promise<string> {
  const words = ["go", "mod", "download", "-C", mod, "-json", module];
  const { Dir } = JSON.parse(await mustRun(words, { env: ENV, timeoutMs: BUILD_MS_MAX })) as {
    readonly Dir: string;
  };
  return Dir;
}

/** Modules that are not built as they come, and where the copy lies that is. */
class Copies {
  readonly #mod: string;
  readonly dirs: Record<string, string> = {};

  constructor(mod: string) {
    this.#mod = mod;
  }

  /** Of `MODULE` or `MODULE//FILE`. */
  async pathOf(place: string): Promise<string> {
    const [module = "", file = ""] = place.split("//");
    const known = this.dirs[module];
    if (known !== undefined) return join(this.#mod, known, file);
    const dir = `./copy${Object.keys(this.dirs).length}`;
    const from = await dirOf(module, this.#mod);
    await mustRun(["cp", "--recursive", "--no-preserve=mode", from, join(this.#mod, dir)], {
      timeoutMs: BUILD_MS_MAX,
    });
    this.dirs[module] = dir;
    return join(this.#mod, dir, file);
  }
}

async function prune({ without }: Program, copies: Copies): Promise<void> {
  const groups: string[][] = [];
  for (const [place, imports] of Object.entries(without))
    groups.push([await copies.pathOf(place), ...imports]);
  const words = groups.flatMap((group, at) => (at === 0 ? group : ["--", ...group]));
  const env = { ...ENV, GOFLAGS: "" };
  await mustRun([...GENTLE, "go", "run", PRUNE, ...words], { env, timeoutMs: BUILD_MS_MAX });
}

async function mend({ mended = {} }: Program, copies: Copies): Promise<void> {
  for (const [place, [from, to]] of Object.entries(mended)) {
    const path = await copies.pathOf(place);
    const parts = (await readFile(path, "utf8")).split(from);
    if (parts.length !== 2) throw new Error(`${place} has ${parts.length - 1} times what is to be mended`);
    await writeFile(path, parts.join(to));
  }
}

async function build(program: Program, dir: string): Promise<void> {
  const { name, module, main = module } = program;
  const mod = join(dir, "module");
  await mkdir(mod);
  await writeFile(join(mod, "go.mod"), goMod(program));
  const copies = new Copies(mod);
  await prune(program, copies);
  await mend(program, copies);
  await writeFile(join(mod, "go.mod"), goMod(program, copies.dirs));
  // Symbols and debugging tables are a third of it.
  const words = ["go", "build", "-C", mod, "-ldflags=-s -w", "-o", join(dir, name), main];
  const env = { ...ENV, CGO_ENABLED: program.cgo ? "1" : "0" };
  await mustRun([...GENTLE, ...words], { env, timeoutMs: BUILD_MS_MAX });
  await rm(mod, { recursive: true });
}

/** The path of a program, which is built if there is none. */
export async function ensureProgram(program: Program): Promise<string> {
  const parts = [FORMAT, process.arch, await goVersion(), ENV, program, await readFile(PRUNE, "utf8")];
  const digest = createHash("sha256").update(JSON.stringify(parts)).digest("hex").slice(0, 16);
  const dir = await ensureBuilt(`program-${program.name}`, digest, (built) => build(program, built));
  return join(dir, program.name);
}

export const sizeOf = async (path: string): Promise<number> => (await stat(path)).size;
