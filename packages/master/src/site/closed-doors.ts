/**
 * Takes out of reach what a site has no use for. The fence is the process's
 * permissions; this makes a slip an error with a line instead of a riddle.
 */
import { inspect } from "node:util";

import { SiteError } from "./site-error.ts";
import type { SitePaths } from "./site-paths.ts";
import { siteErrorOf } from "./thrown.ts";

/** Signals and descriptors are not covered by the process's permissions, so nothing that reaches them is left. */
const DANGEROUS = [
  "abort",
  "binding",
  "_linkedBinding",
  "chdir",
  "dlopen",
  "exit",
  "getBuiltinModule",
  "kill",
  "_kill",
  "_debugProcess",
  "openStdin",
  "reallyExit",
  "setgid",
  "setuid",
  "stderr",
  "stdin",
  "stdout",
] as const;

const GONE = [
  "process",
  "fetch",
  "setTimeout",
  "setInterval",
  "setImmediate",
  "clearTimeout",
  "clearInterval",
  "clearImmediate",
  "WebSocket",
  "EventSource",
  "BroadcastChannel",
  "MessageChannel",
  "MessagePort",
  "Worker",
  "localStorage",
  "sessionStorage",
  "navigator",
  "WebAssembly",
] as const;

const LEVELS = ["debug", "dir", "error", "info", "log", "table", "trace", "warn"] as const;

export function closeDoors(
  paths: SitePaths,
  note: (text: string, file?: string, line?: number) => void,
): void {
  const { process } = globalThis;
  for (const name of DANGEROUS)
    Object.defineProperty(process, name, {
      configurable: false,
      value: () => {
        throw new SiteError("site/ended", `a site may not use process.${name}`);
      },
    });
  const print = (...values: readonly unknown[]): void => {
    const text = values.map((value) => (typeof value === "string" ? value : shown(value))).join(" ");
    const { place } = siteErrorOf(new Error("where"), paths);
    note(text, place?.file, place?.line);
  };
  const silent = (): void => undefined;
  const own = Object.fromEntries(LEVELS.map((level) => [level, print]));
  globalThis.console = new Proxy(own, {
    get: (target, name) => Reflect.get(target, name) ?? silent,
  }) as unknown as typeof console;
  for (const name of GONE) Reflect.deleteProperty(globalThis, name);
}

const shown = (value: unknown): string => {
  try {
    return inspect(value, { depth: 3, maxArrayLength: 20, maxStringLength: 1000, customInspect: false });
  } catch {
    return "something that cannot be shown";
  }
};
