/** What a state of the site may import: boma's states, zod, and files of the site. All else is refused with its place. */
import { readFileSync, realpathSync } from "node:fs";
import { isBuiltin } from "node:module";
import { dirname, extname, join, relative, resolve, sep } from "node:path";
import { fileURLToPath } from "node:url";

import { BomaError } from "@boma/protocol";
import * as states from "@boma/states";
import type { Plugin } from "rolldown";

import type { Kind } from "./build-bundle.ts";

const ENTRY = "\0boma:entry";
const STATES = "\0boma:states";
const ENDINGS: readonly string[] = [".ts", ".mts", ".js", ".mjs", ".json"];

export const BUNDLE_ENTRY = ENTRY;

export function bundleImports(site: string, kinds: readonly Kind[]): Plugin {
  return {
    name: "boma",
    resolveId(specifier, importer) {
      if (specifier === ENTRY) return ENTRY;
      if (specifier === "@boma/states") return { id: STATES, moduleSideEffects: false };
      if (specifier === "zod") return zodFile();
      if (importer === undefined || importer === ENTRY) return ownFile(site, specifier, ENTRY);
      // Packages that we bring find their own parts.
      if (!isBelow(site, importer)) return undefined;
      return ownFile(site, specifier, importer);
    },
    load(id) {
      if (id === ENTRY) return entryCode(site, kinds);
      if (id === STATES) return statesCode();
      return undefined;
    },
  };
}

function entryCode(site: string, kinds: readonly Kind[]): string {
  const imports = kinds.map(({ file }, at) => `import kind${at} from ${JSON.stringify(join(site, file))};`);
  const entries = kinds.map(({ name }, at) => `[${JSON.stringify(name)}, kind${at}]`);
  return `${imports.join("\n")}\nexport const kinds = [${entries.join(", ")}];\n`;
}

/** The agent's own, by a name in its process; see bundle-loader.ts of the agent. */
const statesCode = (): string =>
  [
    `const $boma = globalThis[Symbol.for("boma.states")];`,
    ...Object.keys(states).map((name) => `export const ${name} = /* @__PURE__ */ (() => $boma.${name})();`),
  ].join("\n");

function ownFile(site: string, specifier: string, importer: string): string {
  if (isBuiltin(specifier))
    throw refused(site, specifier, importer, "a state reaches the machine through the host that it is given");
  const isPath = /^\.{1,2}\//.test(specifier) || importer === ENTRY;
  if (!isPath)
    throw refused(
      site,
      specifier,
      importer,
      "only `@boma/states`, `zod` and the site's own files go into a bundle",
    );
  let real: string;
  try {
    real = realpathSync(importer === ENTRY ? specifier : resolve(dirname(importer), specifier));
  } catch {
    throw refused(site, specifier, importer, "there is no such file");
  }
  if (!isBelow(site, real)) throw refused(site, specifier, importer, "it lies outside of the site");
  if (!ENDINGS.includes(extname(real)))
    throw refused(site, specifier, importer, "only TypeScript, JavaScript and JSON can be imported");
  return real;
}

const isBelow = (dir: string, path: string): boolean => path.startsWith(dir + sep);

function refused(site: string, specifier: string, importer: string, why: string): BomaError {
  if (importer === ENTRY)
    return new BomaError("bundle/build", `${relative(site, specifier)} cannot go into the bundle: ${why}`);
  const line = lineOf(readFileSync(importer, "utf8"), specifier);
  const place = `${relative(site, importer)}${line === undefined ? "" : `:${line}`}`;
  return new BomaError("bundle/build", `${place} imports ${JSON.stringify(specifier)}: ${why}`);
}

function lineOf(text: string, specifier: string): number | undefined {
  const at = text
    .split("\n")
    .findIndex((line) => line.includes(`"${specifier}"`) || line.includes(`'${specifier}'`));
  return at < 0 ? undefined : at + 1;
}

/** The zod that the master itself uses, wherever the site lies. */
function zodFile(): string {
  try {
    return fileURLToPath(import.meta.resolve("zod"));
  } catch {
    throw new BomaError("bundle/build", "zod is not installed beside this master");
  }
}
