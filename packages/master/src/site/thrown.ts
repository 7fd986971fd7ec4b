/** Whatever site code threw, as an error with its place in the site. */
import { fileURLToPath } from "node:url";

import { BomaError } from "@boma/protocol";
import { z } from "zod";

import { type Place, SiteError } from "./site-error.ts";
import type { SitePaths } from "./site-paths.ts";

const FRAME = /\(?(file:\/\/[^()\s]*?|\/[^()]*?):(\d+)(?::(\d+))?\)?$/;
/** What is not there in a site, and why it is missed. */
const ABSENT: Readonly<Record<string, string>> = {
  process:
    "A site knows nothing of the machine it is compiled on; what a tree may know comes as its argument.",
  fetch: "A site has no network; what it needs is in its files or in the pillar.",
  setTimeout: "A tree is computed at once: nothing in it can wait.",
  setInterval: "A tree is computed at once: nothing in it can wait.",
  require: 'Write `import … from "…"`.',
  __dirname: '`read("files/…")` reads by the path from the site\'s root.',
};

export function siteErrorOf(thrown: unknown, paths: SitePaths, fallback?: Place): SiteError {
  if (thrown instanceof SiteError && thrown.place) return thrown;
  const place = placeOf(thrown, paths) ?? fallback;
  if (thrown instanceof SiteError)
    return new SiteError(thrown.code, thrown.what, { place, hint: thrown.hint });
  if (thrown instanceof BomaError) {
    const { code, hint } = thrown;
    const { what, said } = placeSaid(plain(thrown.message, paths), paths);
    return new SiteError(code, what, { place: said ?? place, hint });
  }
  return new SiteError("site/broken", plain(textOf(thrown), paths), { place, hint: hintFor(thrown) });
}

const LEADING = /^([^\s:][^:\n]*):(\d+):(\d+): /;
const WITHIN = /(?<![^\s(])([^\s():]+):(\d+):(\d+)/;

/** The place that a message names itself: in front, as the reader of YAML does, or at the first declaration. */
function placeSaid(message: string, paths: SitePaths): { what: string; said: Place | undefined } {
  const leading = LEADING.exec(message);
  const [, file = "", line, column] = leading ?? WITHIN.exec(message) ?? [];
  if (file === "" || !paths.isFile(file)) return { what: message, said: undefined };
  const said = { file, line: Number(line), column: Number(column) };
  if (!leading) return { what: message, said };
  // The line and the caret under it are shown by whoever prints places.
  return { what: message.slice(leading[0].length).replace(/\n[^\n]*\n\s*\^\s*$/, ""), said };
}

/** Hostile values have no text, or one that throws. */
function textOf(thrown: unknown): string {
  try {
    if (isAsyncModule(thrown))
      return "a file of a site cannot wait: there is an `await` outside of all functions";
    if (thrown instanceof z.ZodError) return z.prettifyError(thrown);
    if (thrown instanceof Error)
      return thrown.name === "Error"
        ? String(thrown.message)
        : `${String(thrown.name)}: ${String(thrown.message)}`;
    return `it threw ${String(thrown)}`;
  } catch {
    return "it threw something that cannot be shown";
  }
}

const isAsyncModule = (thrown: unknown): boolean =>
  thrown instanceof Error && (thrown as NodeJS.ErrnoException).code === "ERR_REQUIRE_ASYNC_MODULE";

const plain = (text: string, paths: SitePaths): string =>
  text.replaceAll(`file://${paths.root}/`, "").replaceAll(`${paths.root}/`, "").slice(0, 16_384);

function hintFor(thrown: unknown): string | undefined {
  if (!(thrown instanceof Error)) return undefined;
  if (isAsyncModule(thrown))
    return "A tree is computed at once: take out the `await` at the top of the file.";
  const [, name] = /^(\w+) is not defined/.exec(thrown.message) ?? [];
  return name !== undefined && Object.hasOwn(ABSENT, name) ? ABSENT[name] : undefined;
}

/** The first line of a stack that lies in the site. A syntax error has its place on the first line of all. */
function placeOf(thrown: unknown, paths: SitePaths): Place | undefined {
  let stack: unknown;
  try {
    stack = (thrown as Error | undefined)?.stack;
  } catch {
    return undefined;
  }
  if (typeof stack !== "string") return undefined;
  const rows = stack.slice(0, 65_536).split("\n");
  for (const [at, row] of rows.entries()) {
    const [, path, line, column] = FRAME.exec(row.trim()) ?? [];
    const file = path === undefined ? undefined : paths.nameOf(pathOf(path));
    if (file === undefined) continue;
    const caret = at === 0 && column === undefined ? caretIn(rows) : undefined;
    return { file, line: Number(line), column: column === undefined ? caret : Number(column) };
  }
  return undefined;
}

function pathOf(path: string): string {
  try {
    return path.startsWith("file:") ? fileURLToPath(path) : path;
  } catch {
    return "";
  }
}

/** Under the line that does not parse there are carets. */
function caretIn(rows: readonly string[]): number | undefined {
  const row = rows.slice(1, 4).find((text) => /^\s*\^+\s*$/.test(text));
  return row === undefined ? undefined : row.indexOf("^") + 1;
}
