/** The kernel as /proc and /sys show it. */
import { readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { BomaError } from "@boma/protocol";
import type { Kernel, ModuleStatus, Port, ReadKernel } from "@boma/states/core";

import type { Tools } from "./tools.ts";

/** Where the kernel shows itself; tests have directories of their own. */
export interface KernelRoots {
  readonly proc: string;
  readonly sys: string;
  readonly modules: string;
}

const ROOTS: KernelRoots = { proc: "/proc", sys: "/sys", modules: "/lib/modules" };

export function realKernel({ commands }: Tools, roots: KernelRoots = ROOTS): Port<ReadKernel, Kernel> {
  const pathOf = (key: string): string => join(roots.proc, "sys", key);
  const read: ReadKernel = {
    async parameter(key) {
      const text = await textOf(pathOf(key));
      return text?.replace(/\n$/, "");
    },
    async module(name) {
      const here = await inKernel(name, roots);
      if (here) return here;
      // It also knows the other names of a module, and says nothing when it could load it.
      const dry = await commands.read({ argv: ["modprobe", "--dry-run", "--quiet", name] });
      return dry.exitCode === 0 ? "available" : "missing";
    },
  };
  const write: Kernel = {
    ...read,
    async setParameter(key, value) {
      // Opened without O_CREAT: a parameter that is not there must not become a file.
      await writeFile(pathOf(key), `${value}\n`, { flag: "r+" }).catch((cause: unknown) => {
        throw refusal(pathOf(key), value, cause as NodeJS.ErrnoException);
      });
    },
    load: async (name) => void (await commands.must({ argv: ["modprobe", name] })),
    unload: async (name) => void (await commands.must({ argv: ["modprobe", "--remove", name] })),
  };
  return { read, write };
}

/** A module that is loaded has a state in /sys; one that is built in shows itself there without one, or is listed. */
async function inKernel(
  name: string,
  { proc, sys, modules }: KernelRoots,
): Promise<ModuleStatus | undefined> {
  if ((await textOf(join(sys, "module", name, "initstate")))?.trim() === "live") return "loaded";
  if (isLoaded((await textOf(join(proc, "modules"))) ?? "", name)) return "loaded";
  if (await isThere(join(sys, "module", name))) return "builtin";
  const release = (await textOf(join(proc, "sys/kernel/osrelease")))?.trim() ?? "";
  const builtin = await textOf(join(modules, release, "modules.builtin"));
  return isBuiltIn(builtin ?? "", name) ? "builtin" : undefined;
}

/** Lines of /proc/modules: the name, its size, who uses it, and its state. */
export const isLoaded = (modules: string, name: string): boolean =>
  modules.split("\n").some((line) => line.split(" ")[0] === name && line.split(" ")[4] === "Live");

/** Lines of modules.builtin: paths of what would be the modules' files. */
export const isBuiltIn = (list: string, name: string): boolean =>
  list.split("\n").some((line) => {
    const [, file] = /([^/]+)\.ko$/.exec(line) ?? [];
    return file?.replaceAll("-", "_") === name;
  });

async function textOf(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, "utf8");
  } catch (thrown) {
    const { code } = thrown as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ENOTDIR") return undefined;
    throw new BomaError("state/unsupported", `${path} cannot be read: ${code}`, { cause: thrown });
  }
}

const isThere = (path: string): Promise<boolean> =>
  stat(path).then(
    () => true,
    () => false,
  );

function refusal(path: string, value: string, cause: NodeJS.ErrnoException): BomaError {
  const { code = "" } = cause;
  if (["EROFS", "EACCES", "EPERM"].includes(code))
    return new BomaError("state/unsupported", `${path} cannot be written here (${code})`, {
      cause,
      hint: "In a container the kernel belongs to the host: set it there.",
    });
  return new BomaError("state/command-failed", `${path} does not take the value ${value}: ${code}`, {
    cause,
  });
}
