/** The files of an import: read before anything is done, written only when all of them can be. */
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { dirname, join, relative, resolve, sep } from "node:path";

import { BomaError } from "@boma/protocol";

import type { ImportedTree, SlsSource } from "./import-sls.ts";

const BYTES_MAX = 1024 * 1024;
const FILES_MAX = 1000;

export function readSources(files: readonly string[]): readonly SlsSource[] {
  if (files.length > FILES_MAX)
    throw new BomaError("usage/argument", `more than ${FILES_MAX} files`, { hint: "Import them in parts." });
  const paths = [...new Set(files.map((file) => resolve(file)))];
  const root = commonRoot(paths.map(dirname));
  return paths.map((path) => {
    const file = files.find((one) => resolve(one) === path)!;
    return { file, sls: slsOf(path, root), text: textOf(file) };
  });
}

function commonRoot([first = "/", ...rest]: readonly string[]): string {
  let root = first;
  const isAbove = (path: string): boolean =>
    path === root || path.startsWith(root.endsWith(sep) ? root : root + sep);
  while (!rest.every(isAbove)) root = dirname(root);
  return root;
}

/** web/init.sls is `web`, web/site.sls is `web.site`. */
function slsOf(path: string, root: string): string {
  const bare = path.replace(/\.sls$/, "");
  const named = bare.endsWith(`${sep}init`) ? dirname(bare) : bare;
  const inside = relative(root, named);
  return (inside === "" ? named.split(sep).at(-1)! : inside).split(sep).join(".");
}

function textOf(file: string): string {
  const unreadable = (why: string, cause?: unknown): BomaError =>
    new BomaError("usage/file", `${file}: ${why}`, { cause });
  try {
    const stat = statSync(file);
    if (!stat.isFile()) throw unreadable("it is no file");
    if (stat.size > BYTES_MAX) throw unreadable(`it is larger than ${BYTES_MAX} bytes`);
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(readFileSync(file));
  } catch (thrown) {
    if (thrown instanceof BomaError) throw thrown;
    if (thrown instanceof TypeError) throw unreadable("it is no text in UTF-8", thrown);
    throw unreadable((thrown as Error).message, thrown);
  }
}

interface Where {
  readonly file: string | undefined;
  readonly directory: string | undefined;
  readonly force: boolean;
}

/** Writes trees that have a declaration; says which files they are. */
export function writeTrees(
  trees: readonly ImportedTree[],
  { file, directory, force }: Where,
): readonly string[] {
  const full = trees.filter(({ count }) => count > 0);
  const wanted =
    directory !== undefined
      ? full.map(({ sls, text }) => ({ path: join(directory, `${sls.replaceAll(".", sep)}.yaml`), text }))
      : file !== undefined && full.length > 0
        ? [{ path: file, text: trees.map(({ text }) => text).join("") }]
        : [];
  for (const { path } of wanted)
    if (!force && existsSync(path))
      throw new BomaError("usage/file", `${path} is there already`, { hint: "`--force` writes over it." });
  for (const { path, text } of wanted) {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text, { flag: force ? "w" : "wx" });
  }
  return wanted.map(({ path }) => path);
}
