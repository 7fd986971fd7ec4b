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

/** Copies of the modules that are built without a part of themselves; where each lies. */
async function prune({ without }: Program, mod: string): Promise<Readonly<Record<string, string>>> {
  const copies: Record<string, string> = {};
  const groups: string[][] = [];
  for (const [place, imports] of Object.entries(without)) {
    const [module = "", file = ""] = place.split("//");
    if (copies[module] === undefined) {
      copies[module] = `./copy${Object.keys(copies).length}`;
      const copy = [
        "cp",
        "--recursive",
        "--no-preserve=mode",
        await dirOf(module, mod),
        join(mod, copies[module]),
      ];
      await mustRun(copy, { timeoutMs: BUILD_MS_MAX });
    }
    groups.push([join(mod, copies[module], file), ...imports]);
  }
  const words = groups.flatMap((group, at) => (at === 0 ? group : ["--", ...group]));
  const env = { ...ENV, GOFLAGS: "" };
  await mustRun([...GENTLE, "go", "run", PRUNE, ...words], { env, timeoutMs: BUILD_MS_MAX });
  return copies;
}

async function build(program: Program, dir: string): Promise<void> {
  const { name, module, main = module } = program;
  const mod = join(dir, "module");
  await mkdir(mod);
  await writeFile(join(mod, "go.mod"), goMod(program));
  await writeFile(join(mod, "go.mod"), goMod(program, await prune(program, mod)));
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
