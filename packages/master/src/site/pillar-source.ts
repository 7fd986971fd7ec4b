import { closest } from "@boma/protocol";
/** The site's pillar: which data is for whom, read from pillar/. */
import { assertPillarTop, type PillarSource, readPillarBy, showPillar } from "@boma/states";
import { z } from "zod";

import type { NodeInput, PillarValue } from "./child-words.ts";
import { type Layer, type MergedPillar, mergePillar, type PillarLeaf } from "./pillar-merge.ts";
import { SiteError } from "./site-error.ts";
import type { SiteModules } from "./site-modules.ts";
import { positionOf } from "./site-paths.ts";
import { siteErrorOf } from "./thrown.ts";
import { compileEntry, type Entry, type World } from "./top-entries.ts";
import { readYaml } from "./yaml-data.ts";

const TOP = "pillar/top.ts";
const SCHEMA = "pillar/schema.ts";

/** Where data comes from: the file, and a line for a path of names where it can be said. */
type Origin = Omit<Layer, "data">;
interface NamedData {
  readonly data: unknown;
  readonly origin: Origin;
}

export class PillarOfSite {
  readonly #entries: readonly Entry<PillarSource>[];
  readonly #schema: z.ZodType | undefined;
  readonly #named = new Map<string, NamedData>();
  /** Data objects that code exports, by themselves. */
  readonly #origins = new Map<unknown, Origin>();
  readonly #modules: SiteModules;

  constructor(modules: SiteModules, world: World) {
    this.#modules = modules;
    const { paths } = modules;
    for (const file of modules.list("pillar", [".ts", ".js", ".yaml", ".yml"]))
      if (file !== TOP && file !== SCHEMA) modules.attempt(file, () => this.#loadData(file));
    if (!paths.isFile(TOP)) {
      this.#entries = [];
      this.#schema = undefined;
      return;
    }
    const { default: top } = modules.load(TOP);
    try {
      assertPillarTop(top);
      this.#schema = paths.isFile(SCHEMA) ? schemaOf(modules) : undefined;
      this.#entries = top.entries.map(({ target, sources }) => compileEntry(world, TOP, target, sources));
      for (const { values } of this.#entries) for (const source of values) this.#resolve(source);
    } catch (thrown) {
      throw siteErrorOf(thrown, paths, { file: TOP });
    }
  }

  of(node: NodeInput): MergedPillar {
    const layers = this.#entries
      .filter(({ matches }) => matches(node))
      .flatMap(({ values }) => values.map((source) => this.#layer(source, node)));
    const merged = mergePillar(layers);
    if (!this.#schema) return merged;
    const read = readPillarBy(this.#schema, merged.value);
    if (read.success) return byOrigin(read.data as Record<string, unknown>, merged.leaves);
    throw schemaError(read.error, merged.leaves, node.id);
  }

  #loadData(file: string): void {
    const name = file.slice("pillar/".length).replace(/\.\w+$/, "");
    if (this.#named.has(name))
      throw new SiteError("site/broken", `two files hold the pillar ${name}`, { place: { file } });
    if (/\.ya?ml$/.test(file)) {
      const { value, placeOf } = readYaml(this.#modules.paths.read(file), file);
      this.#named.set(name, { data: value ?? {}, origin: { file, lineOf: (path) => placeOf(path)?.line } });
      return;
    }
    const module = this.#modules.load(file);
    const origin = { file, lineOf: onlyLine(this.#modules.paths.read(file)) };
    for (const value of Object.values(module)) this.#origins.set(value, origin);
    if (module["default"] !== undefined) this.#named.set(name, { data: module["default"], origin });
  }

  #resolve(source: PillarSource): NamedData {
    if (typeof source !== "string") {
      const origin = this.#origins.get(source) ?? {
        file: TOP,
        lineOf: onlyLine(this.#modules.paths.read(TOP)),
      };
      return { data: source, origin };
    }
    const name = source.replace(/\.(ya?ml|ts|js)$/, "");
    const found = this.#named.get(name);
    if (found) return found;
    const broken = [...this.#modules.errors].find(
      ([file]) => file.replace(/\.\w+$/, "") === `pillar/${name}`,
    );
    if (broken) throw broken[1];
    const meant = closest(name, this.#named.keys());
    throw new SiteError("site/missing", `there is no pillar/${name}.yaml or pillar/${name}.ts`, {
      hint: meant === undefined ? undefined : `Did you mean \`${meant}\`?`,
    });
  }

  #layer(source: PillarSource, { id, assigned }: NodeInput): Layer {
    const { data, origin } = this.#resolve(source);
    if (typeof data !== "function") return { ...origin, data };
    try {
      return { ...origin, data: (data as (known: object) => unknown)({ assigned, node: { id } }) };
    } catch (thrown) {
      throw siteErrorOf(thrown, this.#modules.paths, { file: origin.file });
    }
  }
}

function schemaOf(modules: SiteModules): z.ZodType {
  const { default: schema } = modules.load(SCHEMA);
  if (schema instanceof z.ZodType) return schema;
  throw new SiteError("site/broken", "the default export is not a schema of zod", {
    place: { file: SCHEMA },
    hint: "Write `export default z.object({…})`.",
  });
}

/** The line of a value in code, where its name is written once only. */
function onlyLine(source: string): (path: readonly (string | number)[]) => number | undefined {
  return (path) => {
    const name = String(path.at(-1) ?? "").replace(/[^\w-]/g, "");
    if (name === "") return undefined;
    const found = [...source.matchAll(new RegExp(`(?<![\\w-])["']?${name}["']?\\s*:`, "g"))];
    return found.length === 1 ? positionOf(source, found[0]!.index).line : undefined;
  };
}

/** Values as the schema gives them, each with the origin of what it was read from; the rest are its defaults. */
function byOrigin(value: Record<string, unknown>, before: readonly PillarLeaf[]): MergedPillar {
  const origins = new Map(before.map((leaf) => [JSON.stringify(leaf.path), leaf]));
  const { leaves } = mergePillar([{ data: value, file: SCHEMA }]);
  return {
    value,
    leaves: leaves.map((leaf) => {
      const origin = origins.get(JSON.stringify(leaf.path));
      return origin ? { ...leaf, file: origin.file, line: origin.line } : leaf;
    }),
  };
}

function schemaError(error: z.ZodError, leaves: readonly PillarLeaf[], id: string): SiteError {
  const [issue] = error.issues;
  const path = issue?.path.map(String) ?? [];
  const unknown = issue?.code === "unrecognized_keys" ? issue.keys.slice(0, 1) : [];
  const wanted = [...path, ...unknown];
  const leaf = leaves.find((one) => wanted.every((name, at) => one.path[at] === name));
  return new SiteError(
    "site/pillar",
    `the pillar of ${id} does not fit pillar/schema.ts:\n${z.prettifyError(error)}`,
    {
      place: leaf && wanted.length > 0 ? { file: leaf.file, line: leaf.line } : { file: SCHEMA },
    },
  );
}

/** Every value as it may be shown. */
export const pillarValues = ({ leaves }: MergedPillar): PillarValue[] =>
  leaves.map(({ path, value, file, line }) => ({
    path: path.join(":").slice(0, 1024),
    value: showPillar(value),
    file,
    ...(line !== undefined && { line }),
  }));
