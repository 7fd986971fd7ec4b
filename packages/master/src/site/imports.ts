/** What the site may import: boma's states, zod, eta, and its own files. Everything else is refused with its place. */
import { readFileSync, realpathSync } from "node:fs";
import { isBuiltin, registerHooks } from "node:module";
import { extname } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

import { closest } from "@boma/protocol";

import { SiteError } from "./site-error.ts";
import { literalIn, type SitePaths } from "./site-paths.ts";

const OURS = ["@boma/states", "@boma/states/testing", "zod", "eta"] as const;
/** How each kind of file is read, whatever lies around it: no package.json of the site turns it into something else. */
const FORMATS: Readonly<Record<string, string>> = {
  ".ts": "module-typescript",
  ".mts": "module-typescript",
  ".js": "module",
  ".mjs": "module",
};

/** From now on the site's imports lead where they may; `opening` hears of each file before it runs. */
export function guardImports(paths: SitePaths, opening: (name: string) => void): void {
  const ours = new Map<string, string>(OURS.map((name) => [name, import.meta.resolve(name)]));
  registerHooks({
    resolve(specifier, context, next) {
      const from = context.parentURL?.startsWith("file:") ? fileURLToPath(context.parentURL) : undefined;
      const importer = from === undefined ? undefined : paths.nameOf(from);
      if (importer === undefined) return next(specifier, context);
      const url = ours.get(specifier);
      if (url !== undefined)
        return { ...next(url, { ...context, parentURL: import.meta.url }), shortCircuit: true };
      const name = ownFile(paths, specifier, from!);
      const why = typeof name === "string" ? undefined : name.why;
      if (why !== undefined) throw refused(paths, importer, specifier, why);
      const path = paths.at(name as string);
      opening(name as string);
      return { url: pathToFileURL(path).href, format: FORMATS[extname(path)]!, shortCircuit: true };
    },
  });
}

interface Why {
  readonly why: string;
  readonly hint?: string | undefined;
}

/** The file of the site that an import means, by its name there; else why there is none. */
function ownFile(paths: SitePaths, specifier: string, from: string): string | { readonly why: Why } {
  if (isBuiltin(specifier))
    return {
      why: {
        why: "a site has no access to the machine",
        hint: "`read(…)` gives the text of a file of the site; all else a tree knows comes as its argument.",
      },
    };
  if (!/^\.{1,2}\//.test(specifier)) {
    const meant = closest(specifier, OURS);
    return {
      why: {
        why: "it is none of the packages that a site may use",
        hint: meant === undefined ? undefined : `Did you mean \`${meant}\`?`,
      },
    };
  }
  const outside = { why: { why: "it lies outside of the site" } };
  const wanted = fileURLToPath(new URL(specifier, pathToFileURL(from)));
  if (paths.nameOf(wanted) === undefined) return outside;
  let real: string;
  try {
    real = realpathSync(wanted);
  } catch {
    const bare = extname(specifier) === "" ? `Write the ending as well: ${specifier}.ts` : undefined;
    return { why: { why: "there is no such file", hint: bare } };
  }
  const name = paths.nameOf(real);
  if (name === undefined) return outside;
  if (!(extname(name) in FORMATS))
    return {
      why: {
        why: "only TypeScript and JavaScript can be imported",
        hint: "Name a YAML file in top.ts as a text; `read(…)` reads any other.",
      },
    };
  return name;
}

function refused(paths: SitePaths, importer: string, specifier: string, { why, hint }: Why): SiteError {
  const source = readFileSync(paths.at(importer), "utf8");
  return new SiteError("site/import", `${JSON.stringify(specifier)} cannot be imported: ${why}`, {
    place: { file: importer, ...literalIn(source, specifier) },
    hint,
  });
}
