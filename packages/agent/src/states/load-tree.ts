/** A tree in TypeScript from wherever it lies: what it imports by name comes from this agent, not from beside it. */
import { createRequire, registerHooks } from "node:module";
import { isSea } from "node:sea";
import { pathToFileURL } from "node:url";

import { BomaError } from "@boma/protocol";
import type { Tree } from "@boma/states";

let hooked = false;

async function hook(): Promise<void> {
  if (hooked) return;
  hooked = true;
  const { sourceOf, urlOf } = await import("./tree-modules.ts");
  registerHooks({
    resolve(specifier, context, next) {
      const url = urlOf(specifier);
      return url === undefined ? next(specifier, context) : { url, format: "module", shortCircuit: true };
    },
    load(url, context, next) {
      const source = sourceOf(url);
      return source === undefined ? next(url, context) : { source, format: "module", shortCircuit: true };
    },
  });
}

export async function loadTree(path: string): Promise<Tree> {
  await hook();
  let module: { default?: unknown };
  try {
    // In a single executable `import()` finds no files.
    module = (isSea() ? createRequire(path)(path) : await import(pathToFileURL(path).href)) as typeof module;
  } catch (cause) {
    throw new BomaError("usage/file", `${path} cannot be loaded: ${whereAndWhat(cause, path)}`, { cause });
  }
  const found = module.default;
  if (typeof found === "function" && "isTree" in found) return found as Tree;
  throw new BomaError("usage/file", `${path} has no tree as its default export`, {
    hint: 'Write: export default tree(() => [file.managed("/etc/motd", { contents: "hello\\n" })]);',
  });
}

/** The line of the file that threw, where the stack tells it. */
function whereAndWhat(thrown: unknown, path: string): string {
  if (!(thrown instanceof Error)) return String(thrown);
  const row = thrown.stack?.split("\n").find((line) => line.includes(path));
  const place = row === undefined ? undefined : /:(\d+:\d+|\d+)\)?$/.exec(row.trim())?.[1];
  return place === undefined ? thrown.message : `line ${place}: ${thrown.message}`;
}
