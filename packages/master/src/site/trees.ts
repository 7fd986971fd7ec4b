/** The trees of a site and the kinds of states that it defines itself: files below states/, told apart by what they export. */
import { closest } from "@boma/protocol";
import { type AnySpec, type AnyState, states, type Tree } from "@boma/states";

import { SiteError } from "./site-error.ts";
import type { SiteModules } from "./site-modules.ts";
import { yamlTree } from "./yaml-tree.ts";

const FOLDER = "states";
const YAML = [".yaml", ".yml"] as const;
const CODE = [".ts", ".js"] as const;

export interface NamedTree {
  readonly name: string;
  readonly file: string;
  readonly tree: Tree;
}
export interface OwnKind {
  readonly name: string;
  readonly file: string;
  readonly spec: AnySpec;
}

export interface Trees {
  /** Ours and the site's own. */
  readonly specs: Readonly<Record<string, AnySpec>>;
  readonly kinds: readonly OwnKind[];
  readonly byName: ReadonlyMap<string, NamedTree>;
  readonly byTree: ReadonlyMap<Tree, NamedTree>;
}

export function loadTrees(modules: SiteModules): Trees {
  const kinds: OwnKind[] = [];
  const named: NamedTree[] = [];
  const specs: Record<string, AnySpec> = Object.create(null) as Record<string, AnySpec>;
  for (const [name, { spec }] of Object.entries(states)) specs[name] = spec;
  for (const file of modules.list(FOLDER, CODE))
    modules.attempt(file, () => {
      const { default: made } = modules.load(file);
      // A file without a default export is code that others share.
      if (made === undefined) return;
      if (isTree(made)) named.push({ name: treeName(file), file, tree: made });
      else if (isKind(made)) kinds.push(ownKind(made.spec, file, specs));
      else
        throw new SiteError("site/broken", "the default export is neither a tree nor a kind of state", {
          place: { file },
          hint: "Write `export default tree(…)` or `export default defineState({…})`; shared code exports by name.",
        });
    });
  // Trees in YAML may use the site's own kinds, so these come first.
  for (const file of modules.list(FOLDER, YAML))
    modules.attempt(file, () => {
      const tree = yamlTree(modules.paths.read(file), file, specs);
      named.push({ name: treeName(file), file, tree });
    });
  return {
    specs,
    kinds,
    byName: namesOf(named, modules),
    byTree: new Map(named.map((tree) => [tree.tree, tree])),
  };
}

/** `states/web.ts`, `states/web.yaml` and `states/web/index.ts` are all the tree `web`. */
const treeName = (file: string): string =>
  file
    .slice(FOLDER.length + 1)
    .replace(/\.(ts|js|yaml|yml)$/, "")
    .replace(/\/index$/, "");

function namesOf(named: readonly NamedTree[], modules: SiteModules): Map<string, NamedTree> {
  const byName = new Map<string, NamedTree>();
  for (const tree of named) {
    const other = byName.get(tree.name);
    if (!other) byName.set(tree.name, tree);
    else
      modules.attempt(tree.file, () => {
        throw new SiteError("site/broken", `${other.file} is a tree of the name ${tree.name} as well`, {
          place: { file: tree.file },
          hint: "Rename one of them.",
        });
      });
  }
  return byName;
}

export const isTree = (value: unknown): value is Tree =>
  typeof value === "function" && (value as Partial<Tree>).isTree === true;

function isKind(value: unknown): value is AnyState {
  if (typeof value !== "function") return false;
  const { spec } = value as Partial<AnyState>;
  return (
    typeof spec?.name === "string" && typeof spec.check === "function" && typeof spec.apply === "function"
  );
}

function ownKind(spec: AnySpec, file: string, specs: Record<string, AnySpec>): OwnKind {
  if (spec.name in specs)
    throw new SiteError("site/broken", `there is a state ${spec.name} already`, {
      place: { file },
      hint: "Give the site's own states a module name of their own, such as the organisation's.",
    });
  specs[spec.name] = spec;
  return { name: spec.name, file, spec };
}

/** The tree of a name; where there is none, the one that was probably meant. */
export function requireTree(
  { byName }: Trees,
  name: string,
  errors: ReadonlyMap<string, SiteError>,
): NamedTree {
  const found = byName.get(name);
  if (found) return found;
  const broken = [...errors].find(([file]) => file.startsWith(`${FOLDER}/`) && treeName(file) === name);
  if (broken) throw broken[1];
  const meant = closest(name, byName.keys());
  const names = [...byName.keys()].slice(0, 10).join(", ");
  throw new SiteError("site/missing", `there is no tree ${JSON.stringify(name)} below states/`, {
    hint:
      meant !== undefined ? `Did you mean \`${meant}\`?` : names === "" ? undefined : `There are: ${names}.`,
  });
}
